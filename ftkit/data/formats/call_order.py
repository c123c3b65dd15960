"""Tool calls in formats without ids: on reading they are numbered in order, and a result belongs to a call by name.

Among calls of one name made at once the first that has no result yet is meant; a new turn with calls leaves older ones behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ftkit.data.example import Example, Message


def made_id(number: int) -> str:
    """The id of the call with this number, counted from 0."""
    return f"call_{number}"


class OpenCalls:
    """The calls that have no result yet."""

    def __init__(self, made: int = 0) -> None:
        self.made = made
        self._open: list[tuple[str, str]] = []

    def begin(self) -> None:
        """A turn with calls begins."""
        self._open = []

    def add(self, name: str, given: str | None = None) -> str:
        """The id of the next call, its own where it has one."""
        id = given or made_id(self.made)
        self.made += 1
        self._open.append((id, name))
        return id

    def answered(self, name: str, given: str | None = None) -> str | None:
        """The id of the call that a result answers, None where there is none."""
        for call in self._open:
            if call[1] == name and given in (None, call[0]):
                self._open.remove(call)
                return call[0]
        return None


def renumbered(example: Example) -> Example:
    """The same with the ids that would be made: of an answer that was rejected, those after the prompt's."""
    answer = len(example.messages) - 1 if example.rejected else len(example.messages)
    prompt, made = _renamed(example.messages[:answer], 0)
    chosen, _ = _renamed(example.messages[answer:], made)
    rejected, _ = _renamed(example.rejected, made)
    return replace(example, messages=(*prompt, *chosen), rejected=rejected)


def _renamed(turns: Sequence[Message], made: int) -> tuple[tuple[Message, ...], int]:
    names: dict[str, str] = {}
    found = []
    for turn in turns:
        calls = []
        for call in turn.tool_calls:
            names[call.id] = made_id(made)
            calls.append(replace(call, id=made_id(made)))
            made += 1
        answered = None if turn.tool_call_id is None else names[turn.tool_call_id]
        found.append(replace(turn, tool_calls=tuple(calls), tool_call_id=answered))
    return tuple(found), made


def call_order(example: Example) -> Iterator[tuple[str, str]]:
    """Where an Example has other ids than would be made, or results that would go to another call: feature and field."""
    calls = OpenCalls()
    answer = len(example.messages) - 1 if example.rejected else len(example.messages)
    yield from _differing(example.messages[:answer], "messages", 0, calls)
    before = calls.made
    for path, turns, start in (
        ("messages", example.messages[answer:], answer),
        ("rejected", example.rejected, 0),
    ):
        yield from _differing(turns, path, start, OpenCalls(before))


def _differing(
    turns: Sequence[Message], path: str, start: int, calls: OpenCalls
) -> Iterator[tuple[str, str]]:
    names: dict[str, str] = {}
    for index, turn in enumerate(turns, start=start):
        if turn.tool_calls:
            calls.begin()
        for number, call in enumerate(turn.tool_calls):
            if calls.add(call.name) != call.id:
                yield "call_ids", f"{path}[{index}].tool_calls[{number}].id"
            names[call.id] = call.name
        if turn.role == "tool":
            id = turn.tool_call_id or ""
            if calls.answered(names.get(id, "")) != id and _is_made(id):
                yield "result_order", f"{path}[{index}].tool_call_id"


def _is_made(id: str) -> bool:
    return id.startswith("call_") and id[5:].isdigit()
