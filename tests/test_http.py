"""What each way of answering, or of not answering, means: for a read, and for a call that costs money."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import socket
import threading
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from ftkit.backend.outcomes import NotSent, OutcomeUnknown, Refused, Unavailable
from ftkit.errors import (
    AuthError,
    ConfigError,
    FtkitError,
    NotFound,
    ProviderError,
    StorageError,
)
from ftkit.http import HttpClient, KeyHeader, pages, replies, retry_after_s
from ftkit.http.bodies import read_body
from ftkit.secrets import Secret
from tests.loopback import Answer, Loopback, Request, answers, raw, resets, sends

CANARY = "canary-Zq8-opaque-77xW"
PAGE = b"<html><body><h1>Bad gateway</h1></body></html>"
ERROR = {"error": {"message": "epochs must be positive", "code": "invalid_value"}}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CANARY_API_KEY", CANARY)


@pytest.fixture
def provider() -> Iterator[Loopback]:
    server = Loopback(answers(200, {"id": "job-1"}))
    yield server
    server.close()


@pytest.fixture
def stranger() -> Iterator[Loopback]:
    server = Loopback(answers(200, {"id": "stolen"}))
    yield server
    server.close()


@pytest.fixture
def client(provider: Loopback) -> Iterator[HttpClient]:
    with client_of(provider) as made:
        yield made


def client_of(provider: Loopback, **settings: Any) -> HttpClient:
    given = {"auth": KeyHeader(Secret("CANARY_API_KEY")), "timeout_s": 5.0, **settings}
    return HttpClient(f"{provider.url}/v1", **given)


def hangs(provider: Loopback) -> Answer:
    def answer(connection: socket.socket, request: Request) -> bool:
        provider.released.wait(10)
        return False

    return answer


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


# --- what is sent -------------------------------------------------------------------------------------------------
def test_a_read_sends_its_key_and_parameters_and_returns_the_object(
    provider: Loopback, client: HttpClient
) -> None:
    assert client.get("/jobs?b=1", {"limit": 5, "after": "ü&x", "none": None}) == {"id": "job-1"}
    (request,) = provider.requests
    assert request.method == "GET"
    assert request.target == "/v1/jobs?b=1&limit=5&after=%C3%BC%26x"
    assert request.headers["authorization"] == f"Bearer {CANARY}"
    assert request.headers["accept-encoding"] == "gzip"


def test_a_paid_call_sends_one_request_with_its_json_and_headers(
    provider: Loopback, client: HttpClient
) -> None:
    assert client.create("/jobs", {"name": "ü"}, headers={"Idempotency-Key": "ftk1"}) == {
        "id": "job-1"
    }
    (request,) = provider.requests
    assert (request.method, request.target) == ("POST", "/v1/jobs")
    assert json.loads(request.body) == {"name": "ü"}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "ftk1"
    assert request.headers["authorization"] == f"Bearer {CANARY}"


def test_a_key_can_go_into_a_header_of_another_name(provider: Loopback) -> None:
    with client_of(provider, auth=KeyHeader(Secret("CANARY_API_KEY"), "x-api-key", "")) as client:
        client.get("/jobs")
    assert provider.requests[0].headers["x-api-key"] == CANARY
    assert "authorization" not in provider.requests[0].headers


def test_an_auth_that_signs_is_asked_for_one_signature_only(provider: Loopback) -> None:
    class Challenge(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Any:
            request.headers["Signature"] = "one"
            yield request
            request.headers["Signature"] = "two"
            yield request

    provider.answer = answers(401, ERROR)
    with client_of(provider, auth=Challenge()) as client, pytest.raises(Refused):
        client.create("/jobs", {})
    assert [request.headers["signature"] for request in provider.requests] == ["one"]


def test_cookies_of_one_answer_do_not_go_into_the_next_request(
    provider: Loopback, client: HttpClient
) -> None:
    provider.answer = answers(200, {}, Set_Cookie="session=abc")
    client.get("/jobs")
    client.get("/jobs")
    assert "cookie" not in provider.requests[1].headers


def test_an_upload_streams_the_file(provider: Loopback, client: HttpClient, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(os.urandom(300_000))
    client.upload("/files", file, {"purpose": "tune"}, {"X-Name": "rows"}, method="PUT")
    (request,) = provider.requests
    assert (request.method, request.target) == ("PUT", "/v1/files?purpose=tune")
    assert request.headers["x-name"] == "rows"
    assert request.headers["content-length"] == "300000"
    assert "transfer-encoding" not in request.headers
    assert request.body == file.read_bytes()


def test_an_upload_as_a_form_has_the_fields_and_the_file(
    provider: Loopback, client: HttpClient, tmp_path: Path
) -> None:
    from email.parser import BytesParser

    file = tmp_path / 'ro"ws.jsonl'
    file.write_bytes(b"line 1\r\nline 2\n")
    client.upload("/files", file, form={"purpose": "fine-tune"})
    (request,) = provider.requests
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    first, second = list(BytesParser().parsebytes(head + request.body).walk())[1:]
    assert first.get_param("name", header="content-disposition") == "purpose"
    assert first.get_payload() == "fine-tune"
    assert second.get_param("name", header="content-disposition") == "file"
    assert second.get_filename() == "ro%22ws.jsonl"
    assert second.get_payload(decode=True) == b"line 1\r\nline 2\n"


def test_an_upload_of_a_file_that_is_not_there_is_a_storage_error(
    provider: Loopback, client: HttpClient, tmp_path: Path
) -> None:
    with pytest.raises(StorageError, match=r"rows\.jsonl"):
        client.upload("/files", tmp_path / "rows.jsonl")
    assert provider.requests == []


@pytest.mark.parametrize(("after", "words"), [(10, "shorter"), (500_000, "longer")])
def test_an_upload_of_a_file_that_changes_meanwhile_is_a_storage_error(
    after: int, words: str, client: HttpClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"x" * 200_000)
    send = httpx.Client.send

    def later(self: httpx.Client, request: httpx.Request, **settings: Any) -> httpx.Response:
        os.truncate(file, after)
        return send(self, request, **settings)

    monkeypatch.setattr(httpx.Client, "send", later)
    with pytest.raises(StorageError, match=words):
        client.upload("/files", file)


# --- reads --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (401, AuthError),
        (403, AuthError),
        (404, NotFound),
        (405, Refused),
        (408, Unavailable),
        (409, Refused),
        (410, NotFound),
        (422, Refused),
        (425, Unavailable),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
        (599, Unavailable),
        (304, ProviderError),
        (302, ProviderError),
    ],
)
@pytest.mark.parametrize("body", [ERROR, PAGE], ids=["json", "page"])
def test_a_read_tells_statuses_apart(
    status: int, error: type[FtkitError], body: Any, provider: Loopback, client: HttpClient
) -> None:
    provider.answer = answers(status, b"" if status == 304 else body)
    with pytest.raises(error) as caught:
        client.get("/jobs/7")
    assert type(caught.value) is error
    assert "GET 127.0.0.1" in str(caught.value)
    assert "/v1/jobs/7" in str(caught.value)
    assert str(status) in str(caught.value)
    if body is ERROR and status >= 400:
        assert "epochs must be positive" in str(caught.value)
    if error is Refused:
        assert caught.value.code == ("invalid_value" if body is ERROR else f"http_{status}")  # type: ignore[attr-defined]


def test_a_busy_provider_says_when_to_come_again(provider: Loopback, client: HttpClient) -> None:
    provider.answer = answers(429, ERROR, Retry_After="17")
    with pytest.raises(Unavailable) as caught:
        client.get("/jobs")
    assert caught.value.retry_after_s == 17.0


BROKEN: dict[str, Answer] = {
    "reset": resets,
    "closed without a byte": sends(b""),
    "half a head": sends(b"HTTP/1.1 200 OK\r\nContent-"),
    "half a body": sends(raw(200, b'{"id": ', Content_Length="100")),
    "no HTTP": sends(b"SSH-2.0-OpenSSH_9.2\r\n"),
}
NO_OBJECT: dict[str, tuple[Answer, str]] = {
    "page": (answers(200, PAGE), "is a page"),
    "empty": (answers(200, b""), "is empty"),
    "no content": (sends(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"), "is empty"),
    "cut": (answers(200, b'{"id": "job'), "is not JSON"),
    "list": (answers(200, [1]), "not an object"),
    "text": (answers(200, "job-1"), "not an object"),
    "NaN": (answers(200, b'{"usd": NaN}'), "NaN"),
    "overflow": (answers(200, b'{"usd": 1e999}'), "too large"),
    "digits": (answers(200, b'{"n": ' + b"9" * 5000 + b"}"), "is not JSON"),
    "deep": (answers(200, b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"), "too deeply"),
    "rather deep": (answers(200, b'{"a":' + b"[" * 300 + b"]" * 300 + b"}"), "too deeply"),
    "half surrogate": (answers(200, b'{"a": "\\ud800"}'), "surrogate"),
    "latin-1": (answers(200, b'{"a": "\xfc"}'), "UTF-8"),
    "damaged gzip": (answers(200, b"no gzip", Content_Encoding="gzip"), "damaged"),
    "cut gzip": (
        answers(200, gzip.compress(b'{"a": 1}' * 99)[:-9], Content_Encoding="gzip"),
        "damaged or cut",
    ),
    "brotli": (answers(200, b"??", Content_Encoding="br"), "not asked for"),
    "big": (answers(200, b'{"a": "' + b"x" * 1_100_000 + b'"}'), "larger than"),
    "bomb": (answers(200, b'{"a": "' + b"x" * 9_000_000 + b'"}', zipped=True), "larger than"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_read_that_breaks_is_unavailable(
    name: str, provider: Loopback, client: HttpClient
) -> None:
    provider.answer = BROKEN[name]
    with pytest.raises(Unavailable, match="no answer"):
        client.get("/jobs")
    assert len(provider.requests) == 1


def test_a_read_that_hangs_or_is_refused_is_unavailable(provider: Loopback) -> None:
    provider.answer = hangs(provider)
    with client_of(provider, timeout_s=0.2) as client, pytest.raises(Unavailable, match="Timeout"):
        client.get("/jobs")
    with (
        HttpClient(f"http://127.0.0.1:{closed_port()}", auth=None) as nobody,
        pytest.raises(Unavailable, match="ConnectError"),
    ):
        nobody.get("/jobs")


@pytest.mark.parametrize("name", NO_OBJECT)
def test_a_reply_that_is_no_object_is_an_error_of_the_provider(
    name: str, provider: Loopback
) -> None:
    provider.answer, words = NO_OBJECT[name]
    with (
        client_of(provider, max_bytes=1_000_000) as client,
        pytest.raises(ProviderError, match=words) as caught,
    ):
        client.get("/jobs")
    assert type(caught.value) is ProviderError
    assert len(str(caught.value)) < 500


def test_an_answer_without_a_body_is_fine_where_nothing_is_read(
    provider: Loopback, client: HttpClient, tmp_path: Path
) -> None:
    provider.answer = sends(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    assert client.delete("/jobs/1") == {}
    assert client.post_read("/jobs/1/cancel", {}) == {}
    (tmp_path / "f").write_text("x")
    assert client.upload("/files", tmp_path / "f") == {}
    assert [request.method for request in provider.requests] == ["DELETE", "POST", "POST"]


def test_gzip_of_several_members_is_read_whole(provider: Loopback, client: HttpClient) -> None:
    whole = json.dumps({"text": "ü" * 400_000}, ensure_ascii=False).encode()
    zipped = gzip.compress(whole[:300_001]) + gzip.compress(whole[300_001:])
    provider.answer = answers(200, zipped, Content_Encoding="gzip")
    assert client.get("/jobs") == json.loads(whole)


def test_a_bomb_is_left_after_one_piece_too_many() -> None:
    bomb = gzip.compress(b"\0" * 64_000_000)
    taken: list[int] = []

    def wire() -> Iterator[bytes]:
        for start in range(0, len(bomb), 4096):
            taken.append(start)
            yield bomb[start : start + 4096]

    tracemalloc.start()
    body = read_body(wire(), "gzip", 1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert body.flaw == "is larger than 1,000,000 bytes"
    assert peak < 4_000_000
    assert len(taken) == 1  # 4 KiB of it were enough


def test_a_body_without_end_is_left_at_the_limit(provider: Loopback) -> None:
    sent = 0
    gone = threading.Event()

    def endless(connection: socket.socket, request: Request) -> bool:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            while sent < 200_000_000:
                sent += connection.send(b"x" * 65536)
        finally:
            gone.set()
        return False

    provider.answer = endless
    with (
        client_of(provider, max_bytes=100_000) as client,
        pytest.raises(ProviderError, match="larger than 100,000 bytes"),
    ):
        client.get("/jobs")
    assert gone.wait(5)
    assert sent < 50_000_000  # what fits into the buffers of two sockets


def test_an_error_page_of_any_size_keeps_its_status(provider: Loopback, client: HttpClient) -> None:
    provider.answer = answers(503, b"x" * 5_000_000)
    with pytest.raises(Unavailable) as caught:
        client.get("/jobs")
    assert len(str(caught.value)) < 1000


# --- redirects ----------------------------------------------------------------------------------------------------
def redirects(location: str, status: int = 302) -> Answer:
    return answers(status, b"", Location=location)


def test_a_read_follows_redirects_on_its_own_host(provider: Loopback, client: HttpClient) -> None:
    def answer(connection: socket.socket, request: Request) -> bool:
        if request.target.startswith("/v1/jobs"):
            return redirects("/v2/jobs?a=1", 308)(connection, request)
        return answers(200, {"target": request.target})(connection, request)

    provider.answer = answer
    assert client.get("/jobs", {"q": "x"}) == {"target": "/v2/jobs?a=1"}
    assert provider.requests[1].headers["authorization"] == f"Bearer {CANARY}"


def test_a_read_follows_no_more_than_three_redirects(
    provider: Loopback, client: HttpClient
) -> None:
    provider.answer = redirects("/v1/again")
    with pytest.raises(ProviderError, match="redirects"):
        client.get("/jobs")
    assert len(provider.requests) == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_leaves_the_host(
    status: int, provider: Loopback, stranger: Loopback, client: HttpClient
) -> None:
    provider.answer = redirects(f"{stranger.url}/v1/jobs?token={CANARY}", status)
    calls: list[tuple[Callable[[], Any], type[FtkitError]]] = [
        (lambda: client.get("/jobs"), ProviderError),
        (lambda: client.delete("/jobs/1"), ProviderError),
        (lambda: client.post_read("/jobs", {}), ProviderError),
        (lambda: client.create("/jobs", {}), OutcomeUnknown),
    ]
    for call, error in calls:
        with pytest.raises(error, match=f"redirects to {stranger.url}/v1/jobs") as caught:
            call()
        assert CANARY not in str(caught.value)
    assert len(provider.requests) == len(calls)
    assert stranger.connections == 0


@pytest.mark.parametrize("location", ["//other.invalid/x", "https://{host}/x", "http://a@{host}/x"])
def test_another_scheme_or_a_login_is_another_host(
    location: str, provider: Loopback, client: HttpClient
) -> None:
    provider.answer = redirects(location.format(host=provider.url.removeprefix("http://")))
    with pytest.raises(ProviderError, match="redirects to"):
        client.get("/jobs")
    assert len(provider.requests) == 1


def test_calls_that_change_something_are_not_redirected_at_all(
    provider: Loopback, client: HttpClient
) -> None:
    provider.answer = redirects("/v2/jobs", 307)
    with pytest.raises(ProviderError, match="redirects"):
        client.post_read("/jobs", {})
    with pytest.raises(OutcomeUnknown, match="redirects"):
        client.create("/jobs", {})
    assert len(provider.requests) == 2


# --- paid calls ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 429])
@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (ERROR, "invalid_value", "epochs must be positive"),
        ({"error": {"status": "INVALID_ARGUMENT", "message": "no"}}, "INVALID_ARGUMENT", "no"),
        ({"type": "error", "error": {"type": "bad", "message": "no"}}, "bad", "no"),
        ({"error": "out of credit"}, None, "out of credit"),
        ({"message": "no"}, None, "no"),
        ({"__type": "ValidationException", "Message": "no"}, "ValidationException", "no"),
        ({"detail": "no"}, None, "no"),
        (
            {"detail": [{"loc": ["body", "epochs"], "msg": "too many", "input": "x" * 9000}]},
            None,
            "body.epochs: too many",
        ),
    ],
)
def test_a_paid_call_is_refused_by_a_json_error_with_a_status_that_creates_nothing(
    status: int,
    body: Any,
    code: str | None,
    message: str,
    provider: Loopback,
    client: HttpClient,
) -> None:
    provider.answer = answers(status, body)
    with pytest.raises(Refused) as caught:
        client.create("/jobs", {})
    assert caught.value.code == (code or f"http_{status}")
    assert message in caught.value.message
    assert len(provider.requests) == 1


UNKNOWN: dict[str, Answer] = {
    **BROKEN,
    **{name: answer for name, (answer, _) in NO_OBJECT.items()},
    "half an error": sends(raw(400, b'{"error": {"message": "no"', Content_Length="500")),
    "a page with 400": answers(400, PAGE),
    "a page with 429": answers(429, PAGE),
    "an empty 401": answers(401, b""),
    "JSON of another kind with 422": answers(422, {"ok": False}),
    "an error that says nothing": answers(400, {"error": {}}),
    "a list with 400": answers(400, [ERROR]),
    "408": answers(408, ERROR),
    "409": answers(409, ERROR),
    "already exists with 400": answers(400, {"error": {"message": "job x already exists"}}),
    "conflict with 400": answers(400, {"__type": "ConflictException", "message": "no"}),
    "418": answers(418, ERROR),
    "500": answers(500, ERROR),
    "502": answers(502, PAGE),
    "503": answers(503, ERROR),
    "302": answers(302, b"", Location="/v1/other"),
    "304": sends(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    "407 without a proxy's question": answers(407, b""),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_paid_call_with_any_other_end_is_unknown_and_not_repeated(
    name: str, provider: Loopback
) -> None:
    provider.answer = UNKNOWN[name]
    with (
        client_of(provider, max_bytes=1_000_000) as client,
        pytest.raises(OutcomeUnknown, match="may have been created") as caught,
    ):
        client.create("/jobs", {})
    assert type(caught.value) is OutcomeUnknown
    assert len(provider.requests) == 1
    assert provider.connections == 1


def test_a_paid_call_that_hangs_is_unknown(provider: Loopback) -> None:
    provider.answer = hangs(provider)
    with (
        client_of(provider, timeout_s=0.2) as client,
        pytest.raises(OutcomeUnknown, match="ReadTimeout"),
    ):
        client.create("/jobs", {})
    assert len(provider.requests) == 1


def test_a_backend_can_say_which_statuses_create_nothing(provider: Loopback) -> None:
    provider.answer = answers(404, ERROR)
    with client_of(provider, created_nothing={400}) as client, pytest.raises(OutcomeUnknown):
        client.create("/jobs", {})


def test_a_refused_connection_sent_nothing() -> None:
    with (
        HttpClient(f"http://127.0.0.1:{closed_port()}", auth=None) as client,
        pytest.raises(NotSent, match="ConnectError"),
    ):
        client.create("/jobs", {})


def test_a_name_that_does_not_resolve_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with (
        HttpClient("http://provider.invalid", auth=None) as client,
        pytest.raises(NotSent, match="not known"),
    ):
        client.create("/jobs", {})


def test_a_handshake_that_fails_sent_nothing(provider: Loopback) -> None:
    with HttpClient(provider.url.replace("http:", "https:"), auth=None, timeout_s=2) as client:
        # the provider reads the handshake as a request without end, and closes
        provider.close()
        with pytest.raises(NotSent):
            client.create("/jobs", {})


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": object()}, {"a": "\ud800"}])
def test_a_value_that_json_cannot_carry_is_not_sent(
    value: Any, provider: Loopback, client: HttpClient
) -> None:
    with pytest.raises(NotSent, match="could not be prepared"):
        client.create("/jobs", value)
    with pytest.raises(ProviderError, match="could not be prepared"):
        client.post_read("/jobs", value)
    assert provider.requests == []


@pytest.mark.parametrize(
    "path", ["jobs", "@stranger.invalid/jobs", "", "/a\nb", "https://x.invalid"]
)
def test_a_path_that_leads_elsewhere_is_not_sent(
    path: str, provider: Loopback, client: HttpClient
) -> None:
    with pytest.raises(NotSent, match="no URL"):
        client.create(path, {})
    with pytest.raises(ProviderError, match="no URL"):
        client.get(path)
    assert provider.connections == 0


def test_a_header_that_is_no_http_is_not_sent_and_not_shown(provider: Loopback) -> None:
    def auth() -> dict[str, str]:
        return {"x-api-key": f"{CANARY}\nX-Other: 1"}

    with client_of(provider, auth=auth) as client:
        with pytest.raises(NotSent, match="not valid HTTP") as caught:
            client.create("/jobs", {})
        with pytest.raises(ProviderError, match="not valid HTTP"):
            client.get("/jobs")
    assert CANARY not in rendered(caught.value)
    assert provider.requests == []


def test_a_key_that_is_not_set_is_named_before_anything_is_sent(
    provider: Loopback, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CANARY_API_KEY")
    calls: list[Callable[[], Any]] = [
        lambda: client.create("/jobs", {}),
        lambda: client.get("/jobs"),
    ]
    for call in calls:
        with pytest.raises(AuthError, match="CANARY_API_KEY is not set"):
            call()
    assert provider.connections == 0


def test_a_token_that_cannot_be_fetched_now_is_not_sent(provider: Loopback) -> None:
    def auth() -> dict[str, str]:
        raise Unavailable("the token's address is busy", 3.0)

    with client_of(provider, auth=auth) as client:
        with pytest.raises(NotSent, match="busy"):
            client.create("/jobs", {})
        with pytest.raises(Unavailable, match="busy") as caught:
            client.get("/jobs")
    assert caught.value.retry_after_s == 3.0
    assert provider.connections == 0


def test_a_foreign_exception_in_a_paid_call_is_unknown(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("something else")

    monkeypatch.setattr(httpx.Client, "send", fails)
    with pytest.raises(OutcomeUnknown, match="RuntimeError: something else"):
        client.create("/jobs", {})
    with pytest.raises(ProviderError, match="RuntimeError: something else"):
        client.get("/jobs")


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_without_the_frames_that_hold_the_key(
    interrupt: type[BaseException], client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: httpx.Client, request: httpx.Request, **_: Any) -> Any:
        shown = list(request.headers.raw)
        raise interrupt(len(shown))

    monkeypatch.setattr(httpx.Client, "send", interrupted)
    with pytest.raises(interrupt) as caught:
        client.create("/jobs", {})
    assert CANARY not in rendered(caught.value)


# --- proxies ------------------------------------------------------------------------------------------------------
def test_a_proxy_that_makes_no_tunnel_sent_nothing(
    stranger: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", stranger.url.replace("//", f"//me:{CANARY}@"))
    stranger.answer = answers(502, PAGE)
    with HttpClient("https://provider.invalid", auth=None) as client:
        with pytest.raises(NotSent, match="ProxyError") as caught:
            client.create("/jobs", {})
        with pytest.raises(Unavailable, match="ProxyError"):
            client.get("/jobs")
    assert CANARY not in rendered(caught.value)
    assert {request.method for request in stranger.requests} == {"CONNECT"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (answers(407, PAGE, Proxy_Authenticate="Basic"), NotSent),
        (answers(407, PAGE), OutcomeUnknown),
        (answers(502, PAGE), OutcomeUnknown),
        (answers(503, PAGE), OutcomeUnknown),
        (resets, OutcomeUnknown),
    ],
    ids=["407", "407 without a question", "502", "503", "reset"],
)
def test_a_proxy_in_the_clear_may_have_passed_the_call_on(
    answer: Answer,
    error: type[FtkitError],
    stranger: Loopback,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", stranger.url)
    stranger.answer = answer
    with HttpClient("http://provider.invalid", auth=None) as client, pytest.raises(error):
        client.create("/jobs", {})
    assert [request.target for request in stranger.requests] == ["http://provider.invalid/jobs"]


# --- connections --------------------------------------------------------------------------------------------------
def test_reads_share_a_connection_and_a_paid_call_has_its_own(
    provider: Loopback, client: HttpClient
) -> None:
    client.get("/a")
    client.get("/b")
    client.create("/c", {})
    client.create("/d", {})
    client.get("/e")
    assert [request.connection for request in provider.requests] == [1, 1, 2, 3, 1]


def test_a_pooled_connection_that_has_died_harms_no_paid_call(
    provider: Loopback, client: HttpClient
) -> None:
    """The provider takes one request a connection and drops the second: the paid call must not be that one."""

    def once(connection: socket.socket, request: Request) -> bool:
        first = sum(r.connection == request.connection for r in provider.requests) == 1
        return first and answers(200, {"id": "job-1"})(connection, request)

    provider.answer = once
    client.get("/a")
    assert client.create("/jobs", {}) == {"id": "job-1"}
    with pytest.raises(Unavailable):
        client.get("/b")
    assert client.get("/c") == {"id": "job-1"}


def test_after_a_fork_connections_are_not_shared(
    provider: Loopback, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get("/a")
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: 1)
        client.get("/b")
        client.close()
    client.get("/c")
    assert [request.connection for request in provider.requests] == [1, 2, 1]


def test_threads_may_share_a_client(provider: Loopback, client: HttpClient) -> None:
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(client.get(f"/{n}"))) for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"id": "job-1"}] * 12
    assert len(client._pools) == 1


# --- secrets ------------------------------------------------------------------------------------------------------
def rendered(error: BaseException) -> str:
    """The traceback of the whole chain, with the local variables of every frame."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(shown.format())


