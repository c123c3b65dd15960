"""Faults on command, the SDK's own retries counted at the server, and the witness that outlives its client."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time as real_time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from tests.emulators.google import GoogleEmulator, driving
from tests.emulators.google.driving import (
    BASE,
    CREATE,
    GENERATE,
    LIST,
    READ,
    ask,
    create,
    get,
    path,
    rows,
)

server, emulator, client = driving.server, driving.emulator, driving.client

REPOSITORY = Path(__file__).resolve().parents[1]
STREAM = "POST publishers/google/models/ID:streamGenerateContent"


@pytest.mark.parametrize("action", ["close", "reset"])
@pytest.mark.parametrize("process", [False, True])
def test_a_lost_reply_is_the_same_to_the_client_whether_a_job_was_made_or_not(
    client: genai.Client, emulator: GoogleEmulator, action: str, process: bool
) -> None:
    emulator.fault(CREATE, action, process=process)
    with pytest.raises(httpx2.TransportError):
        create(emulator, client)
    counts = emulator.counts()
    assert (counts["jobs"], counts["requests"][CREATE]) == (int(process), 1)
    create(emulator, client)  # the fault is used up


CODES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


@pytest.mark.parametrize("code", CODES)
def test_every_error_comes_in_google_s_form_and_makes_no_job(
    client: genai.Client, emulator: GoogleEmulator, code: str
) -> None:
    emulator.refuse(CREATE, code)
    with pytest.raises(errors.APIError) as raised:
        create(emulator, client)
    assert (raised.value.code, raised.value.status) == (CODES[code], code)
    emulator.refuse("GET bucket", code)
    seen = ask(emulator, "GET", f"/storage/v1/b/{emulator.bucket}")
    assert (seen.status, set(seen.json["error"])) == (CODES[code], {"code", "message", "errors"})
    assert emulator.counts()["jobs"] == 0


def test_a_refusal_says_when_to_come_back(emulator: GoogleEmulator) -> None:
    where = path(emulator, "tuningJobs")
    emulator.refuse(LIST, "RESOURCE_EXHAUSTED", retry_after=7)
    seen = ask(emulator, "GET", where)
    kind = "type.googleapis.com/google.rpc.RetryInfo"
    assert seen.headers["Retry-After"] == "7"
    assert seen.json["error"]["details"] == [{"@type": kind, "retryDelay": "7s"}]
    moment = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)
    emulator.refuse(LIST, "UNAVAILABLE", retry_after=moment)
    seen = ask(emulator, "GET", where)
    assert seen.headers["Retry-After"] == "Tue, 24 Nov 2026 12:00:30 GMT"
    assert "details" not in seen.json["error"]


def _retrying(emulator: GoogleEmulator, attempts: int | None) -> genai.Client:
    retries = types.HttpRetryOptions(attempts=attempts, initial_delay=0.01, max_delay=0.01)
    return genai.Client(
        enterprise=True,
        project=emulator.project,
        location=driving.REGION,
        credentials=Credentials(emulator.token()),
        http_options=types.HttpOptions(
            base_url=emulator.base_url(driving.REGION),
            retry_options=retries if attempts else None,
        ),
    )


@pytest.mark.parametrize("attempts", [None, 3])
def test_the_sdk_repeats_a_create_only_where_it_is_told_to(
    emulator: GoogleEmulator, attempts: int | None
) -> None:
    emulator.fault(CREATE, "refuse", code="UNAVAILABLE", times=None)
    told = _retrying(emulator, attempts)
    with pytest.raises(errors.ServerError):
        create(emulator, told)
    assert emulator.counts()["requests"][CREATE] == (attempts or 1)


def test_a_create_that_took_effect_before_its_503_is_made_twice_by_the_sdk_s_retries(
    emulator: GoogleEmulator,
) -> None:
    emulator.refuse(CREATE, "UNAVAILABLE", process=True)
    told = _retrying(emulator, 2)
    create(emulator, told, labels={"key": "one"})
    assert emulator.counts()["labels"] == {"key": {"one": 2}}


def test_a_list_comes_doubled_or_in_another_order(
    client: genai.Client, emulator: GoogleEmulator
) -> None:
    uri = emulator.put_object("train.jsonl", rows())
    made = [create(emulator, client, uri=uri).name for _ in range(2)]
    emulator.fault(LIST, "duplicate")
    assert [job.name for job in client.tunings.list()] == [made[1], made[1], made[0], made[0]]
    emulator.fault(LIST, "reverse")
    assert [job.name for job in client.tunings.list()] == made


def test_a_page_that_is_lost_is_one_of_its_query(
    client: genai.Client, emulator: GoogleEmulator
) -> None:
    uri = emulator.put_object("train.jsonl", rows())
    for _ in range(3):
        create(emulator, client, uri=uri)
    emulator.refuse(LIST, "UNAVAILABLE", query="pageToken=")
    with pytest.raises(errors.ServerError):
        list(client.tunings.list(config={"page_size": 2}))
    assert len(list(client.tunings.list(config={"page_size": 2}))) == 3


def test_an_answer_breaks_off_half_way(client: genai.Client, emulator: GoogleEmulator) -> None:
    emulator.fault(GENERATE, "half")
    with pytest.raises(httpx2.RemoteProtocolError):
        client.models.generate_content(model=BASE, contents="hello")
    emulator.fault(STREAM, "half")
    seen = []
    with pytest.raises((httpx2.RemoteProtocolError, errors.APIError)):
        for piece in client.models.generate_content_stream(
            model=BASE, contents="one two three four five six seven eight nine ten"
        ):
            seen.append(piece.text)
    assert seen and "ten" not in "".join(filter(None, seen))
    assert emulator.counts()["generated"] == 2


@pytest.mark.parametrize(
    "order",
    [
        {"action": "reply", "status": 502, "body": "<html>Bad Gateway</html>"},
        {"action": "reply", "status": 200, "body": "{"},
        {"action": "raw", "status": 200, "body": "{}", "part": 0.5},
    ],
)
def test_an_answer_of_somebody_else_s_words(
    client: genai.Client, emulator: GoogleEmulator, order: dict[str, Any]
) -> None:
    job = create(emulator, client)
    emulator.fault(READ, **order)
    with pytest.raises((errors.APIError, ValueError, httpx2.TransportError)):
        get(client, job)
    assert get(client, job).name == job.name


def test_an_order_ends_at_its_time(emulator: GoogleEmulator) -> None:
    where = path(emulator, "tuningJobs")
    emulator.refuse("*", "UNAVAILABLE", times=None, until="2026-11-24T11:00:00+00:00")
    assert ask(emulator, "GET", where).status == 200
    emulator.refuse("*", "UNAVAILABLE", times=None)
    assert [ask(emulator, "GET", where).status for _ in range(2)] == [503, 503]
    emulator.clear_faults()
    assert ask(emulator, "GET", where).status == 200


def test_the_log_says_what_was_asked_in_order(
    client: genai.Client, emulator: GoogleEmulator
) -> None:
    job = create(emulator, client, labels={"key": "k"})
    client.models.generate_content(
        model=BASE,
        contents="hello",
        config=types.GenerateContentConfig(
            thinking_config=types.ThinkingConfig(thinking_level="LOW")
        ),
    )
    get(client, job)
    log = emulator.log()
    assert [one["route"] for one in log] == [CREATE, GENERATE, READ]
    assert [one["seq"] for one in log] == [1, 2, 3]
    assert log[0]["json"]["labels"] == {"key": "k"}
    assert log[1]["json"]["generationConfig"]["thinkingConfig"] == {"thinking_level": "LOW"}
    assert log[0]["headers"]["Authorization"].startswith("Bearer ya29.")
    assert log[0]["path"].startswith("/at/us-central1/v1beta1/projects/acme-project/")


def test_creates_at_once_make_each_their_own_job(
    client: genai.Client, emulator: GoogleEmulator
) -> None:
    emulator.set(concurrent_jobs=100)
    uri = emulator.put_object("train.jsonl", rows())
    with ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(lambda n: create(emulator, client, uri=uri, labels={"n": str(n)}), range(24))
        )
    assert len({job.name for job in made}) == 24
    assert emulator.counts()["labels"]["n"] == {str(n): 1 for n in range(24)}


def test_the_witness_outlives_its_client(emulator: GoogleEmulator) -> None:
    body = {
        "baseModel": BASE,
        "supervisedTuningSpec": {"trainingDatasetUri": emulator.put_object("t.jsonl", rows())},
    }
    code = (
        "import os, signal, json, urllib.request as u\n"
        f"r = u.Request({emulator.url + path(emulator, 'tuningJobs')!r}, {str(body)!r}.replace(\"'\", '\"').encode())\n"
        f"r.add_header('Authorization', 'Bearer {emulator.token()}')\n"
        "r.add_header('Content-Type', 'application/json')\n"
        "u.urlopen(r).read()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert emulator.counts()["jobs"] == 1


def test_the_witness_ends_with_the_one_who_started_it() -> None:
    code = (
        "from tests.emulators.google import GoogleEmulator\n"
        "e = GoogleEmulator().start()\n"
        "print(e.pid, e.url, flush=True)\n"
        "import os, signal\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    _, url = ended.stdout.split()
    host, _, port = url.removeprefix("http://").partition(":")
    for _ in range(200):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return
        real_time.sleep(0.05)
    pytest.fail(f"the emulator of {os.getpid()} still listens")
