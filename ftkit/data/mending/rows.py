"""The texts of one row, mended. A row that would read differently but for the mended texts is left as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ftkit.data.example import Example, Message
from ftkit.data.formats import Format
from ftkit.data.mending.mends import Mend, Step, steps
from ftkit.data.mending.places import Path, Placed, placed, replaced, texts


@dataclass(frozen=True, slots=True)
class MendedText:
    """What happened to the text in one field."""

    path: Path
    before: str
    after: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class MendedRow:
    """A row's new values, and each text that changed; none where nothing did."""

    values: Mapping[str, Any]
    texts: tuple[MendedText, ...] = ()

    @property
    def edits(self) -> dict[Path, str]:
        """The new texts by their field."""
        return {one.path: one.after for one in self.texts}


@dataclass(frozen=True, slots=True)
class RowMender:
    """Mends rows of one format. `spelling` is the usual way of each label, by the way that is not."""

    format: Format
    mends: Sequence[Mend]
    spelling: Mapping[str, str] = field(default_factory=dict)

    def mend(self, values: Mapping[str, Any]) -> MendedRow:
        """The row, mended; it has passed the format's `faults`."""
        found = [
            (path, text)
            for path, text in texts(values, self.format.reads)
            if self._may_change(text)
        ]
        if not found:
            return MendedRow(values)
        example = self.format.example(values)
        row = MendedRow(values)
        for place in placed(values, self.format, found):
            made = self._steps(place)
            if made:
                row = self._with(row, place, made, example)
        return row

    def _may_change(self, text: str) -> bool:
        everywhere = (mend for mend in self.mends if mend.place in ("text", "end", "start"))
        return text in self.spelling or any(mend.change(text) != text for mend in everywhere)

    def _steps(self, place: Placed) -> tuple[Step, ...]:
        fitting = [
            mend
            for mend in self.mends
            if mend.place == "text"
            or (mend.place == "end" and place.answers and place.ends)
            or (mend.place == "start" and place.answers and place.starts)
        ]
        made = tuple(steps(place.text, fitting))
        text = made[-1].after if made else place.text
        usual = self.spelling.get(text)
        label = next((mend for mend in self.mends if mend.place == "label"), None)
        if usual is not None and label is not None and place.whole:
            made = (*made, Step(label, text, usual))
        return made

    def _with(
        self, row: MendedRow, place: Placed, made: tuple[Step, ...], example: Example
    ) -> MendedRow:
        """With this text mended too, where the row is the same but for texts."""
        more = tuple(MendedText(path, place.text, made[-1].after, made) for path in place.paths)
        values = replaced(row.values, {one.path: one.after for one in more})
        if any(True for _ in self.format.faults(values)):
            return row
        after = self.format.example(values)
        if _frame(after) != _frame(example) or _equal_pair(after) > _equal_pair(example):
            return row
        return MendedRow(values, (*row.texts, *more))


def _frame(example: Example) -> Example:
    """All but the texts of turns."""
    return replace(
        example,
        messages=tuple(map(_silent, example.messages)),
        rejected=tuple(map(_silent, example.rejected)),
    )


def _silent(turn: Message) -> Message:
    parts = tuple("" if isinstance(part, str) else part for part in turn.parts)
    return replace(turn, content="", parts=parts)


def _equal_pair(example: Example) -> bool:
    """Whether both answers of a pair are one: a pair that differs in white space only must not become so."""
    count = len(example.rejected)
    return count > 0 and example.messages[-count:] == example.rejected
