"""The story of the cookbook that speaks of Google, run as it stands against the emulator."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from tests.emulators.google import GoogleEmulator
from tests.google_desk import CREATE
from tests.test_stories import story
from tests.tiny import tiny_model_folder

pytest_plugins = ("tests.google_fixtures",)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local/{tiny_model_folder(tmp_path_factory.mktemp('stories') / 'tiny')}"


def profiles(base: str) -> None:
    """The configuration that the story itself shows, with a tiny model on this machine."""
    head = story("google_from_laptop").__doc__
    shown = re.search(r"\n\n((?:    .*\n|\n)*?    max_cost_usd.*\n)", head)
    assert shown is not None
    Path("ftkit.toml").write_text(
        re.sub(r"^    ", "", shown[1], flags=re.MULTILINE).replace("local/smollm2-135m", base)
    )


def test_the_same_application_on_a_laptop_and_at_google(
    google: GoogleEmulator,
    base: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    profiles(base)
    main = story("google_from_laptop").main
    for profile in ("laptop", "production"):
        monkeypatch.setenv("FTKIT_PROFILE", profile)
        report = main(rows=40, epochs=1, held_out_rows=6)
        at = "local/" if profile == "laptop" else "google/projects/"
        assert report.candidate.startswith(at)
        said = capsys.readouterr().out
        if profile == "laptop":
            assert google.counts()["requests"] == {}, "a laptop asks nobody"
    assert "USD were quoted at most" in said
    counts = google.counts()
    assert (counts["jobs"], counts["requests"][CREATE]) == (1, 1)
    assert 0 < Decimal(counts["usd"]) < 5
