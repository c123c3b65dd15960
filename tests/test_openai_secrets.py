"""OpenAI's key goes to OpenAI and nowhere else: not into objects, errors, logs or frames, and to no other host."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ftkit.backend import NotSent, OutcomeUnknown
from ftkit.errors import AuthError, ConfigError, FtkitError, ProviderError
from ftkit_openai import OpenAISettings
from ftkit_openai.client import Client
from tests.emulators.openai import OpenAIEmulator
from tests.key_search import CANARY, places
from tests.loopback import Loopback, answers, raw, sends
from tests.openai_desk import CHAT, CREATE, opened, submit
from tests.openai_ways import WAYS, jobs, make

pytest_plugins = ("tests.openai_fixtures",)


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A server that answers as a test says, to which "openai" leads with the canary as key."""
    server = Loopback(answers(200, {"data": [], "has_more": False}))
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    yield server
    server.close()


ECHO = {"error": {"message": f"Incorrect API key provided: {CANARY}", "code": f"no-{CANARY}"}}
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
    ours = Client(OpenAISettings())
    for name in ("openai", "httpx2", "httpcore2", "ftkit"):
        caplog.set_level(logging.DEBUG, name)
    with pytest.raises(FtkitError) as failed:
        WAYS[way](ours)
    assert CANARY in loopback.requests[0].headers["authorization"]
    error = failed.value
    assert CANARY not in "".join((str(error), repr(error), repr(pickle.dumps(error))))
    assert CANARY not in caplog.text
    assert CANARY not in "".join(traceback.format_exception(error))
    assert places(error, ours) == []


def test_the_search_sees_a_key_that_is_kept(loopback: Loopback) -> None:
    """A judge that sees nothing proves nothing."""
    ours = Client(OpenAISettings())
    jobs(ours)
    (pooled,) = ours._pools.values()
    pooled.api_key = CANARY
    assert places(ProviderError("x"), ours) != []


# --- hosts ---


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("way", WAYS)
def test_no_redirect_is_followed_and_so_no_key_leaves(
    way: str, status: int, loopback: Loopback
) -> None:
    elsewhere = Loopback(answers(200, {}))
    try:
        loopback.answer = sends(raw(status, Location=f"{elsewhere.url}/v1/fine_tuning/jobs"))
        with pytest.raises(OutcomeUnknown if way == "create" else ProviderError):
            WAYS[way](Client(OpenAISettings()))
        assert (len(loopback.requests), elsewhere.requests) == (1, [])
    finally:
        elsewhere.close()


def test_the_hook_itself_adds_the_key_for_its_own_host_only(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Loopback(answers(200, {}))
    try:
        ours = Client(OpenAISettings())
        ours.read("GET /", lambda sdk: sdk._client.get(f"{elsewhere.url}/v1/"))
        assert "authorization" not in elsewhere.requests[0].headers
    finally:
        elsewhere.close()


def test_other_keys_of_the_environment_go_nowhere(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_ADMIN_KEY", "OPENAI_WEBHOOK_SECRET"):
        monkeypatch.setenv(name, f"other-{CANARY}")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-plain-0123456789")
    ours = Client(OpenAISettings())
    jobs(ours)
    assert CANARY not in str(loopback.requests)
    assert places(ProviderError("x"), ours) == []


def test_a_key_that_is_changed_meanwhile_is_the_one_that_is_sent(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Client(OpenAISettings())
    jobs(ours)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-renewed-0123456789")
    jobs(ours)
    assert [one.headers["authorization"] for one in loopback.requests] == [
        f"Bearer {CANARY}",
        "Bearer sk-renewed-0123456789",
    ]


def test_an_address_with_a_login_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"https://me:{CANARY}@example.com/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-plain-0123456789")
    with pytest.raises(ConfigError, match="has a login") as refused:
        jobs(Client(OpenAISettings()))
    assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_a_project_may_not_say_where_the_key_goes(tmp_path: Path) -> None:
    Path("ftkit.toml").write_text('[providers.openai]\nbase_url = "https://example.com/v1"\n')
    with pytest.raises(ConfigError, match="may not stand in a project's file"):
        opened()


def test_a_proxy_of_the_environment_is_asked(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://openai.invalid/v1")
    monkeypatch.setenv("HTTP_PROXY", loopback.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    jobs(Client(OpenAISettings()))
    assert loopback.requests[0].target == "http://openai.invalid/v1/fine_tuning/jobs"


def test_certificates_of_the_environment_are_used_and_a_create_without_them_sent_nothing(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "there-is-none.pem"))
    with pytest.raises(NotSent, match="nothing was sent"):
        make(Client(OpenAISettings()))
    assert loopback.requests == []


# --- bodies ---


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_without_end_is_not_read_to_its_end(
    way: str, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Client._hooks
    monkeypatch.setattr(
        Client, "_hooks", lambda self, *given: replace(own(self, *given), max_bytes=10_000)
    )
    loopback.answer = answers(200, {"id": "x" * 20_000})
    with pytest.raises(OutcomeUnknown if way == "create" else ProviderError, match="larger than"):
        WAYS[way](Client(OpenAISettings()))


@pytest.mark.parametrize("way", WAYS)
def test_compression_is_not_asked_for_and_not_taken(way: str, loopback: Loopback) -> None:
    """64 KiB on the wire could be 64 MiB in memory."""
    loopback.answer = answers(200, {"id": "x"}, zipped=True)
    with pytest.raises(OutcomeUnknown if way == "create" else ProviderError, match="not asked for"):
        WAYS[way](Client(OpenAISettings()))
    assert loopback.requests[0].headers["accept-encoding"] == "identity"


def test_a_create_opens_a_connection_of_its_own(loopback: Loopback) -> None:
    ours = Client(OpenAISettings())
    for _ in range(3):
        jobs(ours)
    assert loopback.connections == 1
    loopback.answer = answers(200, {"id": "ftjob-1"})
    make(ours)
    assert loopback.connections == 2


def test_a_submission_a_question_and_a_saved_model_leave_no_key_in_the_home(
    emulator: OpenAIEmulator, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.fault(CREATE, "close", process=True)
    job = submit(name="router").wait(60)
    emulator.refuse(CHAT, "invalid_api_key")
    with pytest.raises(AuthError):
        job.model().chat("question 1")
    job.model().save(home / "router.json")
    held = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert len(held) > 1000 and emulator.api_key.encode() not in held
