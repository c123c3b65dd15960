"""Which rows of one set are known from another, and how: what FT309, evaluate's guard and splits agree on.

Compared are the turns before the answer, without the system prompt: a question that was trained on proves nothing, whatever
the answers are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from ftkit.data.example import Example, digest
from ftkit.data.likeness.near import (
    TooAlike,
    TooMany,
    near_matches,
    normalised,
    question,
)

SAME = "the same question"
GOES_ON = "one conversation goes on where the other ends"
PLAIN = "but for case, spaces and punctuation"
NEARLY = "nearly the same question"


@dataclass(frozen=True, slots=True)
class Known:
    """`how`: 0-based position -> in what way, and the position of the row that it is known from."""

    how: dict[int, tuple[str, int]]
    not_searched: str = ""  # why near duplicates were not looked for, where they were not


class Questions(Sequence[str | None]):
    """The question of each row, read when it is asked for; None for the rows `without`."""

    def __init__(self, rows: Sequence[Example], without: Collection[int] = ()) -> None:
        self._rows, self._without = rows, without

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str | None]:
        for at, row in enumerate(self._rows):
            yield None if at in self._without else question(row)

    @overload
    def __getitem__(self, index: int) -> str | None: ...

    @overload
    def __getitem__(self, index: slice) -> list[str | None]: ...

    def __getitem__(self, index: int | slice) -> str | None | list[str | None]:
        if isinstance(index, slice):
            return [self[at] for at in range(len(self))[index]]
        at = range(len(self))[index]
        return None if at in self._without else question(self._rows[at])


def known_rows(rows: Sequence[Example], others: Sequence[Example]) -> Known:
    """The rows of `rows` that stand in `others`, as they are, but for how they are written, nearly, or as a part."""
    index, how = _Index.of(others), dict[int, tuple[str, int]]()
    for at, row in enumerate(rows):
        if (found := index.find(row)) is not None:
            how[at] = found
    try:
        matches = near_matches(Questions(rows, how), Questions(others))
    except (TooAlike, TooMany) as error:
        return Known(how, why_not_searched(error))
    return Known(how | {at: (NEARLY, other) for at, other in matches.items()})


@dataclass(frozen=True, slots=True)
class _Index:
    """Where each row stands first, by its hashes: of the prompt, the whole, the starts, and the question as words."""

    prompts: dict[bytes, int]
    wholes: dict[bytes, int]
    starts: dict[bytes, int]
    plain: dict[bytes, int]

    @classmethod
    def of(cls, rows: Iterable[Example]) -> _Index:
        index = cls({}, {}, {}, {})
        for at, row in enumerate(rows):
            index.prompts.setdefault(_bytes(digest(row.prompt)), at)
            index.wholes.setdefault(_bytes(digest(row.messages)), at)
            for start in conversation_starts(row):
                index.starts.setdefault(_bytes(start), at)
            if (plain := plain_hash(row)) is not None:
                index.plain.setdefault(plain, at)
        return index

    def find(self, row: Example) -> tuple[str, int] | None:
        """In what way the row is known, and from which."""
        if (at := self.prompts.get(_bytes(digest(row.prompt)))) is not None:
            return SAME, at
        for start in conversation_starts(row):
            if (at := self.wholes.get(_bytes(start))) is not None:
                return GOES_ON, at
        if (at := self.starts.get(_bytes(digest(row.messages)))) is not None:
            return GOES_ON, at
        plain = plain_hash(row)
        if plain is not None and (at := self.plain.get(plain)) is not None:
            return PLAIN, at
        return None


def plain_hash(row: Example) -> bytes | None:
    """A hash of the question without case, spaces and punctuation; None where there is no text to compare."""
    text = question(row)
    if not text:
        return None
    return hashlib.sha256(normalised(text).encode("utf-8", "surrogatepass")).digest()


def conversation_starts(row: Example) -> Iterator[str]:
    """Digests of the conversation up to each answer but the last."""
    for end, turn in enumerate(row.messages[:-1], start=1):
        if turn.role == "assistant":
            yield digest(row.messages[:end])


def why_not_searched(error: TooAlike | TooMany) -> str:
    """Why near duplicates were not looked for, in words."""
    if isinstance(error, TooMany):
        return str(error)
    return "most questions are made from one template: too many of them share nearly everything"


def _bytes(digest: str) -> bytes:
    return bytes.fromhex(digest)  # half the memory of its text
