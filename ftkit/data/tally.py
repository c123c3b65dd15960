"""Which format the rows have, decided when all have gone by, and what each format that was possible says against them.

No row is kept: what is remembered is how many rows had which keys, and the faults. A format that follows another (the same
fields, told apart by values) rests until a row has a mark of it. That row raises `Contested`, and the pass begins again with
every row judged by both: so the many files without such a row cost nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ftkit.data.formats import PLAIN_TEXT, Format
from ftkit.data.reading.fault_log import FaultLog, refusal
from ftkit.data.reading.records import Record
from ftkit.errors import DataError, Fault
from ftkit.words import nearest

COLUMNS = 10_000  # different keys in all rows together; their names are the one thing that grows with a file
_REMEMBERED = (
    1_000  # sets of keys, each of _FEW at most; what is not remembered is looked at anew each time
)
_FEW = 100


class Contested(Exception):
    """A row has a mark of a format that rested."""


@dataclass(slots=True, eq=False)
class _Candidate:
    """What one possible format thinks of the rows so far."""

    format: Format
    log: FaultLog = field(default_factory=FaultLog)
    follows: _Candidate | None = None


@dataclass(slots=True)
class _Kind:
    """Rows that have the fields of the same formats: how many, and the number of the first."""

    fitting: tuple[_Candidate, ...]
    strange: list[_Candidate]  # the other formats, as long as they judge each row
    first: int
    rows: int = 0
    reasons: dict[_Candidate, str] = field(default_factory=dict)
    unseen: dict[_Candidate, int] = field(default_factory=dict)  # after how many rows they stopped


@dataclass(frozen=True, slots=True)
class _Look:
    """What rows with the same keys are: their kind, and who may be woken by one of them."""

    kind: _Kind
    resting: Sequence[Format]  # asked about rows that are at fault
    watching: Sequence[Format]  # those of them that are asked about every row


@dataclass(frozen=True, slots=True)
class _Undecided:
    """Rows with the same keys that some formats tell apart by values: a look for each of their verdicts."""

    asked: Sequence[_Candidate]
    looks: dict[tuple[int, ...], _Look] = field(default_factory=dict)


class Tally:
    """Sees every record once; `choice` then says which format it is. `keys` are the keys of all rows, in order.

    Unless it is `awake`, `see` raises Contested for the first row with a mark of a format that follows another.
    """

    def __init__(self, source: str, formats: Sequence[Format], *, awake: bool = False) -> None:
        self._source = source
        every = [_Candidate(format) for format in formats]
        for one in every:
            one.follows = next((o for o in every if o.format.name == one.format.follows), None)
        self._resting = [one for one in every if one.follows is not None and not awake]
        self._candidates = [one for one in every if one not in self._resting]
        self._kinds: dict[tuple[_Candidate, ...], _Kind] = {}  # by the formats that fit
        self._looks: dict[tuple[str, ...], _Look] = {}  # by the keys of a row
        self._undecided: dict[
            tuple[str, ...], _Undecided
        ] = {}  # the same, where keys are not enough
        self.keys: dict[str, None] = {}
        self.rows = 0

    def see(self, record: Record) -> None:
        """Let every format judge a row."""
        self.rows += 1
        values = record.values
        keys = tuple(values)
        look = self._looks.get(keys) or self._look(keys, record)
        kind = look.kind
        kind.rows += 1
        at_fault = False
        for one in kind.fitting:
            for fault in one.format.faults(values):
                one.log.add(_placed(fault, record))
                at_fault = True
        for format in look.resting if at_fault else look.watching:
            if format.sniff(values)[0] > 1:
                raise Contested
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
        if (others := self._mixed(chosen)) and any(
            one.follows is chosen for kind in self._kinds.values() for one in kind.fitting
        ):
            raise DataError(
                f"{self._source}: {others.removeprefix('; ')}; say with format= which is meant for all"
            )
        return chosen.format, self._why(chosen)

    def _why(self, chosen: _Candidate) -> str:
        notes = [note for key, note in chosen.format.notes.items() if key in self.keys]
        if len(self._candidates) == 1:
            return "; ".join(["the options name it", *notes])
        why = f"each of {self.rows:,} rows {self._reason(chosen)}"
        rivals = [repr(one.format.name) for one in self._resting if one.follows is chosen]
        if rivals:
            why += f", and none has a mark of {' or '.join(rivals)}"
        return "; ".join([why, *notes])

    def _reason(self, candidate: _Candidate) -> str:
        """Of a row that fits few other formats, where there is one."""
        kinds = (kind for kind in self._kinds.values() if candidate in kind.fitting)
        return min(kinds, key=lambda kind: (len(kind.fitting), kind.first)).reasons[candidate]

    def _look(self, keys: tuple[str, ...], record: Record) -> _Look:
        """What a row is whose keys alone do not tell it, or are new."""
        undecided = self._undecided.get(keys)
        if undecided is not None:
            verdict = tuple(one.format.sniff(record.values)[0] for one in undecided.asked)
            look = undecided.looks.get(verdict)
            if look is None:
                look = undecided.looks[verdict] = self._judged(keys, record)
            return look
        self.keys.update(dict.fromkeys(keys))
        if len(self.keys) > COLUMNS:
            reason = (
                f"with this row there are more than {COLUMNS:,} different columns; put what varies from row to "
                "row into one column, as an object"
            )
            raise DataError(f"{self._source}: too many columns", [_placed(Fault(reason), record)])
        asked = [
            one
            for one in self._candidates
            if one.format.by_values and set(one.format.wants).issubset(keys)
        ]
        look = self._judged(keys, record)
        if len(self._looks) + len(self._undecided) < _REMEMBERED and len(keys) <= _FEW:
            if asked:
                self._undecided[keys] = _Undecided(asked)
            else:
                self._looks[keys] = look
        return look

    def _judged(self, keys: tuple[str, ...], record: Record) -> _Look:
        found = {one: one.format.sniff(record.values) for one in self._candidates}
        marked = [one for one, (score, _) in found.items() if score > 1]
        fitting = tuple(
            one
            for one, (score, _) in found.items()
            if score and not any(other.follows is one for other in marked)
        )
        kind = self._kinds.get(fitting)
        if kind is None:
            strange = [one for one in self._candidates if one not in fitting]
            kind = self._kinds[fitting] = _Kind(fitting, strange, record.row)
        for one, (_, reason) in found.items():
            kind.reasons.setdefault(one, reason)
        resting = [one.format for one in self._resting if one.follows in fitting]
        watching = [one for one in resting if not set(one.watched).isdisjoint(keys)]
        return _Look(kind, resting, watching)

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
        counts = {one: self._fitting(one) for one in self._candidates}
        best = max(counts.values())
        called = {one.format.name for one in self._candidates}
        if best == 0 and len(called) == 1:
            reasons = [why for kind in self._kinds.values() for why in kind.reasons.values()]
            said = f" (the first has {reasons[0].removeprefix('has ')})" if reasons else ""
            raise refusal(f"{source}: no row is of the format {called.pop()!r}{said}", [unreadable])
        if best == 0:
            raise refusal(
                f"{source}: no known format: its rows have the columns {', '.join(keys) or 'none'}"
                "; pass prompt= and completion= to name the two to learn from, or give each row a list "
                f"'messages'{'; ' + PLAIN_TEXT if keys == ['text'] else ''}",
                [unreadable],
            )
        fitting = [one for one in self._candidates if counts[one] == best]
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
