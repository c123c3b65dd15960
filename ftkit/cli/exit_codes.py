"""Exit codes that no error carries; those of errors are in `ftkit.errors`."""

GATE_NOT_MET = 5
INTERRUPTED = 130
