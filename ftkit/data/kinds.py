"""Kinds of rows that not every backend can train, each by the word under which a backend declares that it cannot.

A row of a kind that is not declared missing reaches the provider whole: nothing of it may be dropped on the way. A model of
the catalogue can lack a kind that its backend has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ftkit.data.example import Example, Message


def _turns(example: Example) -> tuple[Message, ...]:
    return (*example.messages, *example.rejected)


def _answers(example: Example) -> tuple[Message, ...]:
    return (*example.messages[len(example.prompt) :], *example.rejected)


KINDS: Mapping[str, Callable[[Example], bool]] = {
    "tool_rows": lambda example: bool(
        example.tools
        or example.parallel_tool_calls is not None
        or any(turn.tool_calls or turn.role == "tool" for turn in _turns(example))
    ),
    "image_rows": lambda example: any(turn.images for turn in _turns(example)),
    "preference_rows": lambda example: bool(example.rejected),
    # a preference pair one of whose answers is a call: that its prompt has tools makes it a tool row only
    "calling_pairs": lambda example: bool(
        example.rejected and any(turn.tool_calls for turn in _answers(example))
    ),
    "weighted_rows": lambda example: any(turn.trained is not None for turn in _turns(example)),
    "named_rows": lambda example: any(turn.name is not None for turn in _turns(example)),
}
