"""The page of translations is what dry runs say today, and would change if a backend dropped a setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftkit.hyperparameters import Hyperparameters
from ftkit_openai.training import OpenAITraining
from tests import translations


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[translations.Column]:
    columns = translations.columns(tmp_path)
    configuration = tmp_path / "user.toml"
    configuration.write_text(translations.sections(columns))
    monkeypatch.setenv("FTKIT_CONFIG", str(configuration))
    monkeypatch.setenv("FTKIT_NOW", translations.TODAY)
    return columns


def test_the_page_says_what_a_dry_run_says(found: list[translations.Column]) -> None:
    assert translations.PAGE.read_text(encoding="utf-8") == translations.page(found), (
        "run `python -m tests.translations`"
    )


def test_every_setting_is_on_the_page() -> None:
    assert set(translations.VALUES) == set(Hyperparameters.model_fields)


def test_a_setting_that_a_backend_drops_is_seen(
    found: list[translations.Column], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = OpenAITraining._body

    def forgetful(self: OpenAITraining, request: Any) -> dict[str, Any]:
        body = sent(self, request)
        method = body["method"]
        del method[method["type"]]["hyperparameters"]["n_epochs"]
        return body

    monkeypatch.setattr(OpenAITraining, "_body", forgetful)
    openai = [one for one in found if one.name == "openai"]
    assert "| `epochs` | taken, not sent |" in translations.page(openai)
