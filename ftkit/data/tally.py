"""Which format the rows have, decided when all have gone by, and what each format that was possible says against them.

No row is kept: what is remembered is how many rows had which keys, and the faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ftkit.data.formats import Format
from ftkit.data.reading.fault_log import FaultLog, refusal
from ftkit.data.reading.records import Record
from ftkit.errors import DataError, Fault
from ftkit.words import nearest

COLUMNS = 10_000  # different keys in all rows together; their names are the one thing that grows with a file
_REMEMBERED = (
    1_000  # sets of keys, each of _FEW at most; what is not remembered is looked at anew each time
)
_FEW = 100


@dataclass(slots=True, eq=False)
class _Candidate:
    """What one possible format thinks of the rows so far."""

    format: Format
    log: FaultLog = field(default_factory=FaultLog)


@dataclass(slots=True)
class _Kind:
    """Rows that have the fields of the same formats: how many, and the number of the first."""

    fitting: tuple[_Candidate, ...]
    strange: list[_Candidate]  # the other formats, as long as they judge each row
    first: int
    rows: int = 0
    reasons: dict[_Candidate, str] = field(default_factory=dict)
    unseen: dict[_Candidate, int] = field(default_factory=dict)  # after how many rows they stopped


class Tally:
    """Sees every record once; `choice` then says which format it is. `keys` are the keys of all rows, in order."""

    def __init__(self, source: str, formats: Sequence[Format]) -> None:
        self._source = source
        self._candidates = [_Candidate(format) for format in formats]
        self._kinds: dict[tuple[str, ...], _Kind] = {}  # by the names of the formats
        self._kind_of: dict[tuple[str, ...], _Kind] = {}  # by the keys of a row
        self.keys: dict[str, None] = {}
        self.rows = 0

    def see(self, record: Record) -> None:
        """Let every format judge a row."""
        self.rows += 1
        values = record.values
        keys = tuple(values)
        kind = self._kind_of.get(keys) or self._kind(keys, record)
        kind.rows += 1
        for one in kind.fitting:
            for fault in one.format.faults(values):
                one.log.add(_placed(fault, record))
        if kind.strange:
            self._see_strange(kind, record)

    def _see_strange(self, kind: _Kind, record: Record) -> None:
        """Let the formats judge whose fields the row lacks. It is at fault, so once their logs are full that is enough."""
        for one in list(kind.strange):
            if one.log.full:
                kind.strange.remove(one)
                kind.unseen[one] = kind.rows - 1
            else:
                for fault in one.format.faults(record.values):
                    one.log.add(_placed(fault, record))

    def fitting_most(self) -> Format:
        """The format that fits most rows, whatever is wrong with the others. A tie, or none at all, is an error."""
        return self._chosen(FaultLog()).format

    def choice(self, unreadable: FaultLog) -> tuple[Format, str]:
        """The format that fits most rows, and why. A tie, none at all, or any bad row is an error."""
        chosen = self._chosen(unreadable)
        for kind in self._kinds.values():
            if chosen in kind.unseen:
                chosen.log.rows += kind.rows - kind.unseen.pop(chosen)
        if unreadable.rows or chosen.log.rows:
            bad, total = unreadable.rows + chosen.log.rows, self.rows + unreadable.rows
            message = (
                f"{self._source}: {bad:,} of {total:,} rows cannot be used as "
                f"{chosen.format.name!r}{self._mixed(chosen)}"
            )
            raise refusal(message, [unreadable, chosen.log])
        return chosen.format, self._why(chosen)

    def _why(self, chosen: _Candidate) -> str:
        if len(self._candidates) == 1:
            return "the options name it"
        return f"each of {self.rows:,} rows {self._reason(chosen)}"

    def _reason(self, candidate: _Candidate) -> str:
        kinds = (kind for kind in self._kinds.values() if candidate in kind.fitting)
        return min(kinds, key=lambda kind: kind.first).reasons[candidate]

    def _kind(self, keys: tuple[str, ...], record: Record) -> _Kind:
        self.keys.update(dict.fromkeys(keys))
        if len(self.keys) > COLUMNS:
            reason = (
                f"with this row there are more than {COLUMNS:,} different columns; put what varies from row to "
                "row into one column, as an object"
            )
            raise DataError(f"{self._source}: too many columns", [_placed(Fault(reason), record)])
        found = {one: one.format.sniff(record.values) for one in self._candidates}
        fitting = tuple(one for one, (score, _) in found.items() if score)
        strange = [one for one in self._candidates if one not in fitting]
        names = tuple(one.format.name for one in fitting)
        kind = self._kinds.setdefault(names, _Kind(fitting, strange, record.row))
        for one, (_, reason) in found.items():
            kind.reasons.setdefault(one, reason)
        if len(self._kind_of) < _REMEMBERED and len(keys) <= _FEW:
            self._kind_of[keys] = kind
        return kind

    def _fitting(self, candidate: _Candidate) -> int:
        return sum(kind.rows for kind in self._kinds.values() if candidate in kind.fitting)

    def _chosen(self, unreadable: FaultLog) -> _Candidate:
        source, keys = self._source, list(self.keys)
        if len(self._candidates) == 1:
            for column in self._candidates[0].format.wants:
                if column not in keys:
                    raise refusal(
                        f"{source}: there is no column {column!r}{nearest(column, keys)}",
                        [unreadable],
                    )
            return self._candidates[0]
        counts = {one.format.name: self._fitting(one) for one in self._candidates}
        best = max(counts.values())
        if best == 0:
            raise refusal(
                f"{source}: no known format: its rows have the columns {', '.join(keys) or 'none'}"
                "; pass prompt= and completion= to name the two to learn from, or give each row a list "
                "'messages'",
                [unreadable],
            )
        fitting = [one for one in self._candidates if counts[one.format.name] == best]
        if len(fitting) > 1:
            names = " and ".join(repr(one.format.name) for one in fitting)
            why = ", ".join(f"{one.format.name!r}: a row {self._reason(one)}" for one in fitting)
            raise DataError(
                f"{source}: {best:,} rows fit {names} equally ({why}){self._mixed()}; say which is meant with "
                "format="
            )
        return fitting[0]

    def _mixed(self, chosen: _Candidate | None = None) -> str:
        """Where rows of several kinds stand in one file: which, how many, and the first of each."""
        known = [kind for kind in self._kinds.values() if kind.fitting or chosen is not None]
        if len(known) < 2 or not any(kind.fitting for kind in known):
            return ""
        if chosen is not None and all(chosen in kind.fitting for kind in known):
            return ""
        parts = []
        for kind in sorted(known, key=lambda kind: kind.first):
            names = " and ".join(repr(one.format.name) for one in kind.fitting)
            have = "has" if kind.rows == 1 else "have"
            parts.append(
                f"{kind.rows:,} {have} the fields of {names or 'no format'} (the first is row "
                f"{kind.first:,})"
            )
        return f"; the rows are of different kinds: {', '.join(parts)}"


def _placed(fault: Fault, record: Record) -> Fault:
    return Fault(fault.reason, record.row, record.line, record.offset, fault.field)
