"""Which rows are held out. Rows that know each other (equal prompt, same group) form a component and never part.

Components are taken in the order of a hash of (seed, smallest content hash), so neither the order of rows nor rows
added later move the old ones needlessly.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ftkit.data.example import Example, digest, digest_of
from ftkit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from ftkit.data.dataset import Dataset

Duplicates = Literal["prompt", "row"]
Keys = Sequence[Hashable | None]  # one a row; None belongs to no group
GroupBy = str | Sequence[str] | Callable[[Example], Any] | None

_EXACT_BITS = 4 * 10**8  # memory of the exact search for a size: 50 MB


def held_out(
    data: Dataset, test: float, seed: int, group_by: GroupBy, duplicates: Duplicates
) -> list[int]:
    """0-based positions of the held-out rows. Raises ConfigError for arguments that make no sense, else DataError."""
    if duplicates not in ("prompt", "row"):
        raise ConfigError(f"duplicates= is 'prompt' or 'row', not {duplicates!r}")
    wanted = _wanted(len(data), test, data.source)
    contents, prompts = [], []
    for example in data:
        contents.append(bytes.fromhex(digest_of(example)))  # half the memory of its text
        prompts.append(bytes.fromhex(digest(example.prompt)))
    same: Keys = prompts if duplicates == "prompt" else contents
    links = [same, *_groups(data, group_by)]
    found = components(len(data), links)
    found.sort(key=lambda rows: _rank(seed, min(contents[row] for row in rows)))
    chosen = choose([len(rows) for rows in found], wanted)
    size = sum(len(found[index]) for index in chosen)
    if not chosen or 2 * abs(size - wanted) > wanted:
        raise _impossible(data, wanted, [len(rows) for rows in found], group_by, duplicates)
    return [row for index in chosen for row in found[index]]


def components(rows: int, links: Sequence[Keys]) -> list[list[int]]:
    """Rows that hang together: each link holds a key a row, rows with an equal key (not None) are connected."""
    parent = list(range(rows))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for keys in links:
        first: dict[Hashable, int] = {}
        for row, key in enumerate(keys):
            if key is not None:
                parent[root(row)] = root(first.setdefault(key, row))
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row in range(rows):
        members[root(row)].append(row)
    return list(members.values())


def choose(sizes: Sequence[int], wanted: int) -> list[int]:
    """Indices of components, the early ones first, whose sizes sum to `wanted` or as near as possible.

    At least one component stays out. Greedy where that is exact, as it is with enough single rows; else every sum that
    can be reached is computed, unless that would take too much memory.
    """
    total = sum(sizes)
    chosen, size = [], 0
    for index, more in enumerate(sizes):
        if abs(size + more - wanted) < abs(size - wanted) and size + more < total:
            chosen.append(index)
            size += more
    if size == wanted or len(sizes) * total > _EXACT_BITS:
        return chosen
    reachable = [1]  # bit n of reachable[-1 - i]: the components from i on can sum to n
    for more in reversed(sizes):
        reachable.append(reachable[-1] | reachable[-1] << more)
    reachable.reverse()
    sums = [n for n in range(1, total) if reachable[0] >> n & 1]
    if not sums:
        return []
    rest = min(sums, key=lambda n: abs(n - wanted))
    chosen = []
    for index, more in enumerate(sizes):
        if more <= rest and reachable[index + 1] >> (rest - more) & 1:
            chosen.append(index)
            rest -= more
    return chosen


def _wanted(rows: int, test: float, source: str) -> int:
    if isinstance(test, bool) or not isinstance(test, int | float):
        raise ConfigError(f"test= is a share such as 0.1 or a number of rows, not {test!r}")
    if rows < 2:
        raise DataError(f"{source}: {rows} rows cannot be split; at least 2 are needed")
    if isinstance(test, float):
        if not 0 < test < 1:
            raise ConfigError(f"test={test!r}: a share lies between 0 and 1; pass an int for rows")
        return max(1, round(rows * test))
    if not 0 < test < rows:
        raise ConfigError(
            f"test={test}: with {rows} rows, between 1 and {rows - 1} can be held out"
        )
    return test


def _groups(data: Dataset, group_by: GroupBy) -> list[Keys]:
    if group_by is None:
        return []
    if callable(group_by):
        return [[_hashable(group_by(example), data, i) for i, example in enumerate(data)]]
    names = [group_by] if isinstance(group_by, str) else list(group_by)
    return [[_key(value) for value in data.values(name)] for name in names]


def _key(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return json.dumps(value, sort_keys=True)


def _hashable(value: Any, data: Dataset, index: int) -> Hashable | None:
    if not isinstance(value, Hashable):
        raise ConfigError(
            f"{data.source}: group_by returned a {type(value).__name__} for row "
            f"{data.rows[index].number}; return text, a number or a tuple"
        )
    return None if value == "" else value


def _rank(seed: int, content: bytes) -> bytes:
    return hashlib.sha256(f"{seed}:{content.hex()}".encode()).digest()


def _impossible(
    data: Dataset, wanted: int, sizes: list[int], group_by: GroupBy, duplicates: Duplicates
) -> DataError:
    what = "equal prompts" if duplicates == "prompt" else "equal rows"
    if group_by is not None:
        what += " or the same group"
    knobs = []
    if group_by is not None:
        knobs.append("group_by= a finer column, or none")
    if duplicates == "prompt":
        knobs.append("duplicates='row', if answers to the same prompt may stand on both sides")
    if len(sizes) == 1:
        knobs.append("more data")
        why = f"all {len(data):,} rows hang together by {what}, so none can be held out"
    else:
        knobs.append("another test=")
        why = (
            f"{wanted:,} of {len(data):,} rows should be held out, but rows hang together by {what} "
            f"in {len(sizes):,} parts, the largest of {max(sizes):,} rows and the smallest of "
            f"{min(sizes):,}: no choice of parts comes within half of the wanted size"
        )
    return DataError(f"{data.source}: {why}. Try {'; or '.join(knobs)}")
