"""Kinds of rows that not every backend can train, each by the word under which a backend declares that it cannot.

A row of a kind that is not declared missing reaches the provider whole: nothing of it may be dropped on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ftkit.data.example import Example

KINDS: Mapping[str, Callable[[Example], bool]] = {
    "tool_rows": lambda example: bool(
        example.tools or any(turn.tool_calls or turn.role == "tool" for turn in example.messages)
    ),
    "image_rows": lambda example: any(turn.parts for turn in example.messages),
    "preference_rows": lambda example: bool(example.rejected),
    "weighted_rows": lambda example: any(turn.trained is not None for turn in example.messages),
    "named_rows": lambda example: any(turn.name is not None for turn in example.messages),
}
