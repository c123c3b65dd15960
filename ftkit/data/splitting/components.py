"""Which rows hang together, through others too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

Keys = Sequence[
    Hashable | None
]  # one a row; rows with an equal key are connected, None connects nothing


def components(rows: int, links: Iterable[Keys]) -> list[list[int]]:
    """Rows that hang together: each link holds a key a row, rows with an equal key (not None) are connected."""
    parent = list(range(rows))
    for keys in links:
        first: dict[Hashable, int] = {}
        for row, key in enumerate(keys):
            if key is not None:
                parent[_root(parent, row)] = _root(parent, first.setdefault(key, row))
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row in range(rows):
        members[_root(parent, row)].append(row)
    return list(members.values())


def keys_of_pairs(rows: int, pairs: Iterable[tuple[int, int]]) -> Keys:
    """The same key for all rows that pairs connect, one of its own for each other."""
    parent = list(range(rows))
    for one, other in pairs:
        parent[_root(parent, one)] = _root(parent, other)
    return [_root(parent, row) for row in range(rows)]


def _root(parent: list[int], row: int) -> int:
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row
