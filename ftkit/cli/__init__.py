"""The command `ftkit`: a module per verb over the same functions that Python code calls."""

from ftkit.cli.main import main

__all__ = ["main"]
