"""Columns that look like the id of what rows were made from (a document, a customer, a conversation) and that repeat.

They are named, never grouped by on a guess: a column with few values is a class, one without repetition the row's own id, and
both may bear such a name.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ftkit.data.example import Example
from ftkit.data.splitting.components import Keys

if TYPE_CHECKING:
    from ftkit.data.dataset import Dataset

# the last word of a name
_CERTAIN = re.compile(
    r"ids?|key|uuid|guid|docs?|documents?|urls?|uri|link|conversation|dialog|dialogue|thread|session|context|passage|"
    r"paragraph|article|(?:doc|document|user|customer|session|thread|conversation)id"
)
_LIKELY = re.compile(
    r"source|customer|client|user|account|author|patient|person|speaker|ticket|file|filename|path|title|group"
)
# a word before it: then it is the number of a class
_OF_A_CLASS = re.compile(
    r"label|class|category|cat|intent|topic|type|kind|lang|language|status|split|version|priority|level|rating|score|"
    r"model|task|department|queue|country|region"
)
_FEWEST = 5  # different values of a column whose name leaves no doubt
_ROWS_A_VALUE = 200  # more than that on average, and it is a class
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True, slots=True)
class Shared:
    """A column to group by: its `values` that repeat, and the 0-based positions of the rows that share one."""

    column: str
    values: int
    rows: tuple[int, ...]


@dataclass(slots=True)
class Columns:
    """The columns that may be ids by their name, gathered while the rows are read."""

    keys: dict[str, list[Hashable | None]]
    answers: list[Hashable | None] = field(default_factory=list)

    @classmethod
    def of(cls, data: Dataset, group_by: object = None) -> Columns:
        """None of them where the caller has said what to group by."""
        names = data.columns if group_by is None else ()
        return cls({name: [] for name in names if _certainty(name)})

    def see(self, example: Example) -> None:
        """Take the next row in."""
        if self.keys:
            self.answers.append(hash(example.answer))
        for name, keys in self.keys.items():
            keys.append(_key(example.fields.get(name)))

    def notes(self, prompts: Keys) -> list[str]:
        """A sentence a column that should perhaps be grouped by."""
        return [
            f"{len(one.rows):,} rows share values of {one.column!r}, which may stand on both sides; "
            f"group_by={one.column!r} keeps them together"
            for one in shared(self.keys, prompts, self.answers)
        ]


def shared(columns: Mapping[str, Keys], prompts: Keys, answers: Keys) -> list[Shared]:
    """The columns among these that should perhaps be grouped by."""
    found = (_shared(name, keys, prompts, answers) for name, keys in columns.items())
    return [one for one in found if one is not None]


def columns_of(examples: Iterable[Example], names: Sequence[str]) -> dict[str, Keys]:
    """The values of the columns that may be ids by their name, to be compared."""
    kept = [name for name in names if _certainty(name)]
    rows = list(examples)
    return {name: [_key(row.fields.get(name)) for row in rows] for name in kept}


def _shared(name: str, keys: Keys, prompts: Keys, answers: Keys) -> Shared | None:
    members: defaultdict[Hashable, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        if key is not None:
            members[key].append(row)
    repeated = [rows for rows in members.values() if len(rows) > 1]
    several = [rows for rows in repeated if len({prompts[row] for row in rows}) > 1]
    filled = sum(map(len, members.values()))
    if not several or _like_a_class(_certainty(name), len(members), filled):
        return None
    if 2 * max(map(len, repeated)) > len(keys):  # a default value
        return None
    if _names_the_answer(members.values(), answers) and not 20 <= len(members) >= filled / 10:
        return None  # the id of a label; with many values of few rows it is one question in several wordings
    return Shared(name, len(several), tuple(sorted(row for rows in several for row in rows)))


def _like_a_class(certainty: int, values: int, rows: int) -> bool:
    if certainty == 2:
        return values < _FEWEST or rows > _ROWS_A_VALUE * values
    return values < 2 * _FEWEST or rows > values * values


def _names_the_answer(groups: Iterable[Sequence[int]], answers: Keys) -> bool:
    """Whether each value has an answer of its own."""
    ways: Counter[Hashable] = Counter()
    for rows in groups:
        own = {answers[row] for row in rows}
        if len(own) > 1:
            return False
        ways.update(own)
    return max(ways.values(), default=0) <= 1


def _certainty(name: str) -> int:
    """2 where the name says that it is an id, 1 where it may be one, 0 else."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or any(map(_OF_A_CLASS.fullmatch, words[:-1])):
        return 0
    if _CERTAIN.fullmatch(words[-1]):
        return 2
    return int(_LIKELY.fullmatch(words[-1]) is not None)


def _key(value: Any) -> Hashable | None:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        return None
    return value if isinstance(value, int) or len(value) < 64 else hash(value)
