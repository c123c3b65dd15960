"""The planted secrets against Azure's backend, both planes: in nothing that is said, kept or logged.

As test_openai_canaries has it, with deployments: the key and the control plane's token are planted ones, and each plane
refuses with bodies that name secrets it has seen. A sample; what the two backends share is judged there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ftkit
from tests.azure_desk import (
    BASE,
    CHAT,
    CREATE,
    DEPLOYMENTS,
    LIST,
    NOON,
    OWN_VARIABLES,
    PUT,
    configure,
)
from tests.canaries_desk import Desk, write_rows
from tests.canaries_planting import LOOKS, environment
from tests.canaries_search import labelled, of
from tests.emulators.azure import AzureEmulator
from tests.emulators.azure.driving import deploy
from tests.emulators.azure.records import Site
from tests.test_openai_canaries import refusal

SUBMIT = ("submit", "rows.jsonl", "--model", f"azure/{BASE}", "--name", "router")
PLANTED = environment()
KEY = PLANTED["AZURE_OPENAI_API_KEY"]
TOKEN = PLANTED["SESSION_JWT"]


@pytest.fixture(scope="module")
def server() -> Iterator[AzureEmulator]:
    with AzureEmulator(run_s=0.0, now=NOON, site=Site(api_key=KEY, arm_token=TOKEN)) as server:
        yield server


@pytest.fixture
def emulator(
    server: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AzureEmulator:
    """With nothing in it; every secret of the environment is planted, and time costs none."""
    server.reset()
    clock = tmp_path / "now"
    clock.write_text(NOON)
    server.set(now=f"file:{clock}")
    for name in OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, secret in PLANTED.items():
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("AZURE_MANAGEMENT_TOKEN", TOKEN)
    monkeypatch.setenv("FTKIT_NOW", f"file:{clock}")
    configure(tmp_path, monkeypatch, server)
    return server


def careless(emulator: AzureEmulator) -> None:
    """Each plane refuses with bodies that name secrets it has seen."""
    said = "; ".join(labelled(canary) for canary in of("error_body"))
    known = "; ".join(PLANTED.values())
    emulator.fault(LIST, "reply", status=401, body=refusal(f"Incorrect API key: {KEY}"))
    emulator.fault("GET /openai/v1/models/ID", "reply", status=403, body=refusal(known))
    emulator.fault("GET locations/models", "reply", status=403, body=refusal(known))
    for status, text in ((400, said), (429, known)):
        emulator.fault(CREATE, "reply", status=status, body=refusal(text))
    emulator.fault(CREATE, "reply", status=500, body=f"<html>{known}; {said}</html>")


def whole_life(desk: Desk, emulator: AzureEmulator) -> None:
    """Refusals, a lost create, a model that is not deployed, then badly deployed, and every way to look."""
    known = refusal("; ".join(PLANTED.values()))
    for prefix in (["--debug"], [], ["--debug"], []):
        desk.run(*prefix, *SUBMIT)
    desk.soon("job", "settle", "router")
    desk.soon("job", "settle", "router", "--not-created")
    assert desk.run(*SUBMIT, "--json") == 0
    assert desk.soon("job", "wait", "router") == 0
    desk.soon("chat", "router", "question 1")
    for status in (400, 401, 500):
        emulator.fault(PUT, "reply", status=status, body=known, times=2)
        with pytest.raises(ftkit.errors.FtkitError) as refused:  # noqa: SIM117
            with ftkit.model("router").deployed(max_cost_usd=5):
                pass
        desk.search.put("stderr", str(refused.value).encode())
    deploy(emulator, "standing", ftkit.model("router").record.native)
    emulator.fault(CHAT, "reply", status=400, body=known)
    desk.run("--debug", "chat", "router", "question 1")
    emulator.fault(DEPLOYMENTS, "reply", status=403, body=known)
    desk.run("--debug", "hosting", "azure")
    desk.soon("hosting", "azure", "--json")
    for look in (*LOOKS, ("doctor",)):
        desk.soon(*look)


def test_a_whole_life_with_careless_planes_shows_no_secret(
    emulator: AzureEmulator, home: Path, tmp_path: Path
) -> None:
    write_rows()
    desk = Desk(tmp_path)
    careless(emulator)
    whole_life(desk, emulator)
    search = desk.result(home)
    assert search.found() == {}
    for output in ("in this process", "stderr", "log at DEBUG", "ledger"):
        assert search.size(output) > 1000, output
    assert search.said("log at DEBUG", b"httpx2", b"httpcore.")


@pytest.mark.torture
def test_without_redaction_the_same_life_is_seen_to_leak(
    emulator: AzureEmulator, home: Path, tmp_path: Path
) -> None:
    write_rows()
    desk = Desk(tmp_path, "nothing is redacted")
    careless(emulator)
    for prefix in (["--debug"], [], ["--debug"], []):
        desk.run(*prefix, *SUBMIT)
    found = desk.result(home).found()
    for place in ("environment", "error_body"):
        assert found.get((place, "stderr")), place
