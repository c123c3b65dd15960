"""`ftkit.rescue` on a provider in memory: what lies in the folder, what is never asked for twice, what stops it."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import ftkit
from ftkit.backend import Refused, Unavailable
from ftkit.errors import CapabilityError, ConfigError, NotFound, StorageError
from ftkit.rescuing.folder import opened
from tests.rescue_archive import METRICS, ROWS, Archive, here


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """Three ended jobs, of which two share their rows."""
    clock = tmp_path / "now"
    clock.write_text("2026-11-24T12:00:00+00:00")
    monkeypatch.setenv("FTKIT_NOW", f"file:{clock}")
    past = Archive()
    past.add("job-1", training="file-shared")
    past.add("job-2", training="file-shared")
    past.add("job-3", "failed")
    with past.open():
        yield past


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "history"


def index(folder: Path) -> dict[str, dict[str, object]]:
    jobs = json.loads((folder / "index.json").read_text(encoding="utf-8"))["jobs"]
    return {job["id"]: job for job in jobs}


# --- what lies there ---


def test_everything_lies_where_the_documentation_says(archive: Archive, to: Path) -> None:
    came = ftkit.rescue("archive", to)
    words = {name: content for name, content in here(to).items() if "job-1" in name}
    assert sorted(here(to)) == [
        "files/file-job-3.jsonl",
        "files/file-shared.jsonl",
        "jobs/job-1/checkpoints.json",
        "jobs/job-1/events.jsonl",
        "jobs/job-1/job.json",
        "jobs/job-1/metrics.csv",
        "jobs/job-2/checkpoints.json",
        "jobs/job-2/events.jsonl",
        "jobs/job-2/job.json",
        "jobs/job-2/metrics.csv",
        "jobs/job-3/checkpoints.json",
        "jobs/job-3/events.jsonl",
        "jobs/job-3/job.json",
    ]
    assert json.loads(words["jobs/job-1/job.json"]) == archive.jobs["job-1"].words
    assert words["jobs/job-1/metrics.csv"] == METRICS
    assert json.loads(words["jobs/job-1/events.jsonl"])["message"] == "job-1 began"
    assert json.loads(words["jobs/job-1/checkpoints.json"]) == [
        {"id": "tuned-job-1:1", "step": 1, "metrics": {}}
    ]
    assert (came.jobs, came.files, came.fetched, came.complete) == (3, 4, 4, True)
    assert came.bytes == 2 * len(ROWS) + 2 * len(METRICS)


def test_a_training_file_loads_as_it_lies(archive: Archive, to: Path) -> None:
    ftkit.rescue("archive", to)
    assert ftkit.load(to / "files" / "file-shared.jsonl")[0].answer == "b"


def test_every_job_is_in_the_ledger(archive: Archive, to: Path) -> None:
    assert ftkit.rescue("archive", to).taken_up == 3
    assert {job.id: str(job.last_seen.status) for job in ftkit.jobs()} == {
        "archive/job-1": "succeeded",
        "archive/job-2": "succeeded",
        "archive/job-3": "failed",
    }
    assert ftkit.rescue("archive", to).taken_up == 0


def test_the_index_tells_of_each_job_and_its_files(archive: Archive, to: Path) -> None:
    ftkit.rescue("archive", to)
    job = index(to)["job-1"]
    assert (job["model"], job["status"], job["tokens"]) == ("tuned-job-1", "succeeded", 1200)
    assert job["hyperparameters"] == {"n_epochs": 2}
    assert job["files"][0] == {
        "id": "file-shared",
        "role": "training",
        "path": "files/file-shared.jsonl",
        "name": "file-shared.jsonl",
        "size": len(ROWS),
        "sha256": hashlib.sha256(ROWS).hexdigest(),
    }


def test_a_job_that_the_provider_has_forgotten_since_stays_in_the_index(
    archive: Archive, to: Path
) -> None:
    ftkit.rescue("archive", to)
    del archive.jobs["job-2"]
    assert ftkit.rescue("archive", to).jobs == 3
    assert list(index(to)) == ["job-3", "job-2", "job-1"]


# --- what is never asked for twice ---


def test_a_file_that_many_jobs_share_is_fetched_once(archive: Archive, to: Path) -> None:
    ftkit.rescue("archive", to)
    assert archive.reads["fetch file-shared"] == 1


def test_a_second_run_reads_the_list_and_nothing_else(archive: Archive, to: Path) -> None:
    ftkit.rescue("archive", to)
    before = here(to)
    archive.reads.clear()
    came = ftkit.rescue("archive", to)
    assert archive.reads == {"list": 1}
    assert (came.fetched, came.files, here(to)) == (0, 4, before)


def test_a_job_that_still_runs_is_read_again_until_it_has_ended(archive: Archive, to: Path) -> None:
    archive.add("job-4", "running")
    assert ftkit.rescue("archive", to).unfinished == 1
    archive.ends("job-4")
    assert ftkit.rescue("archive", to).unfinished == 0
    ftkit.rescue("archive", to)
    assert (archive.reads["job job-4"], archive.reads["job job-1"]) == (2, 1)
    assert archive.reads["fetch file-job-4"] == 1


def test_a_file_that_got_its_name_right_before_a_kill_is_taken_up(
    archive: Archive, to: Path
) -> None:
    ftkit.rescue("archive", to)
    manifest = to / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    (lost,) = [line for line in lines if b'"files/file-shared.jsonl"' in line and b'"file"' in line]
    manifest.write_bytes(b"".join(line for line in lines if line != lost) + lost[:40])
    came = ftkit.rescue("archive", to)
    assert archive.reads["fetch file-shared"] == 1
    assert (came.files, came.fetched) == (4, 0)
    assert all(json.loads(line) for line in manifest.read_bytes().splitlines())


def test_a_file_that_somebody_has_cut_is_fetched_again(archive: Archive, to: Path) -> None:
    ftkit.rescue("archive", to)
    (to / "files" / "file-shared.jsonl").write_bytes(b"{")
    ftkit.rescue("archive", to)
    assert here(to)["files/file-shared.jsonl"] == ROWS


# --- what cannot be had, and what ends a run ---


@pytest.mark.parametrize("error", [NotFound("no such file"), Refused("expired", "it expired")])
def test_a_file_that_is_gone_is_listed_and_stops_nothing(
    error: Exception, archive: Archive, to: Path
) -> None:
    archive.contents["file-shared"] = error
    came = ftkit.rescue("archive", to)
    (missing,) = came.missing
    assert (missing.what, missing.id, missing.reason) == (
        "training file",
        "file-shared",
        str(error),
    )
    assert archive.reads["fetch file-shared"] == 1
    assert "files/file-job-3.jsonl" in here(to) and "files/file-shared.jsonl" not in here(to)
    assert index(to)["job-1"]["files"][0]["size"] is None
    assert str(error) in (to / "index.html").read_text(encoding="utf-8")


def test_a_failed_job_that_knows_of_no_checkpoints_misses_none(archive: Archive, to: Path) -> None:
    def unknown(what: str, id: str) -> None:
        if what == "checkpoints" and id in ("job-1", "job-3"):
            raise NotFound("no checkpoints")

    archive.before_read = unknown  # type: ignore[method-assign]
    came = ftkit.rescue("archive", to)
    assert [(one.what, one.job) for one in came.missing] == [("checkpoints", "job-1")]


def test_what_was_missing_is_asked_for_again(archive: Archive, to: Path) -> None:
    archive.contents["file-shared"] = NotFound("no such file")
    ftkit.rescue("archive", to)
    archive.contents["file-shared"] = ROWS
    came = ftkit.rescue("archive", to)
    assert came.complete and came.fetched == 1
    assert archive.reads["job job-1"] == 1


def test_a_file_that_always_fails_is_given_up_and_the_rest_is_there(
    archive: Archive, to: Path
) -> None:
    archive.contents["file-shared"] = Unavailable("500")
    came = ftkit.rescue("archive", to)
    assert [one.id for one in came.missing] == ["file-shared"]
    assert "jobs/job-1/metrics.csv" in here(to)


def test_a_short_outage_is_waited_through(archive: Archive, to: Path) -> None:
    failing = iter(range(2))

    def busy(what: str, id: str) -> None:
        if what == "fetch" and next(failing, None) is not None:
            raise Unavailable("503", retry_after_s=40.0)

    archive.before_read = busy  # type: ignore[method-assign]
    assert ftkit.rescue("archive", to).complete
    assert archive.reads["fetch file-job-3"] == 3


def test_a_provider_that_is_gone_ends_the_run_and_the_page_has_what_came(
    archive: Archive, to: Path
) -> None:
    for number in range(4, 12):
        archive.add(f"job-{number}")

    def gone(what: str, id: str) -> None:
        if archive.reads.total() > 12:
            raise Unavailable("connection refused")

    archive.before_read = gone  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        ftkit.rescue("archive", to)
    assert 0 < len(index(to)) < 11
    archive.before_read = lambda what, id: None  # type: ignore[method-assign]
    assert ftkit.rescue("archive", to).complete
    assert len(index(to)) == 11


def test_an_interrupt_leaves_whole_files_and_a_page_and_says_how_to_go_on(
    archive: Archive, to: Path
) -> None:
    archive.contents["file-shared"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt) as interrupt:
        ftkit.rescue("archive", to)
    assert any("goes on" in note for note in interrupt.value.__notes__)
    assert sorted(here(to)) == [
        "files/file-job-3.jsonl",
        "jobs/job-2/checkpoints.json",
        "jobs/job-2/events.jsonl",
        "jobs/job-2/job.json",
        "jobs/job-3/checkpoints.json",
        "jobs/job-3/events.jsonl",
        "jobs/job-3/job.json",
    ]
    assert list(index(to)) == ["job-3", "job-2"]


def test_a_full_disk_ends_the_run_with_no_half_file(archive: Archive, to: Path) -> None:
    archive.contents["file-shared"] = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StorageError, match="No space left on device.*the same command goes on"):
        ftkit.rescue("archive", to)
    assert list(to.rglob("*shared*")) == []


# --- whose folder it is ---


def test_a_folder_with_something_else_in_it_is_left_alone(archive: Archive, to: Path) -> None:
    to.mkdir()
    (to / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"thesis\.txt"):
        ftkit.rescue("archive", to)
    assert [path.name for path in to.iterdir()] == ["thesis.txt"]


def test_another_accounts_folder_is_left_alone(archive: Archive, to: Path) -> None:
    ftkit.rescue("archive", to)
    archive.account = "archive|here|org-other"
    with pytest.raises(ConfigError, match="org-other"):
        ftkit.rescue("archive", to)


def test_an_account_of_which_more_is_known_by_now_is_the_same(archive: Archive, to: Path) -> None:
    archive.account = "archive|here|?"
    ftkit.rescue("archive", to)
    archive.account = "archive|here|org-acme"
    assert ftkit.rescue("archive", to).fetched == 0


def test_two_rescues_do_not_write_in_one_folder(archive: Archive, to: Path) -> None:
    with opened(to), pytest.raises(StorageError, match="another rescue"):
        ftkit.rescue("archive", to)


def test_a_new_folder_is_its_owners_alone(archive: Archive, to: Path) -> None:
    ftkit.rescue("archive", to)
    assert to.stat().st_mode & 0o077 == 0


def test_a_provider_without_a_history_says_why(monkeypatch: pytest.MonkeyPatch, to: Path) -> None:
    monkeypatch.setenv("FTKIT_FAKE_URL", "http://127.0.0.1:9")
    with pytest.raises(CapabilityError, match="history"):
        ftkit.rescue("fake", to)
    assert not to.exists()


def test_questions_need_a_budget(archive: Archive, to: Path) -> None:
    with pytest.raises(ConfigError, match="max_cost_usd"):
        ftkit.rescue("archive", to, ask=[{"prompt": "a", "completion": "b"}])
