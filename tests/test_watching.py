"""Following a job: through sleep, clock jumps, words nobody knows, silence, and interrupts."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import clock
from ftkit.errors import JobTimeout
from ftkit.ledger import Ledger
from ftkit.testing import HostedProvider
from ftkit.types import JobStatus
from tests.hosted import CREATE, READ, ROWS, configure, virtual


@pytest.fixture
def in_virtual_time(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> HostedProvider:
    configure(tmp_path, monkeypatch, poll_s=30.0)
    virtual(tmp_path, monkeypatch, provider)
    return provider


def submitted(provider: HostedProvider, run_s: float) -> tuple[ftkit.types.Job, str]:
    """A job and the provider's id of it."""
    provider.set(run_seconds=run_s)
    job = ftkit.submit(ROWS, "fake/small", hyperparameters={"epochs": 20})
    assert job.last_seen.remote_id is not None
    return job, job.last_seen.remote_id


def at_poll(monkeypatch: pytest.MonkeyPatch, number: int, happens: Callable[[], object]) -> None:
    """Let something happen instead of the `number`-th pause between two looks."""
    sleep = clock.sleep
    pauses = iter(range(1, 1_000_000))

    def pause(seconds: float) -> None:
        if next(pauses) == number:
            happens()
        else:
            sleep(seconds)

    monkeypatch.setattr(clock, "sleep", pause)


# --- sleep and clock jumps ---


def test_a_laptop_that_slept_over_the_end_of_a_job_looks_once_and_does_not_time_out(
    in_virtual_time: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = submitted(in_virtual_time, 3600)
    sleep = clock.sleep
    before = in_virtual_time.counts()["requests"].get(READ, 0)
    at_poll(monkeypatch, 3, lambda: sleep(8 * 3600))
    assert job.wait(timeout_s=7200).status is JobStatus.SUCCEEDED
    assert in_virtual_time.counts()["requests"][READ] - before == 4


@pytest.mark.parametrize("hours", [8, -8])
def test_a_wall_clock_that_jumps_neither_times_out_nor_waits_longer(
    hours: int, provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, poll_s=0.1)
    job, _ = submitted(provider, 1)
    now = clock.now
    at_poll(
        monkeypatch,
        2,
        lambda: monkeypatch.setattr(clock, "now", lambda: now() + timedelta(hours=hours)),
    )
    assert job.wait(timeout_s=60).status is JobStatus.SUCCEEDED


def test_a_job_that_takes_too_long_is_left_running(in_virtual_time: HostedProvider) -> None:
    job, _ = submitted(in_virtual_time, 3600)
    with pytest.raises(JobTimeout, match="it goes on"):
        job.wait(timeout_s=600)
    assert job.status is JobStatus.RUNNING
    assert job.wait(timeout_s=3600).status is JobStatus.SUCCEEDED


# --- words nobody knows ---


def test_an_unknown_status_is_kept_is_not_final_and_is_warned_about_once(
    in_virtual_time: HostedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    job, remote = submitted(in_virtual_time, 300)
    in_virtual_time.patch_job(remote, status="compressing-7")
    with pytest.raises(JobTimeout):
        job.wait(timeout_s=200)
    assert (job.status, job.raw_status) == (JobStatus.OTHER, "compressing-7")
    warnings = [r for r in caplog.records if "compressing-7" in r.getMessage()]
    assert [r.levelno for r in warnings] == [logging.WARNING]
    in_virtual_time.patch_job(remote, status=None)
    assert job.wait(timeout_s=300).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        ({"fine_tuned_model": "ft:small:x"}, JobStatus.SUCCEEDED),
        ({"error": "rows are odd"}, JobStatus.FAILED),
        ({}, JobStatus.OTHER),
    ],
)
def test_what_proves_an_end_wins_over_a_word_nobody_knows(
    shown: dict[str, str], status: JobStatus, in_virtual_time: HostedProvider
) -> None:
    job, _ = submitted(in_virtual_time, 3600)
    fields: dict[str, Any] = {"status": "wrapped", "finished_at": 1_795_612_800, **shown}
    in_virtual_time.fault(READ, "patch", fields=fields, times=None)
    assert (job.status, job.raw_status) == (status, "wrapped")


