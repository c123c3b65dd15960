"""Preference pairs of the shape {"prompt": ..., "chosen": ..., "rejected": ...}, all as text or as lists of messages.

Where both answers are whole conversations they share all but their last turn, and that is the prompt; a text `prompt` beside
them repeats a turn of the user, which is looked for and not added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, Message, as_dicts
from ftkit.data.formats.chat import conversation, other_system
from ftkit.data.formats.features import EVERYTHING
from ftkit.data.formats.layout import OfTurns, beside_faults, by_fields, empty
from ftkit.data.formats.turns import row_faults, rows_tools, turn_faults, turns
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault

_ANSWERS = ("chosen", "rejected")


@dataclass(frozen=True, slots=True)
class ChosenRejected(OfTurns):
    """Two answers to a prompt; `system` is added to prompts that have no system message of their own."""

    system: str | None = None

    name = "chosen_rejected"
    wants = _ANSWERS
    reads = ("prompt", *_ANSWERS, "tools", "parallel_tool_calls")
    mapped = ()
    carries = EVERYTHING
    needs = ("rejected",)

    def example(self, values: Mapping[str, Any]) -> Example:
        """The prompt with the chosen answer, and the other as `rejected`; every other column goes to `fields`."""
        prompt, chosen, rejected = (turns(part) for part in _parts(values))
        if self.system is not None and prompt[0].role != "system":
            prompt = (Message("system", self.system), *prompt)
        return Example(
            (*prompt, *chosen),
            self.columns(values),
            tools=rows_tools(values),
            parallel_tool_calls=values.get("parallel_tool_calls"),
            rejected=rejected,
        )

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        yield from row_faults(values)
        yield from beside_faults(self.name, values, self.reads)
        faults = [fault for name in _ANSWERS for fault in _answer_faults(values, name)]
        faults = faults or list(_prompt_faults(values))
        yield from faults
        if not faults:
            yield from other_system(_parts(values)[0], self.system, "prompt")

    def sniff(self, values: Mapping[str, Any]) -> tuple[int, str]:
        """By its fields."""
        return by_fields(self.wants, values)

    def write(self, example: Example) -> dict[str, Any]:
        """Lists of messages: the prompt, and one answer each."""
        given = conversation(example, example.messages[:-1])
        return {
            "prompt": given.pop("messages"),
            "chosen": as_dicts(example.messages[-1:]),
            "rejected": as_dicts(example.rejected),
            **given,
            **example.fields,
        }


def _parts(values: Mapping[str, Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Prompt, chosen and rejected answer as lists of messages, of a row without faults."""
    prompt = values.get("prompt")
    chosen, rejected = (_messages(values[name], "assistant") for name in _ANSWERS)
    before = chosen[:-1] or _messages(prompt, "user")
    return before, chosen[-1:], rejected[-1:]


def _messages(value: Any, role: str) -> list[Any]:
    return [{"role": role, "content": value}] if isinstance(value, str) else list(value)


def _answer_faults(values: Mapping[str, Any], name: str) -> Iterator[Fault]:
    value = values.get(name)
    if name not in values:
        yield Fault("the field is missing", field=name)
    elif isinstance(value, list):
        faults = list(turn_faults(value, name))
        yield from faults
        if not faults and value[-1]["role"] != "assistant":
            yield Fault("must end in an answer of the assistant", field=name)
    elif not isinstance(value, str):
        yield Fault(f"must be text or a list of messages, is {kind_of(value)}", field=name)


def _prompt_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    """The answers have no faults of their own."""
    prompt = values.get("prompt")
    said = [_messages(values[name], "assistant") for name in _ANSWERS]
    before = said[0][:-1]
    if turns(before) != turns(said[1][:-1]):
        yield Fault(
            "both answers follow the same turns: these differ before the last one", field="rejected"
        )
    elif not before and isinstance(prompt, list) and prompt:
        yield from turn_faults(prompt, "prompt")
    elif not before and not isinstance(prompt, str):
        found = "missing" if empty(prompt) else f"{kind_of(prompt)}, not text or a list of messages"
        yield Fault(f"the prompt is {found}", field="prompt")
    elif before and not empty(prompt) and not _repeats(prompt, before):
        yield Fault("is not what the answers begin with; leave one of them out", field="prompt")


def _repeats(prompt: Any, before: list[Any]) -> bool:
    if isinstance(prompt, str):
        return any(
            turn.role == "user" and turn.content == prompt and not turn.parts
            for turn in turns(before)
        )
    if list(turn_faults(prompt, "prompt")):
        return False
    return turns(prompt) == turns(before)
