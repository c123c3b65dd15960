"""The Azure backend against the definition of a backend, with OpenAI's own SDK and an emulator of both planes as witness."""

from __future__ import annotations

from pathlib import Path

from tests import capability_page


def test_azure_passes_and_can_what_the_page_says(tmp_path: Path) -> None:
    column = capability_page.is_as_told("azure", tmp_path)
    assert column["training", "submit"] == ("yes", "")
    assert column["hosting", "start"] == ("yes", "")
