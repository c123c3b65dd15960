"""The Anthropic backend against the definition of a backend, with Anthropic's own SDK and an emulator as witness."""

from __future__ import annotations

from pathlib import Path

from tests import capability_page


def test_anthropic_passes_and_can_what_the_page_says(tmp_path: Path) -> None:
    column = capability_page.is_as_told("anthropic", tmp_path)
    assert column["inference", "chat"] == ("yes", "")
    assert column["inference", "count_tokens"] == ("yes", "")
    assert column["inference", "batch"] == ("yes", "")
