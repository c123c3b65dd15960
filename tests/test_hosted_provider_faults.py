"""The in-memory hosted provider does to a client what it was told to do, as often and as long as it was told."""

from __future__ import annotations

import base64
import http.client

import pytest

from ftkit import clock
from ftkit.errors import ConfigError
from ftkit.testing import HostedProvider
from tests import hosted_http
from tests.hosted_http import ask, create, get, upload

server, provider = hosted_http.server, hosted_http.provider


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
