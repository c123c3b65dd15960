"""Anthropic's key goes to Anthropic and nowhere else: not into objects, errors, logs or frames, and to no other host."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ftkit import patience
from ftkit.errors import ConfigError, FtkitError, ProviderError
from tests import canaries_asking
from tests.anthropic_desk import MODEL, opened
from tests.anthropic_ways import WAYS, client, look
from tests.canaries_desk import Desk
from tests.canaries_objects import listening
from tests.canaries_planting import mistakes
from tests.canaries_search import Search, of, one_line
from tests.faults.canaries import Canary
from tests.key_search import CANARY, places
from tests.loopback import Loopback, answers, raw, resets, sends

OTHERS = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_WEBHOOK_SIGNING_KEY", "ANTHROPIC_IDENTITY_TOKEN")


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between tries, and enough of them."""
    (tmp_path / "now").write_text("2026-11-27T12:00:00+00:00")
    monkeypatch.setenv("FTKIT_NOW", f"file:{tmp_path / 'now'}")
    monkeypatch.setattr(patience, "_budgets", {})
    for name in (*OTHERS, "ANTHROPIC_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A server that answers as a test says, to which "anthropic" leads with the canary as key."""
    server = Loopback(answers(200, {"id": "claude"}))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    yield server
    server.close()


ECHO = {
    "type": "error",
    "error": {"type": f"no-{CANARY}", "message": f"invalid x-api-key: {CANARY}"},
    "request_id": CANARY,
}
ANSWERS = {
    "401 that repeats the key": answers(401, ECHO),
    "500 that repeats the key": answers(500, CANARY.encode()),
    "page that repeats the key": answers(200, f"<html>{CANARY}</html>".encode()),
    "nothing": sends(b""),
    "garbage": sends(b"\x00\x01 no http"),
    "half": sends(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"id"'),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("way", WAYS)
def test_the_key_is_in_no_error_log_frame_or_object(
    way: str, answer: str, loopback: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    loopback.answer = ANSWERS[answer]
    ours = client()
    for name in ("anthropic", "httpx2", "httpcore2", "ftkit"):
        caplog.set_level(logging.DEBUG, name)
    with pytest.raises(FtkitError) as failed:
        WAYS[way](ours)
    assert loopback.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    error = failed.value
    assert CANARY not in "".join((str(error), repr(error), repr(pickle.dumps(error))))
    assert CANARY not in caplog.text
    assert CANARY not in "".join(traceback.format_exception(error))
    assert places(error, ours) == []


@pytest.mark.parametrize("status", [301, 307])
@pytest.mark.parametrize("way", WAYS)
def test_no_redirect_is_followed_and_so_no_key_leaves(
    way: str, status: int, loopback: Loopback
) -> None:
    elsewhere = Loopback(answers(200, {}))
    try:
        loopback.answer = sends(raw(status, Location=f"{elsewhere.url}/v1/messages"))
        with pytest.raises(ProviderError):
            WAYS[way](client())
        assert (len(loopback.requests), elsewhere.requests) == (1, [])
    finally:
        elsewhere.close()


def test_the_hook_itself_adds_the_key_for_its_own_host_only(loopback: Loopback) -> None:
    elsewhere = Loopback(answers(200, {}))
    try:
        client().read("GET /", lambda sdk: sdk._client.get(f"{elsewhere.url}/v1/"))
        assert {"authorization", "x-api-key"}.isdisjoint(elsewhere.requests[0].headers)
    finally:
        elsewhere.close()


def test_other_credentials_of_the_environment_go_nowhere(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The SDK would take a token, a profile on disk or a header of the environment where it is given no key."""
    for name in OTHERS:
        monkeypatch.setenv(name, f"other-{CANARY}")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"X-Api-Key: other-{CANARY}")
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-plain-0123456789")
    ours = client()
    look(ours)
    assert loopback.requests[0].headers["authorization"] == "Bearer sk-ant-plain-0123456789"
    assert CANARY not in str(loopback.requests)


def test_a_key_that_is_changed_meanwhile_is_the_one_that_is_sent(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = client()
    look(ours)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-renewed-0123456789")
    look(ours)
    assert [one.headers["authorization"] for one in loopback.requests] == [
        f"Bearer {CANARY}",
        "Bearer sk-ant-renewed-0123456789",
    ]


def test_an_address_with_a_login_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", f"https://me:{CANARY}@example.com")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-plain-0123456789")
    with pytest.raises(ConfigError, match="has a login") as refused:
        look(client())
    assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_a_project_may_not_say_where_the_key_goes() -> None:
    Path("ftkit.toml").write_text('[providers.anthropic]\nbase_url = "https://example.com"\n')
    with pytest.raises(ConfigError, match="may not stand in a project's file"):
        opened()


@pytest.mark.parametrize("way", WAYS)
def test_compression_is_not_asked_for_and_not_taken(way: str, loopback: Loopback) -> None:
    loopback.answer = answers(200, {"id": "x"}, zipped=True)
    with pytest.raises(ProviderError, match="not asked for"):
        WAYS[way](client())
    assert loopback.requests[0].headers["accept-encoding"] == "identity"


# --- planted secrets ---


def plant(canary: Canary, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = canary.secret if place == "key" else "sk-ant-plain-0123456789"
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    if place == "header":
        monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"X-Gateway: {canary.secret}")


@pytest.fixture
def logs() -> Iterator[Callable[[], str]]:
    with listening() as said:
        yield said


@pytest.mark.parametrize("place", ["key", "header", "answer"])
def test_what_a_request_carries_is_in_no_error_log_or_frame(
    place: str,
    loopback: Loopback,
    logs: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loopback.answer = resets
    search = Search()
    planted = of("error_body") if place == "answer" else one_line("request_header")
    for turn, canary in enumerate(planted[::6]):
        plant(canary, place, monkeypatch)
        patience._budgets.clear()
        canaries_asking.ask_everything(search, loopback, canary, turn, WAYS, client)
    search.put("log at DEBUG", logs())
    assert search.found() == {}
    assert search.size("tracebacks with locals") > 10_000
    assert search.size("log at DEBUG") > 2_000


def test_a_key_in_a_configuration_is_refused_unseen(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "not-a-canary-0001")
    desk, path = Desk(tmp_path), tmp_path / "user.toml"
    monkeypatch.setenv("FTKIT_CONFIG", str(path))
    head = '[providers.anthropic]\nbackend = "anthropic"\n'
    for name, text in list(mistakes(head, "base_url"))[::6]:
        path.write_text(text)
        assert desk.here("--debug", "chat", MODEL, "hello") == 2, name
    search = desk.result(home)
    assert search.found() == {}
    assert search.size("in this process") > 200
