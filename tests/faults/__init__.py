"""The planters of faults and the lists of the judge: nothing in this folder imports ftkit.

`strace` kills a command at a system call or makes one call fail, `warm` starts programs that can
be killed at a moment or raced against each other, `damage` breaks files, `fuzzed_answers` lists
what a provider's server may send, `canaries` the secrets that may turn up nowhere.
`tests/test_faults.py` and `tests/test_warm_starts.py` show that each of them sees what it should see.
"""
