"""Two hundred secrets, planted where users and providers leave them, stand in nothing that the command says or keeps.

The commands run in processes of their own, every logger at DEBUG and into a file. Rows are the data: what is in one is
in the spooled file, and in no message. Objects, logs of the library and tracebacks: test_canaries_objects; addresses
and configurations: test_canaries_config; processes that ftkit starts: test_canaries_children.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ftkit.testing import HostedProvider
from tests.canaries_desk import SUBMIT, Desk, write_rows
from tests.canaries_planting import LOOKS, environment
from tests.canaries_search import labelled, of


@pytest.fixture(scope="module")
def provider() -> Iterator[HostedProvider]:
    with HostedProvider(run_s=0.0, echo_credentials=True) as server:
        yield server


def careless(provider: HostedProvider) -> None:
    """The provider refuses with bodies, and reports a job, that name secrets it has seen."""
    said = "; ".join(labelled(canary) for canary in of("error_body"))
    known = "; ".join(canary.secret for canary in of("environment"))
    for status, text in ((400, said), (401, known), (422, known)):
        body = json.dumps({"error": {"code": "bad", "message": text}})
        provider.fault("POST /v1/jobs", "reply", status=status, body=body)
    provider.fault("POST /v1/jobs", "reply", status=500, body=f"<html>{known}</html>")
    provider.fault("GET /v1/limits", "reply", status=418, body=json.dumps({"detail": known}))


def whole_life(
    desk: Desk,
    provider: HostedProvider,
    more: Mapping[str, str],
    looks: Sequence[tuple[str, ...]] = LOOKS,
) -> None:
    """Refusals, a lost create that is settled, a job that fails, and every way to look at it."""
    for prefix in ([], ["--debug"], [], ["--debug"], []):
        desk.run(*prefix, *SUBMIT, **more)
    desk.run("job", "settle", "router", **more)
    desk.run("job", "settle", "router", "--not-created", **more)
    assert desk.run(*SUBMIT, "--json", **more) == 0
    secrets = [labelled(canary) for canary in of("provider_event")]
    secrets += [canary.secret for canary in of("environment")]
    event = {"id": 1, "created_at": 1795000000, "type": "step", "message": "; ".join(secrets)}
    data: dict[str, Any] = {"note": secrets[0], "seen": {"headers": secrets}}
    page = json.dumps({"data": [{**event, "data": data}]})
    provider.fault("GET /v1/jobs/ID/events", "reply", times=None, body=page)
    provider.set(run_seconds=3600)
    assert desk.run(*SUBMIT, "--seed", "1", **more) == 0
    job = f"job-{provider.counts()['jobs']}"
    provider.patch_job(job, status=f"failing with {secrets[1]} and {secrets[-1]}")
    desk.run("job", "show", "router", **more)
    provider.patch_job(job, status="failed", error="; ".join(secrets))
    for look in looks:
        desk.run(*look, **more)


def test_a_whole_life_with_a_careless_provider_shows_no_secret(
    provider: HostedProvider, home: Path, tmp_path: Path
) -> None:
    provider.reset()
    write_rows()
    desk, planted = Desk(tmp_path), environment()
    assert len(planted) == len(of("environment"))
    rejected = desk.run(*SUBMIT, FTKIT_FAKE_URL=provider.url, **planted)
    assert rejected == 3  # this key is none of the provider's, and its answer repeats it
    careless(provider)
    planted["FTKIT_FAKE_API_KEY"] = provider.api_key
    whole_life(desk, provider, {"FTKIT_FAKE_URL": provider.url, **planted})
    search = desk.result(home)
    assert search.found() == {}
    for output in ("stdout", "stderr", "log at DEBUG", "ledger", "spool"):
        assert search.size(output) > 1000, output


def test_without_redaction_the_same_life_is_seen_to_leak_everywhere(
    provider: HostedProvider, home: Path, tmp_path: Path
) -> None:
    provider.reset()
    write_rows()
    desk, planted = Desk(tmp_path, "nothing is redacted"), environment()
    careless(provider)
    planted["FTKIT_FAKE_API_KEY"] = provider.api_key
    whole_life(desk, provider, {"FTKIT_FAKE_URL": provider.url, **planted}, LOOKS[3:7:3])
    found = desk.result(home).found()
    for place in ("environment", "error_body", "provider_event"):
        for output in ("stdout", "stderr", "ledger"):
            if (place, output) != ("error_body", "stdout"):
                assert found.get((place, output)), (place, output)


def test_a_secret_in_a_row_is_in_the_data_and_in_no_message(
    provider: HostedProvider, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.reset()
    write_rows(secrets=of("dataset_row"))
    broken = "".join(
        f'{{"prompt": {json.dumps(canary.secret)}, "completion": {end}\n'
        for canary, end in zip(
            of("dataset_row"), ["7}", '"x"', "nul}", '"x"}}', '""}'] * 5, strict=True
        )
    )
    Path("broken.jsonl").write_text(broken)
    desk = Desk(tmp_path)
    monkeypatch.setenv("FTKIT_FAKE_URL", provider.url)
    monkeypatch.setenv("FTKIT_FAKE_API_KEY", provider.api_key)
    for verb in ("check", "estimate", "submit"):
        for data in ("rows.jsonl", "broken.jsonl"):
            desk.here("--debug", verb, data, "--model", "fake/small")
            desk.here(verb, data, "--model", "fake/small", "--json")
    assert desk.run("--debug", *SUBMIT) == 3  # FT401: what looks like credentials is not uploaded
    assert desk.run(*SUBMIT, "--allow", "FT401") == 0
    for look in LOOKS:
        desk.here(*look)
    search = desk.result(home)
    assert {output for _, output in search.found()} == {"spool"}
    assert len(search.found()["dataset_row", "spool"]) == len(of("dataset_row"))
