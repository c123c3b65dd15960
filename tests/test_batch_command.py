"""`ftkit batch` and `ftkit batches`: started once, waited for or left, settled and cancelled by a person at a terminal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.testing import HostedProvider
from tests.batch_desk import START

QUESTIONS = "questions.jsonl"
ANSWERS = "answers.jsonl"


@pytest.fixture(autouse=True)
def questions(home: Path) -> None:
    rows = [{"prompt": f"where is parcel {n}?", "completion": "x"} for n in range(4)]
    Path(QUESTIONS).write_text("".join(json.dumps(row) + "\n" for row in rows))


def command(*arguments: str, code: int = 0) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "ftkit.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def batch(*more: str, code: int = 0) -> tuple[str, str]:
    told = ("batch", "fake/small", QUESTIONS, "--out", ANSWERS, "--max-tokens", "20", *more)
    return command(*told, code=code)


def as_json(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    assert value["schema_version"] == 1
    return value


def test_the_answers_are_waited_for_and_map_has_nothing_left_to_ask(
    provider: HostedProvider,
) -> None:
    said, told = batch("--max-cost-usd", "0.01")
    assert said.startswith(f"4 answers in {ANSWERS}, 0.0000 USD")
    assert "at most 0.0001 USD" in told
    told_to_map = ("map", "fake/small", QUESTIONS, "--out", ANSWERS, "--max-tokens", "20")
    assert "4 of them from before" in command(*told_to_map)[0]
    assert provider.counts()["chats"] == 4
    assert "attached to batch" in batch()[1]
    assert provider.counts()["requests"][START] == 1


def test_without_waiting_the_same_command_fetches_it_later(provider: HostedProvider) -> None:
    provider.set(batch_seconds=0.5)
    value = as_json(batch("--no-wait", "--json")[0])
    assert (value["out"], value["status"], value["total"]) == (None, "queued", 4)
    assert not Path(ANSWERS).exists()
    assert value["key"] in command("batches")[0]
    value = as_json(batch("--json")[0])
    assert (value["out"], value["done"], value["status"]) == (ANSWERS, 4, "succeeded")
    assert len(Path(ANSWERS).read_text().splitlines()) == 4


def test_a_budget_is_exit_code_3_and_no_request(provider: HostedProvider) -> None:
    said, told = batch("--max-cost-usd", "0.00001", "--json", code=3)
    assert as_json(said)["error"] == "BudgetError"
    assert "could cost" in told
    assert provider.counts()["requests"] == {}


def test_rows_without_an_answer_are_exit_code_1_and_the_others_are_in_the_file(
    provider: HostedProvider,
) -> None:
    provider.set(batch_answers=3)
    _, told = batch(code=1)
    assert "1 of 4 questions have no answer; the others are in answers.jsonl" in told
    assert f"ftkit map fake/small {QUESTIONS} --out {ANSWERS}" in told
    assert "row 4: the time of the batch was over" in told
    assert len(Path(ANSWERS).read_text().splitlines()) == 3
    value = as_json(batch("--json", code=1)[0])
    assert (value["missing"], value["done"], value["out"]) == ([4], 3, ANSWERS)
    (line,) = command("batches", "list")[0].splitlines()
    assert "3/4 (1 failed)  expired" in line


def test_an_unsettled_batch_is_exit_code_4_and_settled_by_its_key(provider: HostedProvider) -> None:
    provider.set(unlisted=True)
    provider.fault(START, "close", process=True)
    assert "ftkit batches settle" in batch(code=4)[1]
    (one,) = ftkit.batches()
    assert f"unsettled, may be billed: ftkit batches settle {one.key}" in command("batches")[0]
    command("batches", "settle", one.key, code=4)
    command("batches", "settle", one.key, "--adopt", "batch-1", "--not-created", code=2)
    assert "batch-1" in command("batches", "settle", one.key, "--adopt", "batch-1")[0]
    assert as_json(batch("--json")[0])["id"] == "batch-1"


def test_not_created_closes_it(provider: HostedProvider) -> None:
    provider.set(unlisted=True)
    provider.fault(START, "close", process=False)
    batch(code=4)
    (one,) = ftkit.batches()
    value = as_json(command("batches", "settle", one.key, "--not-created", "--json")[0])
    assert (value["state"], value["raw_status"]) == ("closed", "not created")


def test_it_is_cancelled_by_the_providers_id(provider: HostedProvider) -> None:
    provider.set(batch_seconds=3600)
    batch("--no-wait")
    assert "cancelled" in command("batches", "cancel", "fake/batch-1")[0]
    value = as_json(command("batches", "--json")[0])
    assert [one["status"] for one in value["batches"]] == ["cancelled"]
    command("batches", "cancel", "nobody", code=2)


def test_control_c_leaves_it_running_and_says_its_key(provider: HostedProvider) -> None:
    provider.set(batch_seconds=3600)
    waiting = subprocess.Popen(
        [sys.executable, "-m", "ftkit.cli", "batch", "fake/small", QUESTIONS, "--out", ANSWERS],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while provider.counts()["requests"].get("GET /v1/batches/ID", 0) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    waiting.send_signal(signal.SIGINT)
    _, told = waiting.communicate(timeout=60)
    assert waiting.returncode == 130, told
    (one,) = ftkit.batches()
    assert f"batch {one.key}: it goes on" in told
    assert one.status in ("queued", "running")


def test_without_batches_the_list_is_empty() -> None:
    assert command("batches")[0].strip() == "there are no batches"
