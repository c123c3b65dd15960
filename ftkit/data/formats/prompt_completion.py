"""Rows of two columns: a prompt and the completion to learn, under these names or any others.

Both are taken verbatim: a space at either end changes the tokens. Only the separators that a caller asked to strip are stripped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, Message
from ftkit.data.formats.layout import Usual, by_fields, empty
from ftkit.data.formats.separators import NONE, Separators
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault

_LATER_IN_ROW = ("tools", "functions", "tool_calls")


@dataclass(frozen=True, slots=True)
class PromptCompletion(Usual):
    """One user turn and one answer; `prompt` and `completion` are column names."""

    prompt: str = "prompt"
    completion: str = "completion"
    system: str | None = None
    strip: Separators = NONE

    name = "prompt_completion"
    carries = frozenset({"turn_marks", "fields"})

    @property
    def wants(self) -> tuple[str, ...]:
        """The two columns."""
        return (self.prompt, self.completion)

    @property
    def reads(self) -> tuple[str, ...]:
        """The two columns."""
        return self.wants

    @property
    def mapped(self) -> tuple[str, ...]:
        """The two columns."""
        return (self.prompt, self.completion)

    @property
    def identity(self) -> str:
        """Which columns are read, the added system message, and what is stripped."""
        said = f"prompt_completion {self.prompt!r} {self.completion!r} {self.system!r}"
        return f"{said} without {self.strip}" if self.strip else said

    def example(self, values: Mapping[str, Any]) -> Example:
        """The two turns; every other column goes to `fields`."""
        turns: tuple[Message, ...] = (
            Message("user", self.strip.prompt(values[self.prompt])),
            Message("assistant", self.strip.completion(values[self.completion])),
        )
        if self.system is not None:
            turns = (Message("system", self.system), *turns)
        fields = {key: value for key, value in values.items() if key not in self.mapped}
        return Example(turns, fields)

    def columns(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """All of them."""
        return values

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        for key in _LATER_IN_ROW:
            # as text the column is only data about the row; as a list it is meant for the model
            value = values.get(key)
            if key not in self.mapped and isinstance(value, list | dict) and not empty(value):
                yield Fault(
                    f"{key!r} goes with messages: use the format 'chat', or remove it", field=key
                )
        for column in self.mapped:
            value = values.get(column)
            if column not in values:
                yield Fault("the field is missing", field=column)
            elif isinstance(value, list | dict):
                yield Fault(f"must be text, is {kind_of(value)}{self._mend(column)}", field=column)
            elif not isinstance(value, str):
                yield Fault(f"must be text, is {kind_of(value)}", field=column)

    def sniff(self, values: Mapping[str, Any]) -> tuple[int, str]:
        """By its columns."""
        return by_fields(self.wants, values)

    def write(self, example: Example) -> dict[str, Any]:
        """The two texts, and the further columns."""
        prompt, completion = example.messages
        return {
            self.prompt: prompt.content,
            self.completion: completion.content,
            **example.fields,
        }

    def _mend(self, column: str) -> str:
        if column == self.completion:
            return "; write it with json.dumps, as the model is to answer it"
        return "; for a conversation use the format 'chat'"
