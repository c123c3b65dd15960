"""The two hundred planted secrets against OpenAI's backend and its real SDK: in nothing that is said, kept or logged.

As test_canaries has it for the stand-in provider: rows and the words of a rescue are data, and stay what they are. The
key that the emulator takes is a planted one too. Keys, headers, addresses and objects: test_openai_canaries_requests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.canaries_desk import Desk, write_rows
from tests.canaries_planting import LOOKS, environment
from tests.canaries_search import Search, labelled, of
from tests.emulators.openai import OpenAIEmulator
from tests.emulators.openai.driving import ask
from tests.openai_desk import BASE, CHAT, CREATE, EVENTS, LIST, NOON

SUBMIT = (
    *("submit", "rows.jsonl", "--model", f"openai/{BASE}"),
    *("--name", "router", "--allow-retiring"),
)
MORE_LOOKS = (
    ("doctor",),
    ("chat", "router", "question 1"),
    ("chat", "router", "question 1", "--json"),
)
PLANTED = environment()
KEY = PLANTED["OPENAI_API_KEY"]


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIEmulator]:
    with OpenAIEmulator(run_s=0.0, now=NOON, accounts={KEY: "org-acme/proj-main"}) as server:
        yield server


@pytest.fixture
def emulator(
    server: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> OpenAIEmulator:
    """With nothing in it; every secret of the environment is planted, and time costs none."""
    server.reset()
    clock = tmp_path / "now"
    clock.write_text(NOON)
    server.set(now=f"file:{clock}")
    for name, secret in PLANTED.items():
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("FTKIT_NOW", f"file:{clock}")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return server


def refusal(message: str) -> str:
    return json.dumps({"error": {"message": message, "type": "bad", "code": "bad", "param": None}})


def careless(emulator: OpenAIEmulator) -> None:
    """The provider refuses with bodies that name secrets it has seen."""
    said = "; ".join(labelled(canary) for canary in of("error_body"))
    known = "; ".join(PLANTED.values())
    emulator.fault(LIST, "reply", status=401, body=refusal(f"Incorrect API key provided: {KEY}"))
    emulator.fault("GET /v1/models/ID", "reply", status=403, body=refusal(known))
    emulator.fault("GET /v1/fine_tuning/model_limits", "reply", status=418, body=refusal(known))
    for status, text in ((400, said), (429, known), (422, known)):
        emulator.fault(CREATE, "reply", status=status, body=refusal(text))
    emulator.fault(CREATE, "reply", status=500, body=f"<html>{known}; {said}</html>")


def whole_life(desk: Desk, emulator: OpenAIEmulator, looks: Sequence[tuple[str, ...]]) -> None:
    """Refusals, a lost create that is settled, a model that answers badly, a job that fails, and every way to look."""
    for prefix in (["--debug"], [], ["--debug"], [], ["--debug"]):
        desk.run(*prefix, *SUBMIT)
    desk.soon("job", "settle", "router")
    desk.soon("job", "settle", "router", "--not-created")
    assert desk.run(*SUBMIT, "--json") == 0
    assert desk.soon("job", "wait", "router") == 0
    secrets = [*(labelled(canary) for canary in of("provider_event")), *PLANTED.values()]
    for number, status in enumerate((400, 401, 403, 500)):
        echo = refusal(secrets[number]) if status == 400 else refusal("; ".join(secrets))
        emulator.fault(CHAT, "reply", status=status, body=echo)
        desk.run("--debug", *MORE_LOOKS[1 + number % 2])
    emulator.set(run_s=3600)
    event = {"id": "ftevent-1", "object": "fine_tuning.job.event", "created_at": 1795000000}
    event |= {"level": "error", "message": "; ".join(secrets), "data": {"seen": secrets}}
    page = json.dumps({"object": "list", "data": [event], "has_more": False})
    emulator.fault(EVENTS, "reply", status=200, body=page, times=None)
    assert desk.soon(*SUBMIT, "--seed", "1") == 0
    job = ask(emulator, "GET", "/v1/fine_tuning/jobs?limit=1", key=KEY).json["data"][0]["id"]
    emulator.patch_job(job, status=f"failing with {secrets[1]} and {secrets[-1]}")
    desk.soon("job", "show", "router")
    error = {"code": "bad", "message": "; ".join(secrets), "param": None}
    emulator.patch_job(job, status="failed", error=error)
    desk.run("--debug", "job", "events", "router")
    for look in looks:
        desk.soon(*look)


def put_rescued(search: Search, to: Path) -> None:
    """What a rescue holds: OpenAI's own words in `jobs` and `files`, and pages of ftkit's."""
    for path in (path for path in to.rglob("*") if path.is_file()):
        words = path.relative_to(to).parts[0] in ("jobs", "files")
        search.put("rescued words" if words else "page of a rescue", path.read_bytes())


def test_a_whole_life_with_a_careless_provider_shows_no_secret(
    emulator: OpenAIEmulator, home: Path, tmp_path: Path
) -> None:
    write_rows()
    desk, to = Desk(tmp_path), tmp_path / "rescued"
    careless(emulator)
    whole_life(desk, emulator, [*LOOKS, *MORE_LOOKS])
    desk.run("--debug", "rescue", "openai", "--to", str(to))
    desk.here("rescue", "openai", "--to", str(to), "--json")
    put_rescued(desk.search, to)
    search = desk.result(home)
    found = {where: names for where, names in search.found().items() if where[1] != "rescued words"}
    assert found == {}
    for output in ("stdout", "stderr", "log at DEBUG", "ledger", "spool", "page of a rescue"):
        assert search.size(output) > 1000, output
    assert search.said("log at DEBUG", b"DEBUG:openai._base_client", b"httpx2", b"httpcore2")


def test_without_redaction_the_same_life_is_seen_to_leak_everywhere(
    emulator: OpenAIEmulator, home: Path, tmp_path: Path
) -> None:
    write_rows()
    desk = Desk(tmp_path, "nothing is redacted")
    careless(emulator)
    whole_life(desk, emulator, LOOKS[3:7:3])
    found = desk.result(home).found()
    for place in ("environment", "error_body", "provider_event"):
        for output in ("stdout", "stderr", "ledger"):
            if (place, output) != ("error_body", "stdout"):
                assert found.get((place, output)), (place, output)


def test_a_secret_in_a_row_is_in_the_data_and_in_no_message(
    emulator: OpenAIEmulator, home: Path, tmp_path: Path
) -> None:
    write_rows(secrets=of("dataset_row"))
    desk = Desk(tmp_path)
    for verb in ("check", "estimate"):
        desk.here("--debug", verb, "rows.jsonl", "--model", f"openai/{BASE}")
    assert desk.run("--debug", *SUBMIT) == 3  # FT401: what looks like credentials is not uploaded
    assert desk.run(*SUBMIT, "--allow", "FT401") == 0
    for look in (*LOOKS, *MORE_LOOKS):
        desk.here(*look)
    search = desk.result(home)
    assert {output for _, output in search.found()} == {"spool"}
    assert len(search.found()["dataset_row", "spool"]) == len(of("dataset_row"))
