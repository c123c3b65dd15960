"""The planters of faults and the lists of the judge: nothing in this folder imports ftkit.

`strace` kills a command at a system call or makes one call fail, `damage` breaks files,
`fuzzed_answers` lists what a provider's server may send, `canaries` the secrets that may
turn up nowhere. `tests/test_faults.py` shows that each of them sees what it should see.
"""
