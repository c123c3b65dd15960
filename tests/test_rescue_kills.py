"""A rescue that is killed five times is whole in the end, and no file that was whole is fetched again."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import ftkit
from tests.emulators.openai import OpenAIEmulator
from tests.rescue_archive import here
from tests.rescue_kills import Killed

KILLS = 5
NOON = "2026-11-24T12:00:00+00:00"
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIEmulator]:
    with OpenAIEmulator(now=NOON) as server:
        monkeypatch.setenv("FTKIT_NOW", NOON)
        monkeypatch.delenv("FTKIT_NOW_ANCHOR", raising=False)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", server.api_key)
        monkeypatch.syspath_prepend(str(ROOT))
        monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
        yield server


def struck(emulator: OpenAIEmulator, to: Path, jobs: int, wrong: str = "") -> Killed:
    """`jobs` jobs with three files each, rescued with five kills spread over the way."""
    emulator.plant(jobs)
    runs, chance = Killed(emulator, to, wrong), random.Random(20261124)
    for _ in range(KILLS):
        # a job costs nine requests, so even the last run has work left
        runs.kill_within(9 * jobs // (KILLS + 1), chance)
    return runs


def whole(runs: Killed, jobs: int) -> None:
    """What the last run says, and what is on the disk: every file of every job, no half and no hidden one."""
    told = runs.run()
    assert (told["jobs"], told["files"], told["missing"]) == (jobs, 3 * jobs, [])
    assert len(here(runs.to)) == jobs * 6
    assert len(ftkit.jobs()) == jobs
    assert not list(runs.to.rglob("*.part"))
    assert len(runs.fetched()) == 3 * jobs
    assert {line["method"] for line in runs.emulator.log()} == {"GET"}
    for path in (runs.to / "files").iterdir():
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert len(rows) in (12, 2) and path.read_bytes().endswith(b"}\n")
    index = json.loads((runs.to / "index.json").read_text(encoding="utf-8"))
    assert all(one["sha256"] for job in index["jobs"] for one in job["files"])


def test_five_kills_cost_at_most_the_file_in_flight_each(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    runs = struck(emulator, tmp_path / "history", jobs=18)
    whole(runs, 18)
    assert runs.fetched_again() <= runs.kills == KILLS


def test_the_judge_sees_a_rescue_that_does_not_know_what_it_has(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    runs = struck(emulator, tmp_path / "history", jobs=18, wrong="fetch again")
    runs.run()
    assert runs.fetched_again() > runs.kills


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_says_that_it_can_go_on(
    number: signal.Signals, emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    emulator.plant(18)
    runs = Killed(emulator, tmp_path / "history")
    code, said = runs.interrupt_within(100, random.Random(number), number)
    assert code == 130 and "the same command goes on" in said
    assert (runs.to / "index.html").exists()
    whole(runs, 18)
    assert runs.fetched_again() <= 1


@pytest.mark.torture
def test_three_hundred_jobs_and_five_kills(emulator: OpenAIEmulator, tmp_path: Path) -> None:
    runs = struck(emulator, tmp_path / "history", jobs=300)
    whole(runs, 300)
    print(f"killed at requests {runs.moments}; fetched again: {runs.fetched_again()}")
    assert runs.fetched_again() <= runs.kills == KILLS
