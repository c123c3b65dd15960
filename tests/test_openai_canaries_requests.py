"""Planted secrets in what a request to OpenAI carries and in where it is sent: in no error, log, frame or object.

A planted secret is the key, stands in a header of the user's own (OPENAI_CUSTOM_HEADERS), or comes back from a server
that repeats whatever it was sent, in each way that the client asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import ftkit
from ftkit import config, secrets
from ftkit.errors import FtkitError
from ftkit.registry import open_backend
from ftkit_openai import OpenAISettings
from ftkit_openai.client import Client
from tests import canaries_asking
from tests.canaries_desk import Desk, write_rows
from tests.canaries_objects import listening, put_error, put_object
from tests.canaries_planting import addresses, environment, mistakes
from tests.canaries_search import Search, of, one_line
from tests.emulators.openai import OpenAIEmulator
from tests.faults.canaries import Canary
from tests.loopback import Loopback, resets
from tests.openai_desk import CREATE, MODEL, NOON, ROWS
from tests.openai_ways import WAYS

HEAD = '[providers.openai]\nbackend = "openai"\n'
SUBMIT = ("submit", "rows.jsonl", "--model", MODEL, "--allow-retiring")


@pytest.fixture
def logs() -> Iterator[Callable[[], str]]:
    with listening() as said:
        yield said


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    loopback = Loopback(resets)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{loopback.url}/v1")
    yield loopback
    loopback.close()


def ask_everything(search: Search, server: Loopback, canary: Canary, turn: int) -> None:
    canaries_asking.ask_everything(
        search, server, canary, turn, WAYS, lambda: Client(OpenAISettings())
    )


def plant(canary: Canary, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = canary.secret if place == "key" else "sk-plain-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    if place == "header":
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Gateway: {canary.secret}")


@pytest.mark.parametrize(
    ("canaries", "place"),
    [
        pytest.param(one_line("request_header"), "key", id="key"),
        pytest.param(one_line("request_header"), "header", id="header"),
        pytest.param(of("error_body"), "answer", id="error body"),
    ],
)
def test_what_a_request_carries_is_in_no_error_log_or_frame(
    canaries: list[Canary],
    place: str,
    server: Loopback,
    logs: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    search = Search()
    for turn, canary in enumerate(canaries):
        plant(canary, place, monkeypatch)
        ask_everything(search, server, canary, turn)
    search.put("log at DEBUG", logs())
    print(f"\n{search.table()}")
    assert search.found() == {}
    assert search.size("tracebacks with locals") > 50_000
    assert search.size("log at DEBUG") > 10_000
    if place != "answer":
        assert canaries[-1].secret in str(server.requests[-1].headers)


def test_without_redaction_errors_and_logs_are_seen_to_leak(
    server: Loopback, logs: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_FORMATS", ())
    monkeypatch.setattr(secrets, "_LABELS", ())
    monkeypatch.setattr(secrets, "_forms", lambda secret: iter(()))
    search = Search()
    for turn, canary in enumerate(one_line("request_header")):
        plant(canary, "key", monkeypatch)
        ask_everything(search, server, canary, turn)
    search.put("log at DEBUG", logs())
    print(f"\n{search.table()}")
    for output in ("str of errors", "pickle of errors", "tracebacks with locals", "log at DEBUG"):
        assert search.found()["request_header", output], output


# --- where it is sent ---


def test_a_key_in_a_configuration_is_refused_unseen(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows()
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-canary-0001")
    desk, path = Desk(tmp_path), tmp_path / "user.toml"
    monkeypatch.setenv("FTKIT_CONFIG", str(path))
    for name, text in mistakes(HEAD, "base_url"):
        path.write_text(text)
        assert desk.here("config", "show") == 2, name
        assert desk.here("--debug", *SUBMIT) == 2, name
    path.write_text(next(text for _, text in mistakes(HEAD, "base_url")))
    assert desk.run("--debug", *SUBMIT) == 2
    desk.here("doctor", "--json")
    search = desk.result(home)
    assert search.found() == {}
    assert search.size("in this process") > 1000


def test_a_key_in_an_address_of_the_environment_is_refused_unseen(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows()
    desk = Desk(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-canary-0001")
    monkeypatch.setenv("FTKIT_NOW", NOON)  # while the base can be trained
    for number, address in enumerate(addresses()):
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        assert desk.here("--debug", *SUBMIT) == 2
        if number % 25 == 1:
            assert desk.run("--debug", "chat", MODEL, "hello") == 2
            desk.here("doctor")
    assert desk.result(home).found() == {}


def test_a_proxys_password_is_nowhere(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows()
    desk = Desk(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-canary-0001")
    monkeypatch.setenv("FTKIT_NOW", f"file:{tmp_path / 'now'}")  # no pause between tries
    (tmp_path / "now").write_text(NOON)
    for number, canary in enumerate(of("base_url_userinfo")):
        login = f"http://me:{quote(canary.secret, safe='')}@127.0.0.1:9"
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, login)
        scheme = "http" if number % 2 else "https"
        monkeypatch.setenv("OPENAI_BASE_URL", f"{scheme}://host.invalid/{number}")
        assert desk.here("--debug", *SUBMIT) == 1
    assert desk.run("--debug", *SUBMIT) == 1
    search = desk.result(home)
    assert search.found() == {}
    assert search.size("log at DEBUG") > 100


# --- objects ---


def test_objects_and_the_open_ledger_hold_no_key_of_the_environment(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs: Callable[[], str]
) -> None:
    planted = environment()
    for name, secret in planted.items():
        monkeypatch.setenv(name, secret)
    (tmp_path / "now").write_text(NOON)
    monkeypatch.setenv("FTKIT_NOW", f"file:{tmp_path / 'now'}")
    search, key = Search(), planted["OPENAI_API_KEY"]
    with OpenAIEmulator(
        run_s=0.0, now=f"file:{tmp_path / 'now'}", accounts={key: "org-acme/proj-main"}
    ) as emulator:
        monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_url)
        said = "; ".join(planted.values())
        body = f'{{"error": {{"code": "bad", "message": {json.dumps(said)}}}}}'
        emulator.fault(CREATE, "reply", status=400, body=body)
        with pytest.raises(FtkitError) as caught:
            ftkit.submit(ROWS, MODEL, allow_retiring=True)
        put_error(search, caught.value)
        plan = ftkit.estimate(ROWS, MODEL)
        job = ftkit.submit(ROWS, plan=plan, name="router", allow_retiring=True)
        settings = config.settings()
        backend = open_backend("openai", settings)
        model = job.wait(60).model()
        reply = model.chat("question 1")
        for name, value in {
            "a backend": backend,
            "its parts": [backend.training, backend.inference, backend.pricing],
            "a quote": plan,
            "a job": job,
            "a model": model,
            "a reply": reply,
            "settings": settings,
            "a client": Client(OpenAISettings()),
        }.items():
            put_object(search, name, value)
        search.put_home(home)  # while the ledger is open: its log is a file too
    search.put("log at DEBUG", logs())
    print(f"\n{search.table()}")
    assert search.found() == {}
    for output in ("pickle of a job", "json of a quote", "ledger", "ledger-wal", "log at DEBUG"):
        assert search.size(output) > 100, output
