"""`python -m ftkit.cli` is the command."""

from ftkit.cli import main

main()
