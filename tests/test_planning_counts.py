"""Tokens that a quote counts: of turns, of tools, of preference pairs."""

from __future__ import annotations

from typing import Any

import pytest

from ftkit.data import Example, load
from ftkit.data.token_counts import count_rows, totals
from ftkit.data.tokens import Rendered
from ftkit.errors import DataError
from ftkit.testing.words_renderer import WordRenderer

USER = {"role": "user", "content": "one two three"}
BETTER = {"role": "assistant", "content": "four five"}
WORSE = {"role": "assistant", "content": "six"}
TOOL = {"type": "function", "function": {"name": "find", "parameters": {}}}


class WithTools(WordRenderer):
    def tool_tokens(self, example: Example) -> int:
        return 100 * len(example.tools)


class OfSize(WordRenderer):
    """An image takes what the model says, whatever the family."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def render(self, messages: Any, train_on: str = "assistant") -> tuple[Rendered, ...]:
        return (Rendered((1,) * self.size, (1,) * self.size),)


def tokens(row: dict[str, Any], renderer: WordRenderer | None = None) -> tuple[int, int]:
    data = load([row])
    counts = totals(data, count_rows(data, renderer or WordRenderer()))
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


def test_rows_with_images_are_counted_for_each_model_and_others_once_a_family() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    seeing = {"messages": [{"role": "user", "content": [picture]}, BETTER]}
    assert [tokens(seeing, OfSize(size))[0] for size in (7, 9)] == [7, 9]
    plain = {"messages": [USER, BETTER]}
    assert [tokens(plain, OfSize(size))[0] for size in (7, 9)] == [7, 7]
