"""Google's token and the key behind it go to Google and nowhere else: not into objects, errors, logs or frames.

The token is fetched with a service account's key from a server that answers as a test says.
"""

from __future__ import annotations

import json
import pickle
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ftkit import config, patience
from ftkit.backend import NotSent, OutcomeUnknown, Unavailable
from ftkit.errors import AuthError, ConfigError, FtkitError, ProviderError
from ftkit.http.sdk.hooks import Hooks
from ftkit_google import GoogleSettings
from ftkit_google.client import Client
from ftkit_google.storage import Bucket
from tests.canaries_objects import frames, listening
from tests.emulators.google import GoogleEmulator
from tests.google_desk import CHAT, CREATE, lead, opened, reached, submit
from tests.google_ways import WAYS, client, job, make
from tests.loopback import Answer, Loopback, Request, answers, raw, sends

pytest_plugins = ("tests.google_fixtures",)

# of a format that nobody knows, so that only its being the token can hide it
CANARY = "canary-9f3b7c1e5d2a8064-wing"
ECHO = {"error": {"code": 401, "message": f"bad token {CANARY}", "status": f"NO_{CANARY}"}}
ANSWERS: dict[str, Answer] = {
    "401 that repeats the token": answers(401, ECHO),
    "500 that repeats the token": answers(500, CANARY.encode()),
    "page that repeats the token": answers(200, f"<html>{CANARY}</html>".encode()),
    "nothing": sends(b""),
    "garbage": sends(b"\x00\x01 no http"),
    "half": sends(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"name"'),
}


class Told(Loopback):
    """Gives the canary as token, and to everything else the answer of a test."""

    def __init__(self) -> None:
        self.other: Answer = answers(200, {})
        self.token: Answer = answers(200, {"access_token": CANARY, "expires_in": 3600})
        super().__init__(self._first)

    def _first(self, connection: socket.socket, request: Request) -> bool:
        chosen = self.token if request.target.endswith("/token") else self.other
        return chosen(connection, request)

    @property
    def asked(self) -> list[Request]:
        """All but the requests for a token."""
        return [one for one in self.requests if not one.target.endswith("/token")]


@pytest.fixture
def loopback(
    google_server: GoogleEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Told]:
    """A server to which "google" leads; `key.json` holds the key of an account of its own."""
    server = Told()
    variables = reached(google_server, tmp_path)
    file = Path(variables["GOOGLE_APPLICATION_CREDENTIALS"])
    file.write_text(json.dumps(json.loads(file.read_text()) | {"token_uri": f"{server.url}/token"}))
    here = {"GOOGLE_VERTEX_BASE_URL": server.url, "STORAGE_EMULATOR_HOST": server.url}
    lead(variables | here, monkeypatch)
    patience._budgets.clear()
    monkeypatch.setattr("ftkit.asking.patient._TWICE", 1)  # no question is asked again
    monkeypatch.setattr("ftkit.asking.patient.TRIES", 1)
    yield server
    server.close()


@pytest.fixture
def logs() -> Iterator[Callable[[], str]]:
    with listening() as said:
        yield said


def private_key() -> str:
    import os

    key = json.loads(Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())["private_key"]
    return str(key).splitlines()[5]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("way", WAYS)
def test_no_error_log_or_frame_shows_the_token(
    way: str, answer: str, loopback: Told, logs: Callable[[], str]
) -> None:
    loopback.other = ANSWERS[answer]
    ours, key = client(), private_key()
    with pytest.raises(FtkitError) as failed:
        WAYS[way](ours)
    assert CANARY in loopback.asked[0].headers["authorization"]
    error = failed.value
    said = "".join((str(error), repr(error), repr(pickle.dumps(error)), frames(error), logs()))
    assert CANARY not in said and key not in said
    assert CANARY not in repr(ours)


def test_the_search_sees_a_token_that_is_shown(loopback: Told, logs: Callable[[], str]) -> None:
    """A judge that sees nothing proves nothing."""
    job(ours := client())
    header = ours._credentials.header()
    assert CANARY in frames(_failing(header))


def _failing(header: Any) -> BaseException:
    try:
        code = compile("raise ValueError", "/ftkit_google/x.py", "exec")
        exec(code, {}, {"h": header})  # noqa: S102 - a frame of a file of that name
    except ValueError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize("status", [301, 307, 308])
@pytest.mark.parametrize("way", WAYS)
def test_no_redirect_is_followed_and_so_no_token_leaves(
    way: str, status: int, loopback: Told
) -> None:
    elsewhere = Loopback(answers(200, {}))
    try:
        loopback.other = sends(raw(status, Location=f"{elsewhere.url}/v1/x"))
        with pytest.raises(OutcomeUnknown if way == "create" else ProviderError):
            WAYS[way](client())
        assert (len(loopback.asked), elsewhere.requests) == (1, [])
    finally:
        elsewhere.close()


def test_the_hook_adds_the_token_for_its_own_host_only() -> None:
    import httpx2

    hooks = Hooks(lambda: {"Authorization": CANARY}, ("https", "a.test", 443), None)
    for host, there in (("a.test", True), ("b.test", False), ("a.test.b.test", False)):
        request = httpx2.Request("GET", f"https://{host}/", headers={"authorization": "Bearer x"})
        hooks.request(request)
        assert (request.headers.get("authorization") == CANARY) is there


def test_rows_do_not_follow_an_uploads_address_to_another_host(
    loopback: Told, tmp_path: Path
) -> None:
    elsewhere = Loopback(answers(200, {}))

    def begins(connection: socket.socket, request: Request) -> bool:
        there = answers(404, {"error": {"code": 404, "message": "no"}})
        begun = answers(200, {}, Location=f"{elsewhere.url}/upload?id=1")
        return (begun if request.method == "POST" else there)(connection, request)

    loopback.other = begins
    (file := tmp_path / "rows").write_text("{}\n")
    try:
        with pytest.raises(ProviderError, match="leads to another host"):
            Bucket(client(), GoogleSettings()).upload(file, "0" * 64)
        assert elsewhere.requests == []
    finally:
        elsewhere.close()


# --- the token itself ---

REFUSED = {"error": "invalid_grant", "error_description": f"account not found: {CANARY}"}


@pytest.mark.parametrize("way", WAYS)
def test_a_token_that_is_refused_means_that_nothing_was_sent(
    way: str, loopback: Told, logs: Callable[[], str]
) -> None:
    loopback.token = answers(400, REFUSED)
    key = private_key()
    with pytest.raises(AuthError, match="gives no token") as failed:
        WAYS[way](client())
    assert loopback.asked == []
    assert key not in frames(failed.value) + logs()


def test_a_token_that_cannot_be_fetched_now_is_no_refusal(
    loopback: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda seconds: None)
    loopback.token = answers(503, {"error": "unavailable"})
    with pytest.raises(NotSent):
        make(client())
    with pytest.raises(Unavailable):
        job(client())
    assert loopback.asked == []


def test_a_token_is_fetched_once_and_again_when_it_was_refused(loopback: Told) -> None:
    ours = client()
    for _ in range(3):
        job(ours)
    tokens = [one for one in loopback.requests if one.target.endswith("/token")]
    assert (len(tokens), len(loopback.asked)) == (1, 3)
    loopback.other = answers(401, ECHO)
    with pytest.raises(AuthError):
        job(ours)
    loopback.other = answers(200, {})
    job(ours)
    assert len([one for one in loopback.requests if one.target.endswith("/token")]) == 2


def test_a_create_opens_a_connection_of_its_own(loopback: Told) -> None:
    ours = client()
    for _ in range(3):
        job(ours)
    before = loopback.connections
    loopback.other = answers(200, {"name": "x"})
    make(ours)
    assert loopback.connections == before + 1


@pytest.mark.parametrize("key", ["GOOGLE_API_KEY", "GEMINI_API_KEY"])
def test_an_api_key_alone_is_told_what_to_set_up(
    key: str, google: GoogleEmulator, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(home))
    monkeypatch.setenv(key, "AIzaSyA-not-a-key-0123456789abcdefghijkl")
    with pytest.raises(AuthError) as refused:
        submit()
    said = str(refused.value)
    for word in (key, "takes no API key", "gcloud auth application-default login"):
        assert word in said
    assert "GOOGLE_CLOUD_PROJECT" in said and "AIza" not in said
    assert google.counts()["requests"] == {}


def test_without_any_credentials_the_same_is_said_without_a_key(
    google: GoogleEmulator, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(home))
    with pytest.raises(AuthError, match="GOOGLE_APPLICATION_CREDENTIALS name the key file"):
        submit()
    assert google.counts()["requests"] == {}


# --- settings ---


@pytest.mark.parametrize("name", ["endpoint", "storage_endpoint", "bucket", "credentials_env"])
def test_a_projects_file_may_not_say_where_rows_and_tokens_go(name: str, home: Path) -> None:
    Path("ftkit.toml").write_text(f'[providers.google]\nbackend = "google"\n{name} = "x"\n')
    with pytest.raises(ConfigError, match="may not stand in a project's file"):
        config.settings()


def test_a_client_and_a_backend_hold_no_token_that_can_be_pickled(google: GoogleEmulator) -> None:
    backend = opened()
    assert backend.training is not None
    backend.training.find("ftkaaaaaaaaaaaaa1")
    with pytest.raises(TypeError):
        pickle.dumps(backend.training)


def test_a_submission_a_question_and_a_saved_model_leave_no_key_in_the_home(
    google: GoogleEmulator, home: Path
) -> None:
    google.fault(CREATE, "close", process=True)
    done = submit(name="router").wait(7200)
    google.refuse(CHAT, "UNAUTHENTICATED")
    with pytest.raises(AuthError):
        done.model().chat("question 1")
    done.model().save(home / "router.json")
    held = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert len(held) > 1000 and private_key().encode() not in held


def test_the_client_shows_nothing(loopback: Told) -> None:
    job(ours := client())
    assert CANARY not in f"{ours!r} {ours}"
    assert isinstance(ours, Client)