# --- silence ---


@pytest.mark.parametrize("word", ["running", "running # 2 of 3"])
def test_a_job_without_a_sign_of_life_is_reported_once_with_its_cost(
    word: str, in_virtual_time: HostedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    job, remote = submitted(in_virtual_time, 4 * 3600)
    in_virtual_time.patch_job(remote, frozen=True, status=word)
    caplog.set_level(logging.WARNING, "ftkit")
    with pytest.raises(JobTimeout):
        job.wait(timeout_s=3 * 3600)
    said = [r.getMessage() for r in caplog.records if "no sign of life" in r.getMessage()]
    assert len(said) == 1
    assert f"it says {word}" in said[0]
    assert "USD so far" in said[0]
    assert (job.silent_s() or 0) > 7000
    assert any(line.what == "no sign of life" for line in job.history())


def test_a_new_event_is_a_sign_of_life_where_status_and_steps_stand_still(
    in_virtual_time: HostedProvider,
) -> None:
    job, _ = submitted(in_virtual_time, 10 * 3600)
    before = job.refresh()
    progress = list(job.progress or ())
    shown = {"status": before.raw_status, "steps_done": progress[0], "steps": progress[1]}
    in_virtual_time.fault(READ, "patch", fields=shown, times=None)
    for _ in range(4):  # the provider writes an event a step all the while
        clock.sleep(2 * 3600)
        job.refresh()
        assert job.silent_s() is None


@pytest.mark.parametrize("kept", ["running (3, 10)", "running (3, 10)#12", "", "7 running (3, 10)"])
def test_evidence_that_an_earlier_version_wrote_is_read(
    kept: str, in_virtual_time: HostedProvider, home: Path
) -> None:
    job, _ = submitted(in_virtual_time, 3600)
    Ledger(home).change(job.id, evidence=kept)
    clock.sleep(2 * 3600)
    assert job.wait(timeout_s=60).status is JobStatus.SUCCEEDED


# --- interrupts ---


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ftkit.cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def test_sigterm_during_the_paid_call_says_that_it_may_be_billed_and_the_job_is_found(
    provider: HostedProvider,
) -> None:
    import json

    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    provider.fault(CREATE, "hang", process=True, seconds=60)
    child = command("submit", "rows.jsonl", "--model", "fake/small", "--name", "router")
    while not provider.counts()["requests"].get(CREATE):
        time.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 130, said
    job = ftkit.job("router")
    assert f"job {job.id}: it may be billed" in said
    assert "Traceback" not in said
    assert job.settle().wait(20).status is JobStatus.SUCCEEDED
    assert provider.counts()["jobs"] == 1


def test_a_cancelled_task_leaves_the_job_running_and_names_it(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, poll_s=0.05)
    job, _ = submitted(provider, 30)

    async def cancelled() -> list[str]:
        task = asyncio.create_task(job.wait_async())
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        return list(getattr(caught.value, "__notes__", ()))

    (said,) = asyncio.run(cancelled())
    assert said.startswith(f"job {job.id}: it goes on; `ftkit job wait {job.id}`")
    assert job.status is JobStatus.RUNNING


# --- a ledger that was just lost ---


@pytest.mark.parametrize("waits", [True, False])
def test_after_a_rebuilt_ledger_a_job_that_is_not_listed_yet_is_waited_for(
    waits: bool,
    in_virtual_time: HostedProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
) -> None:
    configure(tmp_path, monkeypatch, listing_lag_s=120)
    in_virtual_time.set(listing_lag=120)
    job, _ = submitted(in_virtual_time, 3600)
    for path in home.glob("ledger.sqlite*"):
        path.unlink()  # the mark that there was one stays
    if not waits:
        monkeypatch.setattr("ftkit.ledger.Ledger.rebuilt_at", None)
    again = ftkit.submit(ROWS, "fake/small", hyperparameters={"epochs": 20})
    assert again.id == job.id
    assert in_virtual_time.counts()["jobs"] == (1 if waits else 2)
    moved = datetime.fromisoformat((tmp_path / "now").read_text())
    assert (
        moved - datetime.fromisoformat("2026-11-25T12:00:00+00:00")
    ).total_seconds() >= 120 * waits
