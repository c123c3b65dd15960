"""The storage room: where the rows of a data set are kept, small ones in memory, large ones in their file.

What is remembered of a row is its place and its hash, and every row that is read back is compared with that hash.
"""

from __future__ import annotations

from ftkit.data.storage.joined import Joined, Part, join
from ftkit.data.storage.store import Row, Store, Writer

__all__ = ["Joined", "Part", "Row", "Store", "Writer", "join"]
