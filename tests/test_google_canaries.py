"""The two hundred planted secrets against Google's backend and its real SDK: in nothing that is said, kept or logged.

As test_canaries has it for the stand-in provider: rows are data, and stay what they are. The token that the emulator hands out
is a secret that nobody has planted; it and the key behind it are looked for too. See test_google_secrets.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.canaries_desk import Desk, write_rows
from tests.canaries_planting import LOOKS, environment
from tests.canaries_search import labelled, of
from tests.emulators.google import GoogleEmulator
from tests.google_desk import BASE, CHAT, CREATE, LIST, NOON, lead, opened, reached

SUBMIT = ("submit", "rows.jsonl", "--model", f"google/{BASE}", "--name", "router")
MORE_LOOKS = (("chat", "router", "question 1"), ("chat", "router", "question 1", "--json"))
PLANTED = environment()


@pytest.fixture(scope="module")
def server() -> Iterator[GoogleEmulator]:
    with GoogleEmulator(run_s=0.0, now=NOON) as server:
        yield server


@pytest.fixture
def emulator(
    server: GoogleEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GoogleEmulator:
    """With nothing in it; every secret of the environment is planted, and time costs none."""
    server.reset()
    clock = tmp_path / "now"
    clock.write_text(NOON)
    server.set(now=f"file:{clock}")
    lead(reached(server, tmp_path), monkeypatch)
    for name, secret in PLANTED.items():
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("FTKIT_NOW", f"file:{clock}")
    return server


def refusal(code: int, message: str) -> str:
    return json.dumps({"error": {"code": code, "message": message, "status": "BAD"}})


def careless(emulator: GoogleEmulator) -> None:
    """The provider refuses with bodies that name secrets it has seen."""
    said = "; ".join(labelled(canary) for canary in of("error_body"))
    known = "; ".join(PLANTED.values())
    emulator.fault("GET objects", "reply", status=403, body=refusal(403, known))
    emulator.fault(LIST, "reply", status=401, body=refusal(401, known))
    emulator.fault(CREATE, "reply", status=400, body=refusal(400, said))
    emulator.fault(CREATE, "reply", status=500, body=f"<html>{known}; {said}</html>")


def whole_life(desk: Desk, emulator: GoogleEmulator, looks: Sequence[tuple[str, ...]]) -> None:
    """Refusals, a lost create that is settled, a model that answers badly, a job that fails, and every way to look."""
    for way in (desk.run, desk.here, desk.run, desk.here):
        way("--debug", *SUBMIT)
    desk.here("job", "settle", "router", "--not-created")
    assert desk.here(*SUBMIT, "--json") == 0
    assert desk.here("job", "wait", "router") == 0
    secrets = [*(labelled(canary) for canary in of("provider_event")), *PLANTED.values()]
    for number, status in enumerate((400, 403, 500)):
        emulator.fault(CHAT, "reply", status=status, body=refusal(status, "; ".join(secrets)))
        (desk.here if number else desk.run)("--debug", *MORE_LOOKS[number % 2])
    emulator.set(run_s=3600)
    assert desk.here(*SUBMIT, "--epochs", "1") == 0
    emulator.patch_job(_newest(), state="JOB_STATE_FAILED")
    error = {"code": 3, "message": "; ".join(secrets)}
    emulator.fault("GET tuningJobs/ID", "patch", fields={"error": error}, times=None)
    desk.run("--debug", "job", "events", "router")
    for look in looks:
        desk.here(*look)


def _newest() -> str:
    training = opened().training
    assert training is not None
    return str(next(iter(training.listing())).id)  # type: ignore[attr-defined]


def test_a_whole_life_with_a_careless_provider_shows_no_secret(
    emulator: GoogleEmulator, home: Path, tmp_path: Path
) -> None:
    write_rows()
    desk = Desk(tmp_path)
    careless(emulator)
    whole_life(desk, emulator, [*LOOKS, *MORE_LOOKS])
    search = desk.result(home)
    assert search.found() == {}
    for output in ("in this process", "stdout", "stderr", "log at DEBUG", "ledger", "spool"):
        assert search.size(output) > 500, output
    assert search.said("log at DEBUG", b"httpx2", b"httpcore2", b"google.auth", b"urllib3")
    key = json.loads((tmp_path / f"{emulator.project}.json").read_text())["private_key"]
    assert not search.said("log at DEBUG", key.splitlines()[5].encode())
    assert not search.said("log at DEBUG", b"Bearer ")


@pytest.mark.torture
def test_without_redaction_the_same_life_is_seen_to_leak(
    emulator: GoogleEmulator, home: Path, tmp_path: Path
) -> None:
    write_rows()
    desk = Desk(tmp_path, "nothing is redacted")
    careless(emulator)
    for _ in range(3):
        desk.run(*SUBMIT)
    found = desk.result(home).found()
    for place, output in (
        ("environment", "stderr"),
        ("error_body", "stderr"),
        ("error_body", "ledger"),
    ):
        assert found.get((place, output)), (place, output)


def test_a_secret_in_a_row_is_in_the_data_and_in_no_message(
    emulator: GoogleEmulator, home: Path, tmp_path: Path
) -> None:
    write_rows(secrets=of("dataset_row"))
    desk = Desk(tmp_path)
    assert desk.here("--debug", *SUBMIT) == 3  # FT401: what looks like credentials is not uploaded
    assert desk.run("--debug", *SUBMIT, "--allow", "FT401") == 0
    for look in (*LOOKS, *MORE_LOOKS):
        desk.here(*look)
    search = desk.result(home)
    assert {output for _, output in search.found()} == {"spool"}
    assert len(search.found()["dataset_row", "spool"]) == len(of("dataset_row"))
