"""The Google backend against the definition of a backend, with Google's own SDK and an emulator as witness."""

from __future__ import annotations

from pathlib import Path

from tests import capability_page


def test_google_passes_and_can_what_the_page_says(tmp_path: Path) -> None:
    column = capability_page.is_as_told("google", tmp_path)
    assert column["training", "submit"] == ("yes", "")
    assert column["training", "download"] == ("yes", "")
