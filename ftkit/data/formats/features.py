"""What an Example can hold, each feature by the word under which a format declares that it carries it.

A format carries a feature whole or not at all: what it does not declare is refused by row and field when it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ftkit.data.example import Example, Message

WORDS = {
    "system": "a system message",
    "empty_system": "a system message without text",
    "multi_turn": "more than one question and answer",
    "free_order": "turns in another order than question, answer, question, answer",
    "tools": "tools and calls of them",
    "tool_results": "the result of a tool call",
    "parallel_tool_calls": "the setting parallel_tool_calls",
    "images": "images",
    "text_parts": "a turn's text in several parts",
    "weights": "weights of turns",
    "names": "names of speakers",
    "rejected": "a rejected answer",
    "fields": "further columns",
}
EVERYTHING = frozenset(WORDS)


class Found(NamedTuple):
    """A feature, and the field of the Example in which it is."""

    feature: str
    field: str


def features(example: Example) -> Iterator[Found]:
    """Every feature that the Example has, with each place of it."""
    if example.tools:
        yield Found("tools", "tools")
    if example.parallel_tool_calls is not None:
        yield Found("parallel_tool_calls", "parallel_tool_calls")
    if example.rejected:
        yield Found("rejected", "rejected")
    if example.fields:
        yield Found("fields", "fields")
    for path, turns in (("messages", example.messages), ("rejected", example.rejected)):
        for index, turn in enumerate(turns):
            yield from _of_a_turn(turn, f"{path}[{index}]")
    yield from _order(example.messages)


def _of_a_turn(turn: Message, path: str) -> Iterator[Found]:
    if turn.role == "system":
        yield Found("system" if turn.content else "empty_system", path)
    if turn.tool_calls:
        yield Found("tools", f"{path}.tool_calls")
    if turn.role == "tool":
        yield Found("tool_results", path)
    if turn.images:
        yield Found("images", f"{path}.content")
    elif turn.parts:
        yield Found("text_parts", f"{path}.content")
    if turn.trained is not None:
        yield Found("weights", f"{path}.weight")
    if turn.name is not None:
        yield Found("names", f"{path}.name")


def _order(messages: Sequence[Message]) -> Iterator[Found]:
    first = 1 if messages and messages[0].role == "system" else 0
    roles = [turn.role for turn in messages[first:]]
    usual = ("user", "assistant")
    for index, role in enumerate(roles):
        if role != usual[index % 2]:
            yield Found("free_order", f"messages[{first + index}].role")
            return
    if len(roles) % 2 or not roles:
        yield Found("free_order", "messages")
    elif len(roles) > 2:
        yield Found("multi_turn", f"messages[{first + 2}]")
