"""Rows of the shape {"instruction": ..., "input": ..., "output": ...}, with "system" and "history" where there are any.

Instruction and input become one user turn, the input on a new line. No template is put around them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, Message
from ftkit.data.formats.layout import OfTurns, beside_faults, by_fields
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault

_TEXTS = ("instruction", "output")
_OPTIONAL = ("input", "system")


@dataclass(frozen=True, slots=True)
class Alpaca(OfTurns):
    """Instructions; `system` is added to rows that have no system text of their own."""

    system: str | None = None

    name = "alpaca"
    wants = _TEXTS
    reads = mapped = ("instruction", "input", "output", "system", "history")
    carries = frozenset({"system", "multi_turn", "turn_marks", "fields"})

    def example(self, values: Mapping[str, Any]) -> Example:
        """The history, then the instruction with its input and the output; every other column goes to `fields`."""
        turns: list[Message] = []
        system = values.get("system") or self.system
        if system is not None:
            turns.append(Message("system", system))
        for question, answer in values.get("history") or ():
            turns += [Message("user", question), Message("assistant", answer)]
        asked = [text for text in (values["instruction"], values.get("input")) if text]
        turns += [Message("user", "\n".join(asked)), Message("assistant", values["output"])]
        return Example(
            tuple(turns), {key: value for key, value in values.items() if key not in self.reads}
        )

    def columns(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """All of them."""
        return values

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        for key in _TEXTS:
            if key not in values:
                yield Fault("the field is missing", field=key)
            elif not isinstance(values[key], str):
                yield Fault(f"must be text, is {kind_of(values[key])}", field=key)
        for key in _OPTIONAL:
            value = values.get(key)
            if value is not None and not isinstance(value, str):
                yield Fault(f"must be text, is {kind_of(value)}", field=key)
        yield from _history_faults(values.get("history"))
        yield from beside_faults(self.name, values)
        own = values.get("system")
        if self.system is not None and own and own != self.system:
            yield Fault(
                "the row has another system text than system=; leave one of them out",
                field="system",
            )

    def sniff(self, values: Mapping[str, Any]) -> tuple[int, str]:
        """By its fields."""
        return by_fields(self.wants, values)

    def write(self, example: Example) -> dict[str, Any]:
        """The last question is the instruction, with an empty input; what was said before is the history."""
        turns = list(example.messages)
        system = turns.pop(0).content if turns[0].role == "system" else None
        texts = [turn.content for turn in turns]
        row: dict[str, Any] = {"instruction": texts[-2], "input": "", "output": texts[-1]}
        if system is not None:
            row["system"] = system
        if texts[:-2]:
            row["history"] = [texts[at : at + 2] for at in range(0, len(texts) - 2, 2)]
        return {**row, **example.fields}


def _history_faults(history: Any) -> Iterator[Fault]:
    if history is None or history == "":
        return
    if not isinstance(history, list):
        yield Fault(
            f"must be a list of pairs of question and answer, is {kind_of(history)}",
            field="history",
        )
        return
    for index, pair in enumerate(history):
        if not isinstance(pair, list) or len(pair) != 2:
            reason = "must be a pair of question and answer"
            yield Fault(reason, field=f"history[{index}]")
            continue
        for at, text in enumerate(pair):
            if not isinstance(text, str):
                yield Fault(f"must be text, is {kind_of(text)}", field=f"history[{index}][{at}]")
