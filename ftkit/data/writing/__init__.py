"""The writing room, the counterpart of reading: Examples go in, a whole file comes out under its name, or nothing does.

`targets` (what the name says), `json_rows` and `tables` (rows as text), `packing` (compression), and `rows`, which judges
every row, writes it, and reads the file again before it gets its name.
"""

from __future__ import annotations

from ftkit.data.writing.rows import write
from ftkit.data.writing.targets import stem

__all__ = ["stem", "write"]
