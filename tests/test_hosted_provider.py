"""The in-memory hosted provider is a witness: it counts what happened and does to a client what it was told to do."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import pytest

from ftkit import clock
from ftkit.errors import ConfigError, ProviderError
from ftkit.testing import HostedProvider

OTHER_KEY = "other-key"
ROWS = b"one two three four\n" * 20  # 80 words, 20 rows: 3 steps of 8 rows in an epoch
NOON = "2026-11-24T12:00:00+00:00"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        code: str = self.json["error"]["code"]
        return code


def connect(provider: HostedProvider, timeout_s: float = 10) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(provider.url).netloc, timeout=timeout_s)


def ask(
    provider: HostedProvider,
    method: str,
    path: str,
    body: bytes | dict[str, Any] | None = None,
    key: str = "fake-key",
    timeout_s: float = 10,
    **headers: str,
) -> Answer:
    connection = connect(provider, timeout_s)
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, content, {"Authorization": f"Bearer {key}", **named})
        reply = connection.getresponse()
        return Answer(reply.status, dict(reply.headers), reply.read())
    finally:
        connection.close()


def upload(provider: HostedProvider, content: bytes = ROWS, key: str = "fake-key") -> str:
    checksum = hashlib.sha256(content).hexdigest()
    path = "/v1/files?purpose=fine-tune"
    answer = ask(provider, "POST", path, content, key, X_Content_SHA256=checksum)
    assert answer.status == 201, answer.body
    id: str = answer.json["id"]
    return id


def create(provider: HostedProvider, key: str = "k", **fields: Any) -> Answer:
    asked = {
        "model": "small",
        "method": "lora",
        "training_file": fields.pop("training_file", None) or upload(provider),
        "validation_file": None,
        "hyperparameters": {"epochs": 2},
        "suffix": "router",
        "metadata": {"key": key},
    }
    return ask(provider, "POST", "/v1/jobs", {**asked, **fields})


def get(provider: HostedProvider, path: str) -> Any:
    answer = ask(provider, "GET", path)
    assert answer.status == 200, answer.body
    return answer.json


@pytest.fixture(scope="module")
def server() -> Iterator[HostedProvider]:
    with HostedProvider(accounts={"fake-key": "org-1", OTHER_KEY: "org-2"}) as provider:
        yield provider


@pytest.fixture
def provider(
    server: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> HostedProvider:
    """An empty provider, in the same virtual time as `ftkit.clock`: noon, until somebody sleeps."""
    file = tmp_path / "now"
    file.write_text(NOON)
    monkeypatch.setenv("FTKIT_NOW", f"file:{file}")
    server.reset()
    server.set(now=f"file:{file}")
    return server


# --- what it counts ------------------------------------------------------------------------------


def test_two_creates_with_the_same_key_are_two_jobs(provider: HostedProvider) -> None:
    file = upload(provider)
    first = create(provider, "k", training_file=file, suffix=None)
    second = create(provider, "k", training_file=file, suffix=None)
    assert (first.status, second.status) == (201, 201)
    assert first.json["id"] != second.json["id"]
    counts = provider.counts()
    assert counts["jobs"] == 2
    assert counts["keys"] == {"k": 2}
    assert counts["files"] == 1
    assert counts["requests"] == {"POST /v1/files": 1, "POST /v1/jobs": 2}


def test_an_idempotent_server_makes_one_job_of_one_token(provider: HostedProvider) -> None:
    provider.set(idempotent=True)
    body = {"model": "small", "training_file": upload(provider), "metadata": {"key": "k"}}
    first = ask(provider, "POST", "/v1/jobs", body, Idempotency_Key="t")
    again = ask(provider, "POST", "/v1/jobs", body, Idempotency_Key="t")
    other = ask(provider, "POST", "/v1/jobs", body, Idempotency_Key="u")
    assert first.json == again.json
    assert first.json["id"] != other.json["id"]
    assert provider.counts()["keys"] == {"k": 2}


def test_the_token_means_nothing_to_a_server_that_is_not_idempotent(
    provider: HostedProvider,
) -> None:
    body = {"model": "small", "training_file": upload(provider)}
    for _ in range(2):
        ask(provider, "POST", "/v1/jobs", body, Idempotency_Key="t")
    assert provider.counts()["jobs"] == 2


def test_what_was_lost_or_deleted_stays_counted(provider: HostedProvider) -> None:
    file = upload(provider)
    job = create(provider, training_file=file).json["id"]
    clock.sleep(2)
    model = get(provider, f"/v1/jobs/{job}")["fine_tuned_model"]
    usd = provider.counts()["usd"]
    provider.lose_job(job)
    provider.lose_file(file)
    for path in (f"/v1/jobs/{job}", f"/v1/files/{file}", f"/v1/models/{model}"):
        assert ask(provider, "GET", path).status == 404
    assert get(provider, "/v1/jobs")["data"] == []
    counts = provider.counts()
    assert (counts["jobs"], counts["files"], counts["usd"]) == (1, 1, usd)


def test_a_reset_forgets_objects_counts_faults_and_settings(provider: HostedProvider) -> None:
    create(provider)
    provider.set(training_closed=True)
    provider.fault("*", "close", times=None)
    provider.reset()
    assert provider.counts()["jobs"] == 0
    assert provider.log() == []
    assert create(provider).json["id"] == "job-1"


def test_the_log_has_every_request_with_its_credentials(provider: HostedProvider) -> None:
    provider.fault("GET /v1/account", "close")
    with pytest.raises(http.client.RemoteDisconnected):
        ask(provider, "GET", "/v1/account?x=1", key="wrong")
    ask(provider, "GET", "/v1/nothing")
    first, second = provider.log()
    assert (first["seq"], first["method"], first["path"]) == (1, "GET", "/v1/account")
    assert (first["query"], first["headers"]["Authorization"]) == ("x=1", "Bearer wrong")
    assert first["time"] == NOON
    assert provider.counts()["requests"] == {"GET /v1/account": 1, "GET (unknown)": 1}
    assert second["path"] == "/v1/nothing"


def test_an_interrupted_upload_is_counted_as_a_request_and_not_as_a_file(
    provider: HostedProvider,
) -> None:
    address = urlsplit(provider.url)
    assert address.hostname and address.port
    with socket.create_connection((address.hostname, address.port)) as client:
        head = "POST /v1/files?purpose=fine-tune HTTP/1.1\r\nContent-Length: 100\r\n\r\n"
        client.sendall(head.encode() + b"half")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""
    assert provider.counts()["requests"] == {"POST /v1/files": 1}
    assert provider.counts()["files"] == 0


# --- accounts ------------------------------------------------------------------------------------


def test_a_wrong_key_is_refused(provider: HostedProvider) -> None:
    answer = ask(provider, "GET", "/v1/account", key="nobody")
    assert (answer.status, answer.code) == (401, "invalid_api_key")
    assert "nobody" not in answer.body.decode()


def test_another_organisation_sees_nothing_of_ours(provider: HostedProvider) -> None:
    file = upload(provider)
    job = create(provider, training_file=file).json["id"]
    clock.sleep(2)
    model = get(provider, f"/v1/jobs/{job}")["fine_tuned_model"]
    deployment = ask(provider, "POST", "/v1/deployments", {"model": model}).json["id"]
    for path in (
        f"/v1/jobs/{job}",
        f"/v1/jobs/{job}/events",
        f"/v1/files/{file}",
        f"/v1/models/{model}",
        f"/v1/deployments/{deployment}",
    ):
        assert ask(provider, "GET", path).status == 200
        assert ask(provider, "GET", path, key=OTHER_KEY).status == 404, path
    for path in ("/v1/jobs", "/v1/deployments"):
        assert ask(provider, "GET", path, key=OTHER_KEY).json["data"] == []
    body = {"model": "small", "training_file": file}
    assert ask(provider, "POST", "/v1/jobs", body, OTHER_KEY).code == "unknown_file"
    assert ask(provider, "GET", "/v1/account", key=OTHER_KEY).json["organisation"] == "org-2"


# --- files and jobs ------------------------------------------------------------------------------


def test_an_upload_with_another_checksum_is_refused(provider: HostedProvider) -> None:
    path = "/v1/files?purpose=fine-tune"
    answer = ask(provider, "POST", path, ROWS, X_Content_SHA256="0" * 64)
    assert (answer.status, answer.code) == (400, "bad_checksum")
    assert provider.counts()["files"] == 0


def test_an_upload_may_come_in_chunks(provider: HostedProvider) -> None:
    connection = connect(provider)
    named = {"Authorization": "Bearer fake-key"}
    named["X-Content-SHA256"] = hashlib.sha256(ROWS).hexdigest()
    parts = iter([ROWS[:7], ROWS[7:]])
    connection.request("POST", "/v1/files?purpose=fine-tune", parts, named, encode_chunked=True)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert (answer["sha256"], answer["bytes"]) == (named["X-Content-SHA256"], len(ROWS))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"learning_rate": 1}, "unknown_field"),
        ({"model": "large"}, "unknown_model"),
        ({"training_file": "file-99"}, "unknown_file"),
        ({"validation_file": "file-99"}, "unknown_file"),
        ({"method": "magic"}, "unknown_method"),
        ({"hyperparameters": {"epoch": 1}}, "bad_hyperparameters"),
        ({"hyperparameters": {"epochs": 0}}, "bad_hyperparameters"),
        ({"suffix": "a:b"}, "bad_suffix"),
        ({"metadata": {"key": 1}}, "bad_metadata"),
    ],
)
def test_a_create_that_makes_no_sense_is_refused_and_makes_no_job(
    provider: HostedProvider, fields: dict[str, Any], code: str
) -> None:
    answer = create(provider, **fields)
    assert (answer.status, answer.code) == (400, code)
    assert provider.counts()["jobs"] == 0


def test_an_account_that_may_train_no_more_says_so(provider: HostedProvider) -> None:
    provider.set(training_closed=True)
    assert get(provider, "/v1/limits")["training_closed"] is True
    answer = create(provider)
    assert (answer.status, answer.code) == (400, "training_closed")


def test_more_active_jobs_than_allowed_are_refused(provider: HostedProvider) -> None:
    provider.set(max_active_jobs=1)
    assert create(provider).status == 201
    assert get(provider, "/v1/limits")["active_jobs"] == 1
    answer = create(provider)
    assert (answer.status, answer.code) == (429, "too_many_jobs")
    clock.sleep(2)
    assert create(provider).status == 201


def test_a_job_lives_by_the_clock_and_its_cost_grows_with_its_steps(
    provider: HostedProvider,
) -> None:
    provider.set(queue_seconds=10, run_seconds=50)
    file = upload(provider)
    body = {"model": "small", "training_file": file, "hyperparameters": {"epochs": 2}}
    estimate = ask(provider, "POST", "/v1/jobs/estimate", body).json["usd"]
    assert estimate == "0.00128"  # 80 words x 2 epochs x 8 USD per million
    job = create(provider, training_file=file).json
    seen = [(job["status"], job["step"], job["usd"])]
    for seconds in (9, 1, 20, 29, 1):
        clock.sleep(seconds)
        job = get(provider, f"/v1/jobs/{job['id']}")
        seen.append((job["status"], job["step"], job["usd"]))
    assert seen == [
        ("queued", 0, "0"),
        ("queued", 0, "0"),
        ("running", 0, "0"),
        ("running", 2, "0.000512"),
        ("running", 4, "0.001024"),
        ("succeeded", 5, estimate),
    ]
    assert job["finished_at"] == job["created_at"] + 60
    assert job["fine_tuned_model"] == f"ft:small:router:{job['id']}"
    assert provider.counts()["usd"] == estimate


def test_events_grow_and_are_asked_for_from_where_one_stands(provider: HostedProvider) -> None:
    job = create(provider).json["id"]
    clock.sleep(1)
    first = get(provider, f"/v1/jobs/{job}/events")["data"]
    assert [event["type"] for event in first] == ["created", "started", "step", "step"]
    assert [point["step"] for point in get(provider, f"/v1/jobs/{job}/checkpoints")["data"]] == []
    clock.sleep(1)
    rest = get(provider, f"/v1/jobs/{job}/events?after={first[-1]['id']}")["data"]
    assert [event["id"] for event in rest] == [5, 6, 7, 8]
    assert [event["type"] for event in rest] == ["step", "step", "step", "succeeded"]
    assert rest[0]["data"]["step"] == 3
    assert [p["step"] for p in get(provider, f"/v1/jobs/{job}/checkpoints")["data"]] == [3, 5]


def test_cancelling_stops_the_cost_and_a_finished_job_cannot_be_cancelled(
    provider: HostedProvider,
) -> None:
    job = create(provider).json["id"]
    clock.sleep(1)
    answer = ask(provider, "POST", f"/v1/jobs/{job}/cancel")
    assert (answer.json["status"], answer.json["step"]) == ("cancelled", 2)
    clock.sleep(100)
    assert get(provider, f"/v1/jobs/{job}")["usd"] == answer.json["usd"] != "0"
    again = ask(provider, "POST", f"/v1/jobs/{job}/cancel")
    assert (again.status, again.code) == (409, "already_finished")


def test_a_tuned_model_can_be_tuned_again(provider: HostedProvider) -> None:
    first = create(provider, model="dedicated").json["id"]
    clock.sleep(2)
    model = get(provider, f"/v1/jobs/{first}")["fine_tuned_model"]
    second = create(provider, model=model, suffix=None).json["id"]
    clock.sleep(2)
    assert get(provider, f"/v1/models/ft%3Adedicated%3A%3A{second}") == {
        "id": f"ft:dedicated::{second}",
        "base": model,
        "job": second,
        "serving": "dedicated",
    }


def test_a_patched_status_is_shown_verbatim_while_the_job_goes_on(
    provider: HostedProvider,
) -> None:
    job = create(provider).json["id"]
    assert provider.patch_job(job, status="compressing")["status"] == "compressing"
    clock.sleep(2)
    shown = get(provider, f"/v1/jobs/{job}")
    assert (shown["status"], shown["step"]) == ("compressing", 5)
    assert provider.patch_job(job, status=None)["status"] == "succeeded"


def test_a_patched_final_status_ends_the_job_and_frozen_stops_it(provider: HostedProvider) -> None:
    failed, frozen = (create(provider).json["id"] for _ in range(2))
    provider.patch_job(failed, status="failed", error={"code": "bad_row", "row": 3})
    provider.patch_job(frozen, frozen=True)
    clock.sleep(100)
    shown = get(provider, f"/v1/jobs/{failed}")
    assert (shown["status"], shown["usd"], shown["error"]["row"]) == ("failed", "0", 3)
    assert get(provider, f"/v1/jobs/{frozen}")["step"] == 0
    provider.patch_job(frozen, frozen=False)
    assert get(provider, f"/v1/jobs/{frozen}")["status"] == "succeeded"


# --- lists ---------------------------------------------------------------------------------------


def test_a_young_job_is_not_listed_until_the_lag_is_over(provider: HostedProvider) -> None:
    provider.set(listing_lag=30)
    job = create(provider, "k").json["id"]
    assert get(provider, f"/v1/jobs/{job}")["id"] == job
    clock.sleep(29)
    assert get(provider, "/v1/jobs?key=k")["data"] == []
    clock.sleep(1)
    assert [found["id"] for found in get(provider, "/v1/jobs?key=k")["data"]] == [job]
    provider.set(unlisted=True)
    assert get(provider, "/v1/jobs?key=k")["data"] == []


def test_a_full_last_page_says_that_nothing_follows(provider: HostedProvider) -> None:
    provider.set(listing_lag=30)
    provider.foreign(3)  # listed at once, whatever the lag
    assert get(provider, "/v1/jobs?limit=2")["has_more"] is True
    page = get(provider, "/v1/jobs?limit=3")
    assert ([job["id"] for job in page["data"]], page["has_more"]) == (
        ["job-3", "job-2", "job-1"],
        False,
    )


def test_pages_over_250_foreign_jobs_reach_ours_and_no_job_comes_twice(
    provider: HostedProvider,
) -> None:
    ours = create(provider, "k").json["id"]
    provider.foreign(250)
    seen: list[Any] = []
    more = True
    while more:
        after = f"&after={seen[-1]['id']}" if seen else ""
        page = get(provider, f"/v1/jobs?limit=100{after}")
        seen += page["data"]
        more = page["has_more"]
    assert [found["seq"] for found in seen] == sorted((f["seq"] for f in seen), reverse=True)
    assert len({found["id"] for found in seen}) == len(seen) == 251
    assert seen[-1]["id"] == ours
    assert len(get(provider, "/v1/jobs")["data"]) == 20
    assert provider.counts()["jobs"] == 1
    assert [found["id"] for found in get(provider, "/v1/jobs?key=k")["data"]] == [ours]


@pytest.mark.parametrize("query", ["limit=101", "limit=0", "limit=x", "after=job-99"])
def test_a_page_that_makes_no_sense_is_refused(provider: HostedProvider, query: str) -> None:
    assert ask(provider, "GET", f"/v1/jobs?{query}").status == 400


# --- answers and deployments ---------------------------------------------------------------------


def chat(provider: HostedProvider, model: str, **fields: Any) -> Answer:
    messages = [{"role": "user", "content": "where is my parcel"}]
    return ask(provider, "POST", "/v1/chat", {"model": model, "messages": messages, **fields})


def test_answers_repeat_and_a_tuned_model_says_that_it_is_tuned(provider: HostedProvider) -> None:
    create(provider)
    clock.sleep(2)
    tuned = "ft:small:router:job-1"
    assert chat(provider, tuned).json == {
        "text": f"tuned {tuned} answers: where is my parcel",
        "finish_reason": "stop",
        "usage": {"input_tokens": 4, "output_tokens": 7},
    }
    assert chat(provider, "small", max_tokens=2).json == {
        "text": "base small",
        "finish_reason": "length",
        "usage": {"input_tokens": 4, "output_tokens": 2},
    }
    assert provider.counts()["chats"] == 2
    assert chat(provider, "ft:small:router:job-9").code == "model_not_found"


def test_chat_is_charged_by_the_token_and_free_is_free(provider: HostedProvider) -> None:
    chat(provider, "free")
    assert provider.counts()["usd"] == "0"
    chat(provider, "small")  # 4 words read, 7 written
    assert provider.counts()["usd"] == "0.0000125"
    create(provider, model="free")
    clock.sleep(2)
    assert provider.counts()["usd"] == "0.0000125"


def test_a_stream_carries_the_same_text_in_pieces(provider: HostedProvider) -> None:
    answer = chat(provider, "small", stream=True)
    assert answer.headers["Content-Type"] == "text/event-stream"
    *pieces, last = [
        json.loads(line.removeprefix("data: "))
        for line in answer.body.decode().split("\n\n")
        if line
    ]
    whole = chat(provider, "small").json
    assert len(pieces) == whole["usage"]["output_tokens"]
    assert "".join(piece["piece"] for piece in pieces) == whole["text"]
    assert last == {"done": {name: whole[name] for name in ("finish_reason", "usage")}}


def test_a_dedicated_model_answers_only_while_deployed_and_is_charged_by_the_second(
    provider: HostedProvider,
) -> None:
    assert (chat(provider, "dedicated").status, chat(provider, "dedicated").code) == (
        409,
        "not_deployed",
    )
    body = {"model": "dedicated", "metadata": {"key": "d"}}
    answer = ask(provider, "POST", "/v1/deployments", body)
    made = answer.json
    assert (answer.status, made["status"], made["usd_per_hour"]) == (201, "ready", "3.00")
    clock.sleep(1200)
    assert provider.counts()["usd"] == "1"
    assert provider.counts()["running_deployments"] == 1
    assert chat(provider, "dedicated").status == 200
    before = provider.counts()["usd"]
    for _ in range(2):
        stopped = ask(provider, "DELETE", f"/v1/deployments/{made['id']}").json
        assert stopped["stopped_at"] == made["created_at"] + 1200
        clock.sleep(60)
    assert provider.counts()["usd"] == before
    assert chat(provider, "dedicated").status == 409
    assert provider.counts()["running_deployments"] == 0
    assert provider.counts()["deployment_keys"] == {"d": 1}


def test_deployments_are_listed_late_by_key_and_only_while_they_run(
    provider: HostedProvider,
) -> None:
    provider.set(listing_lag=30)
    first, second = (
        ask(
            provider, "POST", "/v1/deployments", {"model": "dedicated", "metadata": {"key": key}}
        ).json["id"]
        for key in ("a", "b")
    )
    assert get(provider, "/v1/deployments")["data"] == []
    clock.sleep(30)
    listed = get(provider, "/v1/deployments?limit=1")
    assert ([found["id"] for found in listed["data"]], listed["has_more"]) == ([second], True)
    ask(provider, "DELETE", f"/v1/deployments/{first}")
    assert get(provider, "/v1/deployments?key=a")["data"] == []
    assert [d["id"] for d in get(provider, "/v1/deployments?key=a&all=1")["data"]] == [first]


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize("process", [False, True])
def test_a_closed_connection_shows_no_reply(provider: HostedProvider, process: bool) -> None:
    file = upload(provider)
    provider.fault("POST /v1/jobs", "close", process=process)
    with pytest.raises(http.client.RemoteDisconnected):
        create(provider, training_file=file)
    assert provider.counts()["jobs"] == int(process)
    assert provider.counts()["requests"]["POST /v1/jobs"] == 1


@pytest.mark.parametrize("process", [False, True])
def test_a_reset_connection_is_one_to_the_client(provider: HostedProvider, process: bool) -> None:
    file = upload(provider)
    provider.fault("POST /v1/jobs", "reset", process=process)
    with pytest.raises(ConnectionResetError, match="reset by peer"):
        create(provider, training_file=file)
    assert provider.counts()["jobs"] == int(process)


def test_half_a_reply_ends_in_the_middle(provider: HostedProvider) -> None:
    file = upload(provider)
    provider.fault("POST /v1/jobs", "half", process=True)
    with pytest.raises(http.client.IncompleteRead) as caught:
        create(provider, training_file=file)
    assert caught.value.partial.startswith(b'{"id": "job-1"')
    assert abs(len(caught.value.partial) - (caught.value.expected or 0)) <= 1
    assert provider.counts()["jobs"] == 1


def test_a_hang_lasts_longer_than_the_clients_patience_and_then_closes(
    provider: HostedProvider,
) -> None:
    provider.fault("GET /v1/account", "hang", seconds=30)
    with pytest.raises(TimeoutError):
        ask(provider, "GET", "/v1/account", timeout_s=0.1)
    provider.fault("GET /v1/account", "hang", seconds=0.1)
    with pytest.raises(http.client.RemoteDisconnected):
        ask(provider, "GET", "/v1/account")
    assert ask(provider, "GET", "/v1/account").status == 200


def test_a_replaced_reply_is_sent_byte_for_byte(provider: HostedProvider) -> None:
    file = upload(provider)
    body = base64.b64encode(b"\xff\x00<html>").decode()
    provider.fault(
        "POST /v1/jobs",
        "reply",
        process=True,
        status=302,
        headers={"Location": "http://127.0.0.2:1/", "content-type": "text/html"},
        body_base64=body,
    )
    answer = create(provider, training_file=file)
    assert (answer.status, answer.body) == (302, b"\xff\x00<html>")
    assert answer.headers["Location"] == "http://127.0.0.2:1/"
    assert answer.headers["content-type"] == "text/html"
    assert provider.counts()["jobs"] == 1


def test_a_replaced_reply_may_have_a_wrong_length_or_none(provider: HostedProvider) -> None:
    provider.fault("GET /v1/account", "reply", headers={"Content-Length": "99"}, body="short")
    with pytest.raises(http.client.IncompleteRead):
        ask(provider, "GET", "/v1/account")
    provider.fault(
        "GET /v1/account", "reply", headers={"Transfer-Encoding": "chunked"}, body="zz\r\n"
    )
    with pytest.raises(http.client.IncompleteRead):
        ask(provider, "GET", "/v1/account")
    provider.fault("GET /v1/account", "reply", status=204)
    assert ask(provider, "GET", "/v1/account").body == b""


def test_a_patched_reply_is_the_real_one_with_other_fields(provider: HostedProvider) -> None:
    provider.fault("POST /v1/jobs", "patch", fields={"status": "wondering", "extra": [1]})
    answer = create(provider)
    assert (answer.status, answer.json["status"], answer.json["extra"]) == (201, "wondering", [1])
    assert answer.json["id"] == "job-1"
    assert get(provider, "/v1/jobs/job-1")["status"] == "running"


def test_a_fault_skips_hits_a_number_of_times_and_is_over(provider: HostedProvider) -> None:
    provider.fault("GET /v1/account", "reply", status=503, skip=1, times=2)
    statuses = [ask(provider, "GET", "/v1/account").status for _ in range(4)]
    assert statuses == [200, 503, 503, 200]


def test_a_fault_ends_on_the_clock(provider: HostedProvider) -> None:
    provider.fault("*", "reply", status=500, times=None, until="2026-11-24T12:30:00Z")
    assert ask(provider, "GET", "/v1/account").status == 500
    assert ask(provider, "GET", "/v1/jobs").status == 500
    clock.sleep(1800)
    assert ask(provider, "GET", "/v1/account").status == 200


def test_the_first_live_fault_wins_and_all_can_be_taken_back(provider: HostedProvider) -> None:
    provider.fault("GET /v1/account", "reply", status=501)
    provider.fault("*", "reply", status=502, times=None)
    assert [ask(provider, "GET", "/v1/account").status for _ in range(2)] == [501, 502]
    provider.clear_faults()
    assert ask(provider, "GET", "/v1/account").status == 200


def test_an_order_that_makes_no_sense_is_a_named_error(provider: HostedProvider) -> None:
    with pytest.raises(ConfigError, match="there is no route 'POST /v1/job'"):
        provider.fault("POST /v1/job", "close")
    with pytest.raises(ConfigError, match="there is no action 'explode'"):
        provider.fault("*", "explode")
    with pytest.raises(ConfigError, match="no field 'time'"):
        provider.fault("*", "close", time=2)
    with pytest.raises(ConfigError, match="process cannot be false"):
        provider.fault("*", "patch", process=False)
    with pytest.raises(ConfigError, match="there is no setting 'lag'"):
        provider.set(lag=3)
    with pytest.raises(ConfigError, match="listing_lag cannot be 'long'"):
        provider.set(listing_lag="long")
    with pytest.raises(ConfigError, match="there is no job 'job-7'"):
        provider.patch_job("job-7", status="failed")


# --- the process ---------------------------------------------------------------------------------


def test_a_hundred_clients_at_once_make_a_hundred_jobs(provider: HostedProvider) -> None:
    file = upload(provider)
    start = Barrier(100)
    body = json.dumps({"model": "small", "training_file": file, "metadata": {"key": "k"}})

    def one(_: int) -> list[str]:
        client = connect(provider)
        start.wait(10)
        ids = []
        for _ in range(2):  # the connection stays open
            client.request("POST", "/v1/jobs", body, {"Authorization": "Bearer fake-key"})
            ids.append(json.loads(client.getresponse().read())["id"])
        client.close()
        return ids

    with ThreadPoolExecutor(100) as pool:
        ids = [id for made in pool.map(one, range(100)) for id in made]
    assert len(set(ids)) == 200
    assert provider.counts()["keys"] == {"k": 200}


def test_the_constructors_options_reach_the_server() -> None:
    with HostedProvider(
        listing_lag_s=60,
        queue_s=3600,
        idempotent=True,
        accounts={"secret-key": "org-9"},
        echo_credentials=True,
        now="2026-11-24T12:00:00Z",
    ) as odd:
        assert odd.api_key == "secret-key"
        wrong = ask(odd, "POST", "/v1/jobs?token=q", {"a": "secret row"}, key="canary")
        assert wrong.status == 401
        for secret in ("Bearer canary", "token=q", "secret row"):
            assert secret in wrong.json["error"]["message"]
        file = upload(odd, key=odd.api_key)
        body = {"model": "small", "training_file": file}
        first, again = (
            ask(odd, "POST", "/v1/jobs", body, odd.api_key, Idempotency_Key="t") for _ in range(2)
        )
        assert first.json == again.json
        assert first.json["status"] == "queued"
        assert 0 <= first.json["created_at"] - 1_795_521_600 < 60  # noon, and running on
        assert ask(odd, "GET", "/v1/jobs", key=odd.api_key).json["data"] == []


def test_a_shifted_clock_is_the_one_of_ftkit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FTKIT_NOW_ANCHOR", raising=False)
    monkeypatch.setenv("FTKIT_NOW", "2028-01-01T00:00:00Z")
    clock.now()
    anchor = os.environ["FTKIT_NOW_ANCHOR"]
    setting, _, since = anchor.rpartition("|")
    monkeypatch.setenv("FTKIT_NOW_ANCHOR", f"{setting}|{float(since) - 3600}")  # an hour ago
    with HostedProvider(run_s=0.0) as shifted:
        created = create(shifted).json["created_at"]
        assert abs(created - clock.now().timestamp()) < 5


def test_without_a_setting_the_clock_is_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FTKIT_NOW", raising=False)
    with HostedProvider(run_s=0.0) as real:
        created = create(real).json
        assert created["status"] == "succeeded"
        assert abs(created["created_at"] - clock.now().timestamp()) < 5


def test_a_provider_that_cannot_start_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ProviderError, match="ended with code 2"):
        HostedProvider(now="next tuesday").start()
    assert "next tuesday" in capfd.readouterr().err
    with pytest.raises(ProviderError, match="does not run"):
        HostedProvider().counts()


def test_a_proxy_of_the_environment_is_not_asked(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with HostedProvider() as started_behind_a_proxy:
        assert started_behind_a_proxy.counts()["jobs"] == 0


def test_the_server_ends_when_the_process_that_started_it_is_gone() -> None:
    code = (
        "import os; from ftkit.testing import HostedProvider\n"
        "print(HostedProvider().start().url, flush=True); os._exit(0)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    address = urlsplit(child.stdout.strip())
    assert address.hostname and address.port
    for _ in range(100):
        try:
            socket.create_connection((address.hostname, address.port)).close()
        except ConnectionRefusedError:
            return
        clock.sleep(0.05)
    pytest.fail("the server outlived its parent by 5 s")


def test_the_server_needs_nothing_but_the_standard_library() -> None:
    import ftkit.testing

    folder = Path(str(ftkit.testing.__file__)).with_name("hosted_server")
    modules = list(folder.glob("*.py"))
    assert len(modules) > 5
    for module in modules:
        for line in module.read_text(encoding="utf-8").splitlines():
            word, _, rest = line.strip().partition(" ")
            if word in ("import", "from") and not rest.startswith("."):
                name = rest.split()[0].split(".")[0]
                assert name in sys.stdlib_module_names | {"__future__"}, (module.name, line)
