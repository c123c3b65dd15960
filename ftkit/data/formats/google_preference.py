"""Pairs in the shape of Gemini's preference tuning: {"contents": [...], "completions": [{"score": 1.0, "completion": {...}}, ...]}.

The better answer has the score 1 and the worse one 0, in any order. Other scores say how much better it is, which an Example
cannot hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, Message
from ftkit.data.formats.call_order import OpenCalls
from ftkit.data.formats.google_parts import CARRIES, FIELDS, Contents, contents, row
from ftkit.data.formats.layout import OfTurns, by_fields
from ftkit.data.formats.row_settings import setting_faults
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault

_FIELD = "completions"


@dataclass(frozen=True, slots=True)
class GooglePreference(OfTurns):
    """Preference pairs; `system` is added to prompts that have no system instruction of their own."""

    system: str | None = None

    name = "google_preference"
    wants = ("contents", _FIELD)
    reads = (*FIELDS, _FIELD)
    mapped = ()
    carries = CARRIES - {"no_question"}
    needs = ("rejected",)

    def example(self, values: Mapping[str, Any]) -> Example:
        """The prompt with the better answer, and the worse one as `rejected`; every other column goes to `fields`."""
        read, rejected = self._read(values)
        return read.said.example(self.columns(values), rejected)

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        yield from setting_faults(self.name, values)
        yield from self._read(values)[0].said.faults

    def sniff(self, values: Mapping[str, Any]) -> tuple[int, str]:
        """By its fields."""
        return by_fields(self.wants, values)

    def write(self, example: Example) -> dict[str, Any]:
        """The prompt, both answers with their scores, and the further columns."""
        made = row(example, example.messages[:-1])
        scored = []
        for score, turns in ((1.0, example.messages[-1:]), (0.0, example.rejected)):
            (completion,) = contents(turns, example)[:1]
            scored.append({"score": score, "completion": completion})
        tools = {"tools": made.pop("tools")} if "tools" in made else {}
        return {**made, _FIELD: scored, **tools, **example.fields}

    def _read(self, values: Mapping[str, Any]) -> tuple[Contents, tuple[Message, ...]]:
        """What was read, with the better answer at its end, and the worse one."""
        read = Contents()
        read.row(values, self.system)
        said, answers = read.said, values.get(_FIELD)
        if not isinstance(answers, list) or len(answers) != 2:
            found = f"{len(answers)}" if isinstance(answers, list) else kind_of(answers)
            said.fault(f"must be a list of two scored answers, is {found}", _FIELD)
            return read, ()
        made = read.calls.made
        turns: dict[int, tuple[Message, ...]] = {}
        for index, answer in enumerate(answers):
            path = f"{_FIELD}[{index}]"
            score = answer.get("score") if isinstance(answer, dict) else None
            if isinstance(score, bool) or score not in (0, 1) or score in turns:
                said.fault(
                    "the better answer has the score 1.0, the worse one 0.0", f"{path}.score"
                )
                return read, ()
            said.only(("score", "completion"), answer, path)
            before, read.calls = len(said.messages), OpenCalls(made)
            read.turn(answer.get("completion"), f"{path}.completion", ("model",))
            turns[int(score)] = tuple(said.messages[before:])
            del said.messages[before:]
        said.messages += turns[1]
        return read, turns[0]
