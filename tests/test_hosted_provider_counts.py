"""The in-memory hosted provider is a witness: it counts and logs what happened, whatever the client saw of it."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import urlsplit

import pytest

from ftkit import clock
from ftkit.testing import HostedProvider
from tests import hosted_http
from tests.hosted_http import NOON, ask, create, get, upload

server, provider = hosted_http.server, hosted_http.provider


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
