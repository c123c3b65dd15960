"""Tokens that a quote counts: of turns, of tools, of preference pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ftkit.cost.planning import _counts
from ftkit.data import load
from ftkit.errors import DataError
from ftkit.testing.words_renderer import WordRenderer

USER = {"role": "user", "content": "one two three"}
BETTER = {"role": "assistant", "content": "four five"}
WORSE = {"role": "assistant", "content": "six"}
TOOL = {"type": "function", "function": {"name": "find", "parameters": {}}}


class WithTools(WordRenderer):
    def tool_tokens(self, tools: Sequence[Mapping[str, Any]]) -> int:
        return 100 * len(tools)


def tokens(row: dict[str, Any], renderer: WordRenderer | None = None) -> tuple[int, int]:
    counts = _counts(load([row]), renderer or WordRenderer(), "assistant")
    return counts.tokens, counts.trained_tokens


def test_a_pair_counts_its_prompt_once_and_both_answers() -> None:
    pair = {
        "input": {"messages": [USER]},
        "preferred_output": [BETTER],
        "non_preferred_output": [WORSE],
    }
    better, trained = tokens({"messages": [USER, BETTER]})
    worse, other = tokens({"messages": [USER, WORSE]})
    prompt = len(WordRenderer().prompt(load([{"messages": [USER, BETTER]}])[0].prompt))
    assert tokens(pair) == (better + worse - prompt, trained + other)


def test_tools_are_counted_or_refused() -> None:
    plain = {"messages": [USER, BETTER]}
    row = {**plain, "tools": [TOOL]}
    assert tokens(row, WithTools())[0] == tokens(plain)[0] + 100
    with pytest.raises(DataError, match="1 rows cannot be trained") as caught:
        tokens(row)
    assert "tools cannot be counted" in caught.value.faults[0].reason
