"""The planted secrets against the library itself: errors, tracebacks with the variables of their frames, logs, objects.

A request carries each secret in one place, and the server repeats everything it was sent in whatever it answers.
"""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest

import ftkit
import ftkit.http.exchange
from ftkit import config, secrets
from ftkit.errors import ConfigError, FtkitError
from ftkit.http import HttpClient, KeyHeader
from ftkit.registry import open_backend
from ftkit.secrets import Secret
from ftkit.testing import HostedProvider
from tests.canaries_objects import listening, put_error, put_object
from tests.canaries_search import Search, of, one_line
from tests.faults.canaries import CANARIES, Canary
from tests.loopback import Answer, Loopback, Request, answers, resets, sends

STATUSES = (200, 302, 400, 401, 404, 409, 429, 500)


@pytest.fixture
def logs() -> Iterator[Callable[[], str]]:
    with listening() as said:
        yield said


@pytest.fixture
def server() -> Iterator[Loopback]:
    loopback = Loopback(resets)
    yield loopback
    loopback.close()


def repeats(status: int, shape: str) -> Answer:
    """An answer that repeats the request's target, headers and the start of its body."""

    def answer(connection: socket.socket, request: Request) -> bool:
        # a careless server says what a value is
        sent = [f"{name}: {value}" for name, value in request.headers.items()]
        raw = " ".join([*sent, request.target])
        location = f"http://other.invalid/{request.target[1:]}"
        if shape == "page":
            body: Any = f"<html>{raw}</html>".encode()
        elif shape == "bare":
            # without its label: known because this request was sent with it
            key = request.headers.get("authorization", "").removeprefix("Bearer ")
            key = key or request.headers.get("x-api-key", "")
            for _, value in parse_qsl(request.target.partition("?")[2]):
                key = value
            basic = base64.b64encode(f"me:{key}".encode()).decode()
            said = f"Incorrect API key provided: {key} ({quote(key, safe='')}, {basic})"
            body = {"error": {"message": said, "code": key, "type": key}}
        else:
            body = {
                "error": {"message": raw, "code": "seen"},
                "detail": [{"msg": raw, "loc": [raw]}],
            }
        return answers(status, body, Location=location, X_Seen=sent[-1])(connection, request)

    return answer


ANSWERS = [repeats(status, shape) for status in STATUSES for shape in ("json", "page", "bare")]
BROKEN: list[Answer] = [resets, sends(b""), sends(b"nonsense\r\n\r\n")]


def calls(
    client: HttpClient, file: Path, key: str | None, header: str | None
) -> list[Callable[[], Any]]:
    """A call of each kind; `key` goes into the query, `header` into a header of one call."""
    params = {"key": key} if key else None
    more = {"X-Api-Key": header} if header else None
    query = f"?sig={quote(key, safe='')}" if key else ""
    return [
        lambda: client.get("/jobs", params),
        lambda: client.get(f"/jobs{query}"),
        lambda: client.delete(f"/jobs/1{query}"),
        lambda: client.post_read(f"/jobs{query}", {}),
        lambda: client.upload(f"/files{query}", file, params, more),
        lambda: client.create(f"/jobs{query}", {}, more),
    ]


def ask_everything(
    search: Search, server: Loopback, file: Path, canaries: Sequence[Canary], place: str
) -> None:
    """Each canary in its place of requests of every kind; each request meets one of the answers in turn."""
    turn = 0
    for canary in canaries:
        secret = canary.secret
        bearer = {"Authorization": f"Bearer {secret}"}
        auth = None if place in ("query", "header") else (lambda bearer=bearer: bearer)
        key = secret if place == "query" else None
        header = secret if place == "header" else None
        with HttpClient(f"{server.url}/v1", auth=auth, timeout_s=5) as client:
            for call in calls(client, file, key, header):
                server.answer = [*ANSWERS, *BROKEN][turn % (len(ANSWERS) + len(BROKEN))]
                turn += 1
                try:
                    reply = call()
                except FtkitError as error:
                    put_error(search, error)
                else:
                    assert reply  # a 200 whose content is the caller's
            search.put("repr of a client", f"{client!r} {client} {vars(client)!r}")


@pytest.mark.parametrize(
    ("canaries", "place"),
    [
        pytest.param(one_line("request_header"), "header", id="header"),
        pytest.param(one_line("request_header"), "auth", id="credential"),
        pytest.param(one_line("url_query"), "query", id="query"),
        pytest.param(one_line("error_body"), "auth", id="error body"),
    ],
)
def test_what_a_request_carries_is_in_no_error_log_or_frame(
    canaries: list[Canary], place: str, server: Loopback, tmp_path: Path, logs: Callable[[], str]
) -> None:
    search, file = Search(), tmp_path / "rows"
    file.write_text("{}")
    ask_everything(search, server, file, canaries, place)
    search.put("log at DEBUG", logs())
    print(f"\n{search.table()}")
    assert search.found() == {}
    assert search.size("tracebacks with locals") > 100_000
    assert search.size("log at DEBUG") > 10_000


