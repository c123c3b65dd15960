"""Exit codes that no error carries; those of errors are in `ftkit.errors`."""

DECLINED = 3  # nothing was spent
GATE_NOT_MET = 5
INTERRUPTED = 130
