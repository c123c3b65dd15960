"""Rows of two answers to one prompt: {"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}.

The shape is the one of hosted preference tuning (DPO).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, Message, as_dicts
from ftkit.data.formats.chat import conversation, other_system
from ftkit.data.formats.features import EVERYTHING
from ftkit.data.formats.layout import OfTurns, by_fields
from ftkit.data.formats.turns import row_faults, rows_tools, turn_faults, turns, unknown_fields
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault

_ANSWERS = ("preferred_output", "non_preferred_output")
_INPUT = "it carries messages, tools and parallel_tool_calls; further columns stand beside it"
# the last five have faults of their own
_OF_THE_INPUT = (
    "messages",
    "tools",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "tool_choice",
    "tool_calls",
    "weight",
)


@dataclass(frozen=True, slots=True)
class Preference(OfTurns):
    """Preference pairs; `system` is added to prompts that have no system message of their own."""

    system: str | None = None

    name = "preference"
    wants = reads = ("input", *_ANSWERS)
    mapped = ()
    carries = EVERYTHING
    needs = ("rejected",)

    def example(self, values: Mapping[str, Any]) -> Example:
        """The prompt with the better answer, and the worse one as `rejected`; every other column goes to `fields`."""
        given = values["input"]
        prompt = turns(given["messages"])
        if self.system is not None and prompt[0].role != "system":
            prompt = (Message("system", self.system), *prompt)
        better, worse = (turns(values[name]) for name in _ANSWERS)
        return Example(
            (*prompt, *better),
            self.columns(values),
            tools=rows_tools(given),
            parallel_tool_calls=given.get("parallel_tool_calls"),
            rejected=worse,
        )

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        given = values.get("input")
        if not isinstance(given, dict):
            yield Fault(f"must be an object with messages, is {kind_of(given)}", field="input")
        else:
            yield from row_faults(given, "input.")
            yield from unknown_fields(given, _OF_THE_INPUT, "input", _INPUT)
            yield from turn_faults(given.get("messages"), "input.messages")
            yield from other_system(given.get("messages"), self.system, "input.messages")
        for name in _ANSWERS:
            answer = values.get(name)
            faults = list(turn_faults(answer, name))
            yield from faults
            if not faults and [message["role"] for message in values[name]] != ["assistant"]:
                yield Fault("holds one answer of the assistant and nothing else", field=name)

    def sniff(self, values: Mapping[str, Any]) -> tuple[int, str]:
        """By its fields."""
        return by_fields(self.wants, values)

    def write(self, example: Example) -> dict[str, Any]:
        """The prompt, both answers, and the further columns."""
        given = conversation(example, example.messages[:-1])
        answers = (as_dicts(example.messages[-1:]), as_dicts(example.rejected))
        return {"input": given, **dict(zip(_ANSWERS, answers, strict=True)), **example.fields}
