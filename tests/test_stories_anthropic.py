"""The story of the cookbook that speaks of Claude, run as it stands against the claude."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.emulators.anthropic import AnthropicEmulator
from tests.test_stories import story

pytest_plugins = ("tests.anthropic_fixtures",)


def test_examples_from_the_cache_in_place_of_a_tuned_claude(
    claude: AnthropicEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = story("claude_instead").main(questions=12)
    said = capsys.readouterr().out
    assert "cannot be fine-tuned" in said and "of 12 right, for" in said
    assert claude.counts()["messages"] == len(replies) == 12
    assert sum(reply.cost_usd or 0 for reply in replies) == Decimal(claude.counts()["usd"])
    cached = [reply.usage.cached_input_tokens for reply in replies]
    assert cached[0] == 0 and min(cached[1:]) > 512
