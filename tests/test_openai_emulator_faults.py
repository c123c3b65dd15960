"""Faults on command, the SDK's own retries counted at the server, and the witness that outlives its client."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time as real_time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.emulators.openai import OpenAIEmulator, driving
from tests.emulators.openai.driving import (
    BASE,
    CHAT,
    CREATE,
    LIST,
    READ,
    Time,
    ask,
    connect,
    create,
    upload,
)

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("action", ["close", "reset"])
@pytest.mark.parametrize("process", [False, True])
def test_a_lost_reply_is_the_same_to_the_client_whether_a_job_was_made_or_not(
    client: openai.OpenAI, emulator: OpenAIEmulator, action: str, process: bool
) -> None:
    file = upload(client)
    emulator.fault(CREATE, action, process=process)
    with pytest.raises(openai.APIConnectionError):
        create(client, file)
    counts = emulator.counts()
    assert (counts["jobs"], counts["requests"][CREATE]) == (int(process), 1)
    create(client, file)  # the fault is used up


@pytest.mark.parametrize("action", ["close", "reset"])
def test_a_connection_ends_politely_or_by_a_reset(emulator: OpenAIEmulator, action: str) -> None:
    emulator.fault("GET /v1/models", action)
    host, _, port = emulator.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        key = f"Authorization: Bearer {emulator.api_key}"
        connection.sendall(f"GET /v1/models HTTP/1.1\r\nHost: x\r\n{key}\r\n\r\n".encode())
        if action == "close":
            assert connection.recv(1) == b""
        else:
            with pytest.raises(ConnectionResetError):
                connection.recv(1)


def test_a_raw_answer_goes_out_as_it_is_to_the_requests_of_one_query(
    emulator: OpenAIEmulator,
) -> None:
    lies = {"Content-Length": "2", "Transfer-Encoding": "x"}
    emulator.fault(LIST, "raw", status=299, headers=lies, body="much", part=0.75, query="^limit=1$")
    assert ask(emulator, "GET", "/v1/fine_tuning/jobs?limit=10").status == 200
    host, _, port = emulator.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        key = f"Authorization: Bearer {emulator.api_key}"
        asked = f"GET /v1/fine_tuning/jobs?limit=1 HTTP/1.1\r\nHost: x\r\n{key}\r\n\r\n"
        connection.sendall(asked.encode())
        head, _, body = b"".join(iter(lambda: connection.recv(1024), b"")).partition(b"\r\n\r\n")
    assert (head.split(b"\r\n")[0], body) == (b"HTTP/1.1 299 Told", b"muc")
    assert head.endswith(b"Content-Length: 2\r\nTransfer-Encoding: x")


# What the server does, POSTs the SDK sends by its own rules and with retries off, and its exception.
RETRIES: dict[str, tuple[dict[str, Any], int, type[Exception]]] = {
    "500": (
        {"action": "refuse", "code": "server_error"},
        3,
        openai.InternalServerError,
    ),
    "drops the connection": ({"action": "close"}, 3, openai.APIConnectionError),
    "daily limit": (
        {"action": "refuse", "code": "daily_rate_limit_exceeded"},
        3,
        openai.RateLimitError,
    ),
    "shut out": (
        {"action": "refuse", "code": "training_not_available"},
        1,
        openai.PermissionDeniedError,
    ),
}


@pytest.mark.parametrize("case", RETRIES)
@pytest.mark.parametrize("retries", [2, 0])
def test_the_sdk_repeats_a_create_by_itself_unless_it_is_told_not_to(
    client: openai.OpenAI, emulator: OpenAIEmulator, case: str, retries: int
) -> None:
    order, posts, error = RETRIES[case]
    file = upload(client)
    # A short Retry-After keeps the test short.
    extra = {"retry_after": "0.01"} if order["action"] == "refuse" else {}
    emulator.fault(CREATE, **order, **extra, times=None)
    with pytest.raises(error):
        create(client.with_options(max_retries=retries), file)
    assert emulator.counts()["requests"][CREATE] == (posts if retries else 1)
    headers = [one["headers"] for one in emulator.log() if one["route"] == CREATE]
    assert not any("Idempotency-Key" in one for one in headers)


def test_a_create_whose_replies_are_lost_makes_three_jobs_by_default_and_one_without_retries(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    file = upload(client)
    emulator.fault(CREATE, "close", process=True, times=None)
    for retries, jobs in ((2, 3), (0, 1)):
        with pytest.raises(openai.APIConnectionError):
            create(
                client.with_options(max_retries=retries),
                file,
                metadata={"key": f"retries-{retries}"},
            )
        assert emulator.counts()["metadata"]["key"][f"retries-{retries}"] == jobs
    assert emulator.counts()["jobs"] == 4


def test_half_a_body_breaks_off(client: openai.OpenAI, emulator: OpenAIEmulator) -> None:
    file = upload(client)
    emulator.fault(CREATE, "half")
    with pytest.raises((http.client.IncompleteRead, OSError)):
        ask(emulator, "POST", "/v1/fine_tuning/jobs", {"model": BASE, "training_file": file})
    assert emulator.counts()["jobs"] == 1


def test_a_stream_breaks_off(client: openai.OpenAI, emulator: OpenAIEmulator) -> None:
    emulator.fault(CHAT, "half")
    words = []
    with pytest.raises(openai.APIConnectionError):
        for chunk in client.chat.completions.create(
            model=BASE,
            messages=[{"role": "user", "content": "many words"}],
            stream=True,
        ):
            words.append(chunk.choices[0].delta.content)
    assert words
    assert emulator.counts()["chats"] == 1


def test_a_hanging_answer_runs_into_the_clients_own_limit(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    file = upload(client)
    emulator.fault(CREATE, "hang", process=True)
    with pytest.raises(openai.APITimeoutError):
        create(client.with_options(timeout=0.3), file)
    assert emulator.counts()["jobs"] == 1  # and the server answers others meanwhile


@pytest.mark.parametrize("status", [400, 404, 408, 409, 429, 500, 502, 503])
def test_any_status_is_ordered_with_headers_and_body(
    client: openai.OpenAI, emulator: OpenAIEmulator, status: int
) -> None:
    emulator.fault(
        READ,
        "reply",
        status=status,
        headers={"Content-Type": "text/html", "X-Proxy": "edge"},
        body="<html>Bad Gateway</html>",
    )
    seen = ask(emulator, "GET", "/v1/fine_tuning/jobs/ftjob-1")
    assert (seen.status, seen.body) == (status, b"<html>Bad Gateway</html>")
    assert (seen.headers["Content-Type"], seen.headers["X-Proxy"]) == ("text/html", "edge")


def test_retry_after_comes_as_seconds_and_as_a_date(emulator: OpenAIEmulator) -> None:
    until = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)
    emulator.refuse(LIST, "slow_down", retry_after=7)
    emulator.refuse(LIST, "server_is_overloaded", retry_after=until)
    first, second = (ask(emulator, "GET", "/v1/fine_tuning/jobs") for _ in range(2))
    assert (first.status, first.headers["Retry-After"]) == (429, "7")
    assert first.json["error"]["code"] == "slow_down"
    assert second.status == 503
    assert parsedate_to_datetime(second.headers["Retry-After"]) == until


def test_the_first_live_fault_wins_and_skipped_requests_pass(
    emulator: OpenAIEmulator, time: Time
) -> None:
    emulator.refuse(LIST, "server_error", skip=1, times=2)
    emulator.refuse("*", "slow_down", until="2026-11-24T13:00:00Z", times=None)

    def seen() -> int:
        return ask(emulator, "GET", "/v1/fine_tuning/jobs").status

    assert [seen() for _ in range(4)] == [429, 500, 500, 429]
    time.pass_(3600)
    assert seen() == 200
    emulator.refuse(LIST, "server_error", times=None)
    emulator.clear_faults()
    assert seen() == 200


def test_a_patch_is_laid_over_the_real_answer(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    job = create(client)
    emulator.fault(READ, "patch", fields={"status": "unheard_of"}, remove=["trained_tokens"])
    seen = ask(emulator, "GET", f"/v1/fine_tuning/jobs/{job.id}").json
    assert seen["status"] == "unheard_of" and "trained_tokens" not in seen
    assert seen["id"] == job.id
    assert emulator.violations() == []  # what lies below is in order


def test_the_log_has_every_request_with_its_body(
    client: openai.OpenAI, emulator: OpenAIEmulator, time: Time
) -> None:
    job = create(client, metadata={"key": "k"})
    client.fine_tuning.jobs.list(metadata={"key": "k"}, limit=5)
    first, second, third = emulator.log()
    assert (first["route"], first["json"], first["time"]) == ("POST /v1/files", None, driving.NOON)
    assert second["json"]["metadata"] == {"key": "k"}
    assert second["json"]["training_file"] == job.training_file
    assert third["query"] == "limit=5&metadata[key]=k"
    assert third["headers"]["Authorization"] == f"Bearer {emulator.api_key}"


CLIENT = """
import sys
from tests.emulators.openai import driving
import openai
client = openai.OpenAI(api_key="sk-emulated", base_url=sys.argv[1], max_retries=0)
file = driving.upload(client)
print("uploaded", flush=True)
driving.create(client, file, metadata={"key": "killed"})
"""


def test_a_killed_client_leaves_the_witness_alive(emulator: OpenAIEmulator) -> None:
    emulator.fault(CREATE, "hang", process=True)
    child = subprocess.Popen(
        [sys.executable, "-c", CLIENT, emulator.base_url],
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"uploaded\n"
    while not emulator.counts()["jobs"]:
        real_time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    counts = emulator.counts()
    assert (counts["jobs"], counts["metadata"]) == (1, {"key": {"killed": 1}})
    with connect(emulator) as client:
        (job,) = client.fine_tuning.jobs.list(metadata={"key": "killed"})
        assert client.fine_tuning.jobs.retrieve(job.id).status == "succeeded"


def test_a_server_whose_starter_is_gone_ends() -> None:
    starter = (
        "import json, os; from tests.emulators.openai import OpenAIEmulator as E;"
        "e = E().start(); print(json.dumps([e.pid, e.url]), flush=True); os._exit(0)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", starter],
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert child.stdout is not None
    pid, url = json.loads(child.stdout.readline())
    child.stdout.read()  # ends once the server, which inherited the pipe, has ended too
    child.wait()
    with pytest.raises(OSError):
        http.client.HTTPConnection(url.removeprefix("http://"), timeout=5).connect()
    assert pid


def test_a_hundred_requests_at_once_are_all_counted(
    client: openai.OpenAI, emulator: OpenAIEmulator
) -> None:
    file = upload(client)
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda _: create(client, file).id, range(100)))
    assert len(set(made)) == 100
    assert emulator.counts()["jobs"] == 100