def echo(status: int) -> Answer:
    """Answer with all that was sent, key included."""

    def answer(connection: socket.socket, request: Request) -> bool:
        sent = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        said = {"error": {"message": f"bad key {sent}", "code": request.headers["authorization"]}}
        location = f"http://other.invalid/{request.headers['authorization'][7:]}"
        return answers(status, said, Location=location)(connection, request)

    return answer


def echo_page(connection: socket.socket, request: Request) -> bool:
    page = f"<html>{request.headers['authorization']}</html>".encode()
    return answers(200, page)(connection, request)


@pytest.mark.parametrize("known", [True, False], ids=["from the environment", "from elsewhere"])
@pytest.mark.parametrize(
    "answer",
    [*(echo(s) for s in (302, 400, 401, 404, 409, 429, 500, 503)), echo_page, resets, sends(b"")],
)
def test_a_key_is_in_no_error_no_frame_and_no_cause(
    answer: Answer,
    known: bool,
    provider: Loopback,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def from_elsewhere() -> dict[str, str]:
        return {"Authorization": f"Bearer {CANARY}"}

    if not known:
        monkeypatch.delenv("CANARY_API_KEY")
    auth = KeyHeader(Secret("CANARY_API_KEY")) if known else from_elsewhere
    (tmp_path / "rows").write_text("x")
    provider.answer = answer
    with client_of(provider, auth=auth) as client:
        calls: list[Callable[[], Any]] = [
            lambda: client.get("/jobs", {"token": CANARY}),
            lambda: client.get(f"/jobs?key={CANARY}"),
            lambda: client.delete("/jobs/1"),
            lambda: client.post_read("/jobs", {}),
            lambda: client.upload("/f", tmp_path / "rows", {"sig": CANARY}, {"X-Sig": CANARY}),
            lambda: client.create("/jobs", {}, {"X-Sig": CANARY}),
        ]
        for call in calls:
            with pytest.raises(FtkitError) as caught:
                call()
            assert CANARY not in rendered(caught.value)
            assert CANARY not in repr(caught.value) + repr(vars(caught.value))
            assert CANARY.encode() not in pickle.dumps(caught.value)
            assert held_by_frames(caught.value) == []
    assert len(provider.requests) == 6


def held_by_frames(error: BaseException | None) -> list[str]:
    """Variables of ftkit's own frames that are, or hold, the key as text, whatever their `repr` shows."""
    found = []
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "/ftkit/" in frame.f_code.co_filename:
                found += [n for n, value in frame.f_locals.items() if CANARY in deep(value)]
        error = error.__cause__ or error.__context__
    return found


def deep(value: Any, levels: int = 3) -> str:
    if isinstance(value, str | bytes):
        return str(value)
    inner = list(value.values()) if isinstance(value, dict) else []
    inner += list(value) if isinstance(value, list | tuple) else []
    inner += list(vars(value).values()) if hasattr(value, "__dict__") else []
    slots = getattr(type(value), "__slots__", ())
    inner += [getattr(value, name, None) for name in (slots if isinstance(slots, tuple) else ())]
    return " ".join(deep(part, levels - 1) for part in inner) if levels else ""


def test_a_client_shows_its_address_and_no_key(provider: Loopback, client: HttpClient) -> None:
    client.get("/jobs")
    assert repr(client) == f"HttpClient({provider.url}/v1)"
    shown = [repr(client), str(client), f"{client}", json.dumps(client, default=str)]
    shown += [repr(vars(client)), repr(pickle.dumps(client))]
    assert not [text for text in shown if CANARY in text]
    with pickle.loads(pickle.dumps(client)) as copy:
        assert copy.get("/jobs") == {"id": "job-1"}


def test_the_http_library_logs_no_signed_address(
    client: HttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    client.get("/jobs", {"sig": "signed-word"})
    assert "HTTP Request: GET" in caplog.text
    assert "signed-word" not in caplog.text
    assert CANARY not in caplog.text


def test_a_message_of_the_provider_is_cut_and_cannot_steer_the_terminal(
    provider: Loopback, client: HttpClient
) -> None:
    key = "sk-proj-aB3dE6gH\x1b[0m9jK2mN5pQ8sT"
    message = f"\x1b]0;title\x07red \x1b[31m\u202eline\n\x00two {key} " + "long " * 5000
    provider.answer = answers(400, {"error": {"message": message}})
    with pytest.raises(Refused) as caught:
        client.create("/jobs", {})
    said = caught.value.message
    assert "red line two [redacted] long" in said
    assert said.isprintable()
    assert len(said) < 600


@pytest.mark.parametrize(
    "base", ["", "provider.com", "ftp://x.com", "http://", "https://x.com/?a=1"]
)
def test_a_base_that_is_no_address_is_refused(base: str) -> None:
    with pytest.raises(ConfigError):
        HttpClient(base, auth=None)


def test_a_login_in_the_base_is_refused_unseen() -> None:
    with pytest.raises(ConfigError, match="login") as caught:
        HttpClient(f"https://me:{CANARY}@x.com", auth=None)
    assert CANARY not in rendered(caught.value)


# --- replies, pages, Retry-After ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (replies.text, ["x"], [None, "", " ", 1, True, [], {}]),
        (replies.optional_text, ["x", "", None], [1, True, [], {}]),
        (replies.number, [1, 1.5, 0, -2], [None, True, "1", float("nan"), float("inf"), []]),
        (replies.optional_number, [None, 1.5], [False, "1", float("nan")]),
        (replies.whole, [0, 7], [None, True, 1.0, "1"]),
        (replies.optional_whole, [None, 7], [False, 1.0]),
        (replies.inner, [{}, {"a": 1}], [None, [], "x"]),
        (replies.items, [[], [{"a": 1}]], [None, {}, [1], [{}, None], "x"]),
    ],
)
def test_a_field_is_of_its_type_or_named_in_the_error(
    read: Callable[[dict[str, Any], str], Any], good: list[Any], bad: list[Any]
) -> None:
    for value in good:
        assert read({"field_a": value}, "field_a") == value
    for value in bad:
        with pytest.raises(ProviderError, match="'field_a'"):
            read({"field_a": value}, "field_a")


