"""The stories of the cookbook that speak of OpenAI, run as they stand against the emulator."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import ftkit
from ftkit import catalogue
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import CREATE
from tests.test_stories import ROOT, story
from tests.tiny import tiny_model_folder

pytest_plugins = ("tests.openai_fixtures",)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local/{tiny_model_folder(tmp_path_factory.mktemp('stories') / 'tiny')}"


def profiles(base: str) -> None:
    """The configuration that the story itself shows, with a tiny model on this machine."""
    head = story("openai_from_laptop").__doc__
    shown = re.search(r"\n\n((?:    .*\n|\n)*?    max_cost_usd.*\n)", head)
    assert shown is not None
    Path("ftkit.toml").write_text(
        re.sub(r"^    ", "", shown[1], flags=re.MULTILINE).replace("local/smollm2-135m", base)
    )


def test_the_same_application_on_a_laptop_and_at_openai(
    emulator: OpenAIEmulator,
    base: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    profiles(base)
    main = story("openai_from_laptop").main
    said = {}
    for profile in ("laptop", "production"):
        monkeypatch.setenv("FTKIT_PROFILE", profile)
        report = main(rows=80, held_out_rows=8)
        assert report.candidate.startswith("local/" if profile == "laptop" else "openai/ft:")
        said[profile] = capsys.readouterr().out
        if profile == "laptop":
            assert emulator.counts()["requests"] == {}, "a laptop asks nobody"
    assert "refused, and nothing was sent" not in said["laptop"]
    assert "refused, and nothing was sent" in said["production"]
    assert "answers until the day before 2027-01-14" in said["production"]
    counts = emulator.counts()
    assert (counts["jobs"], counts["requests"][CREATE]) == (1, 1)
    billed = Decimal(counts["usd"])
    assert 0 < billed < 5


def test_the_dates_of_the_stories_are_those_of_the_catalogue() -> None:
    facts = catalogue.load_catalogue(ROOT / "backends" / "ftkit_openai" / "catalogue.toml")
    tunable = facts.model("gpt-4.1-mini-2025-04-14")
    assert tunable is not None
    laptop, rescue = (story(name).__doc__ for name in ("openai_from_laptop", "rescue_openai"))
    assert tunable.shutdown is not None and str(tunable.shutdown) in rescue
    assert f"answers until {tunable.shutdown - timedelta(days=1)}" in laptop
    assert f"until {tunable.training_until}" in laptop


def test_a_history_is_taken_home_and_checked_for_another_model(
    emulator: OpenAIEmulator, base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator.plant(4, failed_every=4)
    came = story("rescue_openai").main("history", base)
    said, rows = capsys.readouterr().out, list(came.folder.glob("files/*.jsonl"))
    assert came.complete and came.jobs == 4 == len(ftkit.jobs())
    assert said.count(f"errors for {base}") == len(rows) > 0
    assert emulator.counts()["usd"] == "0"