def test_without_redaction_errors_and_logs_are_seen_to_leak(
    server: Loopback, tmp_path: Path, logs: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_FORMATS", ())
    monkeypatch.setattr(secrets, "_LABELS", ())
    monkeypatch.setattr(secrets, "_forms", lambda secret: iter(()))
    search, file = Search(), tmp_path / "rows"
    file.write_text("{}")
    ask_everything(search, server, file, one_line("request_header"), "auth")
    ask_everything(search, server, file, one_line("url_query"), "query")
    search.put("log at DEBUG", logs())
    found = search.found()
    print(f"\n{search.table()}")
    for output in ("str of errors", "repr of errors", "pickle of errors", "tracebacks with locals"):
        assert found["request_header", output], output
    assert len(found["url_query", "log at DEBUG"]) >= 20


@pytest.mark.parametrize("place", ["base_url_userinfo", "url_query"])
def test_an_address_with_a_key_is_refused_and_in_no_frame(place: str) -> None:
    search = Search()
    for canary in of(place):
        text = quote(canary.secret, safe="")
        addresses = [f"https://me:{text}@host.invalid/v1", f"https://{text}@host.invalid", text]
        addresses += [f"https://host.invalid/v1?key={text}", f"https://host.invalid/#token={text}"]
        for address in addresses[:2] if place == "base_url_userinfo" else addresses[3:]:
            with pytest.raises(ConfigError) as caught:
                HttpClient(address, auth=None)
            put_error(search, caught.value)
    assert search.found() == {}


def test_a_key_in_place_of_a_name_is_refused_and_in_no_frame() -> None:
    search = Search()
    refused = 0
    for canary in CANARIES:
        try:
            Secret(canary.secret)
        except ConfigError as error:
            refused += 1
            put_error(search, error)
    assert refused == len(CANARIES)
    assert search.found() == {}


def test_the_frames_of_a_refused_configuration_hold_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, path = Search(), tmp_path / "user.toml"
    monkeypatch.setenv("FTKIT_CONFIG", str(path))
    for canary in of("config_file"):
        text = json.dumps(canary.secret)
        for content in (
            f"[providers.fake]\napi_key = {text}\n",
            f"[providers.fake]\nheaders = [{{ x-api-key = {text} }}]\n",
            f"[profiles.default]\napi_key = {text}\n",
            f"api_key = {text}\n",
            f"[providers.fake]\napi_key = {canary.secret}\n",
        ):
            path.write_text(content)
            with pytest.raises(ConfigError) as caught:
                config.settings()
            put_error(search, caught.value)
    assert search.found() == {}


def test_objects_the_open_ledger_and_a_report_hold_no_key_of_the_environment(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs: Callable[[], str]
) -> None:
    planted = one_line("environment")
    for number, canary in enumerate(of("environment")):
        monkeypatch.setenv(f"PLANTED_{number}_SECRET_KEY", canary.secret)
    key = planted[-1].secret
    rows = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(40)]
    search = Search()
    with HostedProvider(run_s=0.0, accounts={key: "org-1"}, echo_credentials=True) as provider:
        monkeypatch.setenv("FTKIT_FAKE_URL", provider.url)
        monkeypatch.setenv("FTKIT_FAKE_API_KEY", key)
        said = "; ".join(canary.secret for canary in of("environment"))
        body = json.dumps({"error": {"code": "bad", "message": said}})
        provider.fault("POST /v1/jobs", "reply", status=400, body=body)
        with pytest.raises(FtkitError) as caught:
            ftkit.submit(rows, "fake/small")
        put_error(search, caught.value)
        plan = ftkit.estimate(rows, "fake/small")
        job = ftkit.submit(rows, plan=plan, name="router")
        settings = config.settings()
        backend = open_backend("fake", settings)
        model = job.model()
        for name, value in {
            "a backend": backend,
            "its parts": [backend.training, backend.hosting, backend.inference, backend.pricing],
            "a quote": plan,
            "a job": job,
            "a model": model,
            "settings": settings,
            "a client": HttpClient(provider.url, auth=KeyHeader(Secret("FTKIT_FAKE_API_KEY"))),
        }.items():
            put_object(search, name, value)
        report = ftkit.evaluate(model, against=[model.base], data=rows[:20], metric="exact_match")
        put_object(search, "a report", report)
        search.put("HTML", report.html(tmp_path / "report.html").read_bytes())
        search.put_home(home)  # while the ledger is open: its log is a file too
    search.put("log at DEBUG", logs())
    print(f"\n{search.table()}")
    assert search.found() == {}
    for output in ("pickle of a job", "json of a quote", "ledger", "HTML", "repr, str of settings"):
        assert search.size(output) > 100, output
    assert not re.search("has none", search.table())