def test_pages_come_in_order_until_there_is_no_cursor() -> None:
    book = {None: ([{"id": 1}], "a"), "a": ([], "b"), "b": ([{"id": 2}], None)}
    assert list(pages(lambda cursor: book[cursor], what="jobs")) == [[{"id": 1}], [], [{"id": 2}]]


def test_pages_that_go_round_or_never_end_are_stopped() -> None:
    calls = 0

    def fetch(next_cursor: Callable[[int], str], item: Callable[[int], int]) -> Any:
        def page(cursor: str | None) -> tuple[list[dict[str, Any]], str]:
            nonlocal calls
            calls += 1
            return [{"id": item(calls)}], next_cursor(calls)

        return page

    for cursor, item, words, most in (
        (lambda n: "same", lambda n: n, "same cursor", 2),
        (lambda n: str(n), lambda n: 1, "same page", 2),
        (lambda n: str(n), lambda n: n, "more than 50 pages", 50),
    ):
        calls = 0
        with pytest.raises(ProviderError, match=words):
            list(pages(fetch(cursor, item), what="jobs", max_pages=50))
        assert calls == most


NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("1.5", 1.5),
        ("86400", 3600.0),
        ("9" * 12, 3600.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tuesday, 24-Nov-26 12:00:30 GMT", 30.0),
        ("Tue Nov 24 12:00:30 2026", 30.0),
        ("Wed, 25 Nov 2026 12:00:30 GMT", 3600.0),
        ("Tue, 24 Nov 2026 11:59:59 GMT", None),
        (None, None),
        ("", None),
        ("-5", None),
        ("NaN", None),
        ("inf", None),
        ("1e3", None),
        ("٣", None),
        ("soon", None),
        ("9" * 400, None),
        ("Tue, 99 Nov 2026 12:00:30 GMT", None),
        ("Tue, 24 Nov 99999 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds
    assert retry_after_s(value, NOW.astimezone(tz=None) + timedelta(0)) == seconds


@pytest.mark.parametrize(
    ("body", "value"), [(b"7", 7), (b"null", None), (b'"x"', "x"), (b"true", True)]
)
def test_a_reply_that_is_one_bare_value_is_read_as_that(body: bytes, value: object) -> None:
    """No object, so no reply of a provider; but that is said by whoever asked for one."""
    from ftkit.http.replies import parse

    assert parse(body) == value
