"""A rescue from OpenAI: word for word, by reads alone, through its faults; and answers of tuned models for a budget."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.errors import NotFound, ProviderError
from tests.emulators.openai import OpenAIEmulator
from tests.emulators.openai.driving import ask, connect
from tests.openai_desk import CHAT, EVENTS, LIST, READ, configure

pytest_plugins = ("tests.openai_fixtures",)

ABOUT = "GET /v1/files/ID"
CONTENT = "GET /v1/files/ID/content"
PROMPTS = [{"prompt": f"Where is parcel {n}?", "completion": "-"} for n in range(5)]


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "history"


def jobs_at(emulator: OpenAIEmulator) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(emulator, "GET", "/v1/fine_tuning/jobs?limit=100").json[
        "data"
    ]
    return found


def content_at(emulator: OpenAIEmulator, id: str) -> bytes:
    return ask(emulator, "GET", f"/v1/files/{id}/content").body


# --- what is there, and by which requests ---


def test_everything_is_there_word_for_word(emulator: OpenAIEmulator, to: Path) -> None:
    emulator.plant(6, failed_every=3)
    ftkit.rescue("openai", to)
    for job in jobs_at(emulator):
        folder = to / "jobs" / job["id"]
        assert json.loads((folder / "job.json").read_text(encoding="utf-8")) == job
        for id in (job["training_file"], job["validation_file"]):
            assert (to / "files" / f"{id}.jsonl").read_bytes() == content_at(emulator, id)
        for id in job["result_files"]:
            assert (folder / "metrics.csv").read_bytes() == content_at(emulator, id)
        events = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
        told = ask(emulator, "GET", f"/v1/fine_tuning/jobs/{job['id']}/events?limit=100").json
        messages = [json.loads(line)["message"] for line in events]
        assert messages == [one["message"] for one in reversed(told["data"])]
        kept = json.loads((folder / "checkpoints.json").read_text(encoding="utf-8"))
        assert bool(kept) == (job["status"] == "succeeded")


def test_the_index_has_tokens_dollars_and_settings(emulator: OpenAIEmulator, to: Path) -> None:
    emulator.plant(1)
    ftkit.rescue("openai", to)
    ((job),) = json.loads((to / "index.json").read_text(encoding="utf-8"))["jobs"]
    (at_openai,) = jobs_at(emulator)
    assert job["tokens"] == at_openai["trained_tokens"]
    assert Decimal(job["usd"]) == 3 * Decimal(job["tokens"]) / 1_000_000
    assert job["hyperparameters"]["n_epochs"] == 2
    assert [one["name"] for one in job["files"][:2]] == ["train-1.jsonl", "valid-1.jsonl"]


def test_nothing_but_reads_is_sent_and_each_thing_is_read_once(
    emulator: OpenAIEmulator, to: Path
) -> None:
    emulator.plant(4)
    ftkit.rescue("openai", to)
    log = emulator.log()
    assert {one["method"] for one in log} == {"GET"}
    paths = Counter((one["path"], one["query"]) for one in log if one["route"] != LIST)
    assert set(paths.values()) == {1}
    assert emulator.counts()["requests"] == {
        LIST: 2,  # whose account it is, and the list
        READ: 4,
        EVENTS: 4,
        f"{READ}/checkpoints": 4,
        ABOUT: 12,
        CONTENT: 12,
    }


def test_training_files_load_as_they_lie(emulator: OpenAIEmulator, to: Path) -> None:
    emulator.plant(1)
    ftkit.rescue("openai", to)
    (id,) = [job["training_file"] for job in jobs_at(emulator)]
    assert ftkit.load(to / "files" / f"{id}.jsonl")[3].answer == "answer 1-3"


def test_a_history_of_several_pages_is_taken_whole(emulator: OpenAIEmulator, to: Path) -> None:
    emulator.plant(101, validation=False, rows=10, epochs=1, days_apart=0.1)
    assert ftkit.rescue("openai", to).jobs == 101
    assert len(ftkit.jobs()) == 101


def test_results_in_base64_are_kept_as_the_csv_that_they_are(
    emulator: OpenAIEmulator, to: Path
) -> None:
    emulator.set(base64_results=True)
    emulator.plant(1)
    ftkit.rescue("openai", to)
    (job,) = jobs_at(emulator)
    metrics = (to / "jobs" / job["id"] / "metrics.csv").read_bytes()
    assert metrics.startswith(b"step,")
    assert base64.b64encode(metrics) == content_at(emulator, job["result_files"][0])


def test_a_file_of_many_megabytes_is_never_in_memory(emulator: OpenAIEmulator, to: Path) -> None:
    (job,) = emulator.plant(1)
    row = json.dumps({"messages": [{"role": "user", "content": "x" * 1_000_000}]}).encode() + b"\n"
    with connect(emulator) as sdk:
        large = sdk.files.create(file=("large.jsonl", row * 60), purpose="fine-tune").id
    emulator.patch_job(job, training_file=large)
    ftkit.rescue("openai", to)  # what is imported and opened once is not counted
    (to / "files" / f"{large}.jsonl").unlink()
    tracemalloc.start()
    ftkit.rescue("openai", to)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (to / "files" / f"{large}.jsonl").stat().st_size == len(row) * 60
    assert most < 8_000_000, most
    emulator.take_violations()


# --- faults ---


@pytest.mark.parametrize("route", [LIST, READ, EVENTS, ABOUT, CONTENT])
@pytest.mark.parametrize("action", ["close", "half", "reply"])
def test_a_read_that_goes_wrong_is_made_again(
    route: str, action: str, emulator: OpenAIEmulator, to: Path
) -> None:
    emulator.plant(2)
    emulator.fault(route, action, times=2, skip=1, **({"status": 500} if action == "reply" else {}))
    came = ftkit.rescue("openai", to)
    assert came.complete and came.files == 6
    (job, *_) = jobs_at(emulator)
    kept = (to / "files" / f"{job['training_file']}.jsonl").read_bytes()
    assert kept == content_at(emulator, job["training_file"])


def test_another_page_in_place_of_a_file_is_not_kept(emulator: OpenAIEmulator, to: Path) -> None:
    emulator.plant(1)
    page = b"<html>Please sign in</html>"
    emulator.fault(
        CONTENT, "reply", times=None, status=200, body_base64=base64.b64encode(page).decode()
    )
    came = ftkit.rescue("openai", to)
    assert {one.what for one in came.missing} == {
        "training file",
        "validation file",
        "metrics file",
    }
    assert not (to / "files").exists() or not list((to / "files").iterdir())
    emulator.clear_faults()
    assert ftkit.rescue("openai", to).complete


def test_files_that_were_deleted_are_listed_and_the_rest_is_there(
    emulator: OpenAIEmulator, to: Path
) -> None:
    emulator.plant(6, delete_files_every=2)
    came = ftkit.rescue("openai", to)
    assert [one.what for one in came.missing] == ["training file"] * 3
    assert all("No such File object" in one.reason for one in came.missing)
    assert came.files == 15


def test_a_key_that_may_not_read_files_gets_all_but_the_files(
    emulator: OpenAIEmulator, to: Path
) -> None:
    emulator.plant(2)
    emulator.fault(ABOUT, "reply", times=None, status=403, body='{"error": {"message": "no"}}')
    came = ftkit.rescue("openai", to)
    assert (came.jobs, came.files, len(came.missing)) == (2, 0, 6)
    assert len(list(to.rglob("events.jsonl"))) == 2


def test_a_job_that_still_runs_is_read_again_by_the_next_run(
    emulator: OpenAIEmulator, to: Path
) -> None:
    ended, running = emulator.plant(2)
    emulator.patch_job(running, status="running", result_files=[])
    assert ftkit.rescue("openai", to).unfinished == 1
    emulator.patch_job(running, status=None, result_files=None)
    came = ftkit.rescue("openai", to)
    assert (came.unfinished, came.fetched) == (0, 1)
    read = Counter(one["path"].rpartition("/")[2] for one in emulator.log() if one["route"] == READ)
    assert (read[ended], read[running]) == (1, 2)


# --- answers ---


def test_every_tuned_model_answers_for_the_budget_and_only_once(
    emulator: OpenAIEmulator, to: Path
) -> None:
    emulator.plant(4, failed_every=4)
    came = ftkit.rescue("openai", to, ask=PROMPTS, max_cost_usd="0.05")
    assert (came.answers, came.complete, emulator.counts()["chats"]) == (15, True, 15)
    assert came.usd is not None and 0 < came.usd == Decimal(emulator.counts()["usd"])
    files = list((to / "answers").iterdir())
    assert [len(path.read_text(encoding="utf-8").splitlines()) for path in files] == [5, 5, 5]
    assert {one["method"] for one in emulator.log() if one["route"] != CHAT} == {"GET"}
    again = ftkit.rescue("openai", to, ask=PROMPTS, max_cost_usd="0.05")
    assert (again.answers, again.usd, emulator.counts()["chats"]) == (15, Decimal(0), 15)


def test_answers_stop_where_the_budget_ends(
    emulator: OpenAIEmulator, to: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, answers_at_once=2)
    emulator.plant(3)
    came = ftkit.rescue("openai", to, ask=PROMPTS, max_cost_usd="0.00001")
    assert [one.what for one in came.missing] == ["answers"] * 3
    assert "budget" in came.missing[-1].reason
    assert came.files == 9
    spent = Decimal(emulator.counts()["usd"])
    assert came.usd == spent and Decimal("0.00001") < spent < Decimal("0.00004")
    assert came.answers == emulator.counts()["chats"] < 15


def test_what_an_outage_has_cost_counts_against_the_budget(
    emulator: OpenAIEmulator, to: Path
) -> None:
    emulator.plant(2)
    emulator.refuse(CHAT, "server_is_overloaded", times=None, skip=3)
    came = ftkit.rescue("openai", to, ask=PROMPTS, max_cost_usd="0.05")
    assert came.answers == emulator.counts()["chats"] == 3
    assert came.usd == Decimal(emulator.counts()["usd"]) > 0


# --- the command ---


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ftkit.cli", "rescue", "openai", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_tells_in_json_what_came(emulator: OpenAIEmulator, to: Path) -> None:
    emulator.plant(2)
    done = command("--to", str(to), "--json")
    value = json.loads(done.stdout)
    assert (done.returncode, value["schema_version"], value["jobs"], value["files"]) == (0, 1, 2, 6)
    assert (value["complete"], value["page"]) == (True, str(to / "index.html"))


def test_the_commands_exit_code_says_that_something_is_missing(
    emulator: OpenAIEmulator, to: Path
) -> None:
    emulator.plant(2, delete_files_every=2)
    done = command("--to", str(to))
    assert done.returncode == 1
    assert "1 could not be had" in done.stdout and "No such File object" in done.stdout
    assert f"page: {to / 'index.html'}" in done.stdout
    assert done.stderr == ""


def test_questions_without_a_budget_are_a_usage_error(
    emulator: OpenAIEmulator, to: Path, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps(row) + "\n" for row in PROMPTS))
    assert command("--to", str(to), "--ask", str(prompts)).returncode == 2
    assert emulator.counts()["requests"] == {}


def test_a_metrics_file_that_is_no_csv_is_not_taken_for_one() -> None:
    from ftkit_openai.history import _csv

    for content in (b"<html>", b"", b"aGVsbG8=", b"\xff\xfe"):
        with pytest.raises(ProviderError):
            _csv(content)


def test_an_unknown_file_is_not_found(emulator: OpenAIEmulator, tmp_path: Path) -> None:
    from ftkit.backend import FileRole, History, RemoteFile
    from tests.openai_desk import opened

    training = opened().training
    assert isinstance(training, History)
    with pytest.raises(NotFound):
        training.fetch(RemoteFile("file-unknown", FileRole.TRAINING), tmp_path / "x")
    with pytest.raises(NotFound):
        training.told("ftjob-unknown")
