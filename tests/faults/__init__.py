"""The planters of faults and the lists of the judge: nothing in this folder imports ftkit.

`strace` kills a command at a system call or makes one call fail, `warm` starts programs that can
be killed at a moment or raced against each other, `attached` does to these what `strace` does to a
command, `damage` breaks files, `fuzzed_answers` lists what a provider's server may send, `canaries`
the secrets that may turn up nowhere. `tests/test_faults.py`, `tests/test_warm_starts.py` and
`tests/test_checkpoint_sweep.py` show that each of them sees what it should see.
"""
