"""The latest rows are held out, as a model meets them: trained on what was known then, judged on what came later.

A component is as old as its oldest row, so what hangs together with an old row is trained on whole: it was known already.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ftkit.data.splitting.choice import Chosen, impossible, near_enough
from ftkit.data.splitting.links import Joined
from ftkit.errors import DataError, Fault
from ftkit.words import shortened

if TYPE_CHECKING:
    from ftkit.data.dataset import Dataset

_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?")
_NO_PROMISE = "adding rows may move old ones: the latest are always held out"


@dataclass(frozen=True, slots=True)
class Times:
    """The time of each row, as numbers: those of the column, or seconds since 1970 where it holds `dates`."""

    numbers: Sequence[float]
    dates: bool

    def shown(self, number: float) -> str:
        """One of them in words."""
        return datetime.fromtimestamp(number, UTC).isoformat() if self.dates else f"{number}"


def times_of(data: Dataset, column: str) -> Times:
    """Numbers, or ISO dates and timestamps, in UTC where they name no zone.

    Raises one DataError that names every row without a time, with one that cannot be read, or with one of the other kind.
    """
    values = data.values(column)
    read = [_time(value) for value in values]
    dates = 2 * sum(one is not None and one[0] for one in read) > sum(map(bool, read))
    faults = []
    numbers: list[float] = []
    for row, value, one in zip(data.rows, values, read, strict=True):
        if one is not None and one[0] == dates:
            numbers.append(one[1])
            continue
        if value is None or value == "":
            reason = "no time"
        elif one is None:
            reason = f"{_cut(value)} is neither a number nor an ISO date or timestamp"
        else:
            others = "dates" if dates else "numbers"
            reason = f"{_cut(value)} cannot be compared with the {others} of other rows"
        faults.append(Fault(reason, row.number, row.line, row.offset, column))
    if faults:
        rows = "1 row has" if len(faults) == 1 else f"{len(faults):,} rows have"
        raise DataError(
            f"{data.source}: {rows} no time to split by; mend them, or leave them out with filter",
            faults,
        )
    return Times(numbers, dates)


def latest(joined: Joined, times: Times, wanted: int) -> Chosen:
    """The components that begin last, as many as come nearest to the wanted number of rows."""
    begins = [min(times.numbers[row] for row in rows) for rows in joined.parts]
    order = sorted(range(len(begins)), key=begins.__getitem__, reverse=True)
    sizes: list[int] = []
    for index in order[:-1]:
        sizes.append(len(joined.parts[index]) + (sizes[-1] if sizes else 0))
    if not sizes:
        raise impossible(joined, wanted)
    at = min(range(len(sizes)), key=lambda at: abs(sizes[at] - wanted))
    if not near_enough(sizes[at], wanted):
        raise impossible(joined, wanted)
    rows = [row for index in order[: at + 1] for row in joined.parts[index]]
    border, chosen = begins[order[at]], set(rows)
    left = [time for row, time in enumerate(times.numbers) if row not in chosen]
    notes = []
    if later := sum(time > border for time in left):
        notes.append(
            f"{later:,} rows later than {times.shown(border)} are trained on, as they hang together with earlier ones"
        )
    if same := sum(time == border for time in left):
        notes.append(
            f"{same:,} rows of {times.shown(border)} are trained on while others of that time are held out"
        )
    return Chosen(rows, (*notes, _NO_PROMISE))


def _time(value: Any) -> tuple[bool, float] | None:
    """Whether it is a date, and its number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return (False, value) if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return False, float(text) if "." in text else int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return True, moment.timestamp()


def _cut(value: Any) -> str:
    return shortened(repr(value), 60)
