"""Which components are held out, by content: a hash decides, so rows that come later move none that are there.

Where the size that this gives is far off, as with few or large components, the components are fitted to the size instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ftkit.data.splitting.links import Joined
from ftkit.data.splitting.ranks import below
from ftkit.data.splitting.sides import MovedRow
from ftkit.errors import DataError

_EXACT_BITS = 4 * 10**8  # memory of the exact search for a size: 50 MB


@dataclass(frozen=True, slots=True)
class Chosen:
    """0-based positions of the held-out rows, and what to say about them."""

    rows: Sequence[int]
    notes: tuple[str, ...] = ()
    moved: tuple[MovedRow, ...] = ()


def by_share(joined: Joined, share: Fraction, wanted: int) -> Chosen:
    """The components whose place lies below the share; fitted to the size where they are more than half of it off."""
    chosen = [
        rows for rows, place in zip(joined.parts, joined.places, strict=True) if below(place, share)
    ]
    size = sum(map(len, chosen))
    if 0 < size < len(joined.contents) and near_enough(size, wanted):
        return Chosen([row for rows in chosen for row in rows])
    fitted = by_number(joined, wanted)
    note = (
        f"the size was fitted: by their content {size:,} rows would be held out, where {wanted:,} were wanted. Adding rows "
        "may move old ones; previous= keeps them in their places"
    )
    return Chosen(fitted.rows, (note,))


def by_number(joined: Joined, wanted: int) -> Chosen:
    """The components, the first in order first, whose rows are as near to the number as possible."""
    sizes = [len(rows) for rows in joined.parts]
    chosen = choose(sizes, wanted)
    if not chosen or not near_enough(sum(sizes[index] for index in chosen), wanted):
        raise impossible(joined, wanted)
    return Chosen([row for index in chosen for row in joined.parts[index]])


def near_enough(size: int, wanted: int) -> bool:
    """Whether a size is at most half of the wanted one off."""
    return 2 * abs(size - wanted) <= wanted


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


def up_to(sizes: Sequence[int], wanted: int) -> list[int]:
    """As `choose`, where none and all are good answers too."""
    if wanted <= 0:
        return []
    return list(range(len(sizes))) if wanted >= sum(sizes) else choose(sizes, wanted)


def impossible(joined: Joined, wanted: int) -> DataError:
    """No choice of components comes near the size; says what holds them together and what to change."""
    sizes = [len(rows) for rows in joined.parts]
    knobs = list(dict.fromkeys(link.mend for link in joined.joining))
    rows, what = len(joined.contents), joined.what
    if len(sizes) == 1:
        knobs.append("more data")
        why = f"all {rows:,} rows hang together by {what}, so none can be held out"
    else:
        knobs.append("another test=")
        why = (
            f"{wanted:,} of {rows:,} rows should be held out, but rows hang together by {what} "
            f"in {len(sizes):,} parts, the largest of {max(sizes):,} rows and the smallest of "
            f"{min(sizes):,}: no choice of parts comes within half of the wanted size"
        )
    return DataError(f"{joined.source}: {why}. Try {'; or '.join(knobs)}")
