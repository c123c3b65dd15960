"""Conversations as one text, "\\n\\nHuman: ...\\n\\nAssistant: ...", in a field `text` or parted into `prompt` and `completion`.

What stands before the first turn is the system message. One space behind the colon belongs to the mark, and nothing else is
stripped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, Message
from ftkit.data.formats.features import TURN_MARK
from ftkit.data.formats.layout import Usual, beside_faults
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault

_TURN = re.compile(r"(?:\A|\n\n)(Human|Assistant): ?")
_ROLES = {"Human": "user", "Assistant": "assistant"}
_MARKS = {"user": "\n\nHuman: ", "assistant": "\n\nAssistant: ", "system": ""}


@dataclass(frozen=True, slots=True)
class Transcript:
    """Transcripts; `system` is put before those that have no system text. `mapped` is ("text",) or the two columns."""

    system: str | None = None
    mapped: tuple[str, ...] = ("text",)

    name = "transcript"
    carries = frozenset({"system", "multi_turn", "free_order", "fields"})
    needs = Usual.needs
    json_columns = Usual.json_columns
    by_values = True
    notes = Usual.notes

    @property
    def wants(self) -> tuple[str, ...]:
        """The field, or the two columns."""
        return self.mapped

    @property
    def reads(self) -> tuple[str, ...]:
        """The field, or the two columns."""
        return self.mapped

    @property
    def follows(self) -> str | None:
        """Two columns are prompt and completion where they are no transcript."""
        return "prompt_completion" if len(self.mapped) > 1 else None

    @property
    def watched(self) -> tuple[str, ...]:
        """A transcript is never at fault as prompt and completion."""
        return self.mapped

    @property
    def identity(self) -> str:
        """Which columns are read, and the added system message."""
        return f"transcript {self.mapped!r} {self.system!r}"

    def example(self, values: Mapping[str, Any]) -> Example:
        """The turns; every other column goes to `fields`."""
        head, turns = _parted("".join(values[name] for name in self.mapped))
        system = head or self.system
        if system is not None:
            turns = [Message("system", system), *turns]
        fields = {key: value for key, value in values.items() if key not in self.mapped}
        return Example(tuple(turns), fields)

    def columns(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """All of them."""
        return values

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        yield from beside_faults(self.name, values, self.reads)
        texts = []
        for column in self.mapped:
            value = values.get(column)
            if column not in values:
                yield Fault("the field is missing", field=column)
            elif not isinstance(value, str):
                yield Fault(f"must be text, is {kind_of(value)}", field=column)
            else:
                texts.append(value)
        if len(texts) == len(self.mapped):
            yield from self._text_faults("".join(texts))

    def sniff(self, values: Mapping[str, Any]) -> tuple[int, str]:
        """By the first mark of a turn, and in two columns by the last one at the end of the prompt."""
        first = values.get(self.mapped[0])
        if not isinstance(first, str) or "Human:" not in first:
            return 0, "no text with 'Human:'"
        if (
            not re.search(r"(?:\A|\n\n)Human:", first)
            or len(self.mapped) > 1
            and not (first.rstrip(" ").endswith("\n\nAssistant:"))
        ):
            return 0, "no text of turns that begin with 'Human:' and 'Assistant:'"
        return 2, f"has turns that begin with 'Human:' in {self.mapped[0]!r}"

    def write(self, example: Example) -> dict[str, Any]:
        """One text, and the further columns."""
        text = "".join(_MARKS[turn.role] + turn.content for turn in example.messages)
        if len(self.mapped) == 1:
            return {self.mapped[0]: text, **example.fields}
        mark = _MARKS["assistant"].rstrip()
        cut = text.rfind(mark) + len(mark) if mark in text else len(text)
        return {self.mapped[0]: text[:cut], self.mapped[1]: text[cut:], **example.fields}

    def _text_faults(self, text: str) -> Iterator[Fault]:
        head, turns = _parted(text)
        if not turns:
            yield Fault(
                "has no turn that begins with 'Human:' or 'Assistant:' behind an empty line",
                field=self.mapped[0],
            )
        for said in (head, *(turn.content for turn in turns)):
            found = TURN_MARK.search(said)
            if found is not None:
                yield Fault(
                    f"{found[1]!r} with a colon begins a line without an empty line before it: a turn, or not?",
                    field=self.mapped[0],
                )
                return
        if head and self.system is not None and head != self.system:
            yield Fault(
                "the text before the first turn is another one than system=; leave one of them out",
                field=self.mapped[0],
            )


def _parted(text: str) -> tuple[str, list[Message]]:
    """What stands before the first turn, and the turns."""
    head, *pieces = _TURN.split(text)
    names, texts = pieces[::2], pieces[1::2]
    return head, [Message(_ROLES[name], said) for name, said in zip(names, texts, strict=True)]
