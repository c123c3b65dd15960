"""Starts the server when its folder is given to the interpreter: `python -I .../hosted_server --ready-file F`.

The interpreter then knows the folder's files as loose modules. They are loaded as the package `hosted_server` instead,
found by the parent folder, which goes last on the path: nothing in it may stand in for the standard library.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != folder]
    sys.path.append(str(folder.parent))
    sys.exit(importlib.import_module(f"{folder.name}.command_line").main())
