"""`python -m ftkit.cli` is the command."""

from ftkit.cli import main

if __name__ == "__main__":
    main()
