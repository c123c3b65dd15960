"""What `ftkit doctor` tells of providers: what runs there and costs money, what was left over, and never a key."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

import ftkit
from ftkit.backend import Backend
from ftkit.cli.main import app
from ftkit.diagnosis import asking, examining, report, wording
from ftkit.errors import FtkitError, OutcomeUnknown
from ftkit.registry import open_backend, replaced
from ftkit.testing import HostedProvider
from ftkit.types import Diagnosis
from tests.faults.canaries import CANARIES, find_canaries

ROWS = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(12)]
KEY = "FTKIT_FAKE_API_KEY"


@pytest.fixture(autouse=True)
def without_devices_and_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftkit_local.hardware.devices", list)
    monkeypatch.setattr(examining, "NETWORK_LIMIT_S", 60.0)  # a busy machine is no silent provider
    monkeypatch.delenv("FTKIT_NOW", raising=False)


@pytest.fixture(scope="module")
def server() -> Iterator[HostedProvider]:
    with HostedProvider(run_s=1000.0, echo_credentials=True) as provider:
        yield provider


@pytest.fixture
def provider(server: HostedProvider, monkeypatch: pytest.MonkeyPatch) -> HostedProvider:
    server.reset()
    monkeypatch.setenv("FTKIT_FAKE_URL", server.url)
    monkeypatch.setenv(KEY, server.api_key)
    return server


def test_a_provider_has_its_parts_and_the_name_of_its_variable(provider: HostedProvider) -> None:
    (fake,) = [one for one in ftkit.doctor().providers if one.instance == "fake"]
    assert (fake.access, fake.parts) == ("ready", ("pricing", "training", "hosting", "inference"))
    assert [(one.variable, one.found) for one in fake.credentials] == [(KEY, True)]
    assert f"{KEY} is set" in str(ftkit.doctor())


def test_the_text_fits_a_terminal_and_does_not_name_the_user(
    provider: HostedProvider, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home.parent))
    ftkit.submit(ROWS, "fake/small", max_cost_usd=1)
    text = str(ftkit.doctor())
    assert [line for line in text.splitlines() if len(line) > 100] == []
    assert str(home.parent) not in text and "~/home" in text


# --- what costs money now ---


def test_running_deployments_are_listed_with_their_price_and_whose_they_are(
    provider: HostedProvider,
) -> None:
    backend = open_backend("fake", ftkit.config.settings())
    assert backend.hosting and backend.inference
    with ftkit.model("fake/dedicated").deployed(max_cost_usd=9):
        backend.hosting.start(backend.inference.record("dedicated"), "somebody-else")
        job = ftkit.submit(ROWS, "fake/small", max_cost_usd=1)
        found = ftkit.doctor()
    costs = found.costs
    assert costs.asked == ("fake",)
    assert costs.usd_per_hour == 6
    assert sorted((charge.id, charge.ours) for charge in costs.deployments) == [
        ("dep-1", True), ("dep-2", False),
    ]  # fmt: skip
    (running,) = [charge for charge in costs.charges if charge.kind == "job"]
    assert (running.id, running.model) == (job.id, "fake/small")
    assert running.usd is not None and running.usd > 0
    assert found.ok  # that something costs money is no problem
    backend.hosting.stop("dep-2")
    after = ftkit.doctor().costs
    assert (after.deployments, after.usd_per_hour) == ((), 0)


def test_two_instances_of_one_account_count_once(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "own.toml"
    config.write_text("[providers.twin]\nbackend = 'fake'\n")
    monkeypatch.setenv("FTKIT_CONFIG", str(config))
    with ftkit.model("fake/dedicated").deployed(max_cost_usd=9):
        costs = ftkit.doctor().costs
    assert (costs.asked, costs.usd_per_hour) == (("fake", "twin"), 3)


def test_offline_asks_nobody_and_tells_what_the_ledger_knows(provider: HostedProvider) -> None:
    with ftkit.model("fake/dedicated").deployed(max_cost_usd=9):
        before = provider.counts()["requests"]
        costs = ftkit.doctor(offline=True).costs
        assert provider.counts()["requests"] == before
    assert (costs.asked, set(costs.not_asked.values())) == ((), {"offline"})
    (charge,) = costs.charges
    assert (charge.id, charge.source, charge.usd_per_hour) == ("dep-1", "ledger", 3)


def test_work_on_ones_own_machine_costs_nobody_anything() -> None:
    ftkit.submit(ROWS, "fake-runs/tiny", hyperparameters={"max_steps": 1})
    found = ftkit.doctor()
    assert (found.ledger.jobs, found.costs.charges) == (1, ())


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"action": "hang", "seconds": 5.0}, "no answer within"),
        ({"action": "close"}, "no answer"),
        ({"action": "reply", "status": 503, "body": "{}"}, "503"),
        ({"action": "reply", "status": 200, "body": '{"data": [{"id": 3}]}'}, "fake"),
    ],
)
def test_a_provider_that_does_not_answer_is_a_notice_with_the_reason(
    fault: dict[str, Any],
    words: str,
    provider: HostedProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if fault["action"] == "hang":
        monkeypatch.setattr(examining, "NETWORK_LIMIT_S", 0.5)
    provider.fault("GET /v1/deployments", times=None, **fault)
    found = ftkit.doctor()
    assert found.ok and found.costs.asked == ()
    assert words in found.notices[0].what
    assert "fake could not be asked what runs there" in found.notices[0].what


def test_whatever_a_backend_raises_becomes_a_reason_with_its_type(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def running(hosting: object) -> None:
        raise RuntimeError("fell over")

    monkeypatch.setattr("ftkit.testing.fake_backend.hosting.FakeHosting.running", running)
    assert ftkit.doctor().costs.not_asked["fake"] == "RuntimeError: fell over"


# --- work that was left over ---


def test_an_unsettled_job_is_a_notice_with_the_command_that_settles_it(
    provider: HostedProvider,
) -> None:
    provider.set(unlisted=True)
    provider.fault("POST /v1/jobs", "close", process=True)
    with pytest.raises(OutcomeUnknown):
        ftkit.submit(ROWS, "fake/small", max_cost_usd=1)
    (job,) = ftkit.jobs()
    found = ftkit.doctor()
    assert found.ok and found.notices[0].todo == f"ftkit job settle {job.id}"
    assert "may be billed" in found.notices[0].what
    assert found.costs.charges == ()  # what is not known to be there is not counted
    provider.set(unlisted=False)
    job.settle()
    assert ftkit.doctor().notices == ()


def test_an_unsettled_deployment_is_a_notice_with_the_command_that_settles_it(
    provider: HostedProvider,
) -> None:
    provider.set(unlisted=True)
    provider.fault("POST /v1/deployments", "close", process=True)
    with (
        pytest.raises(OutcomeUnknown),
        ftkit.model("fake/dedicated").deployed(max_cost_usd=9),
    ):
        raise AssertionError("it must not be taken for running")
    (notice,) = ftkit.doctor().notices
    assert "fake/dedicated" in notice.what and "USD an hour" in notice.what
    assert notice.todo.startswith("ftkit hosting settle ftk")


def test_a_hint_names_only_commands_that_exist() -> None:
    folder = Path(examining.__file__).parent
    sources = "".join(file.read_text() for file in folder.glob("*.py"))
    named = set(re.findall(r"ftkit ((?:jobs?|hosting|config)(?: [a-z-]+)?)", sources))
    assert {"job settle", "job go-on", "hosting settle", "hosting stop"} <= named
    for words in named:
        assert CliRunner().invoke(app, [*words.split(), "--help"]).exit_code == 0, words


def test_a_job_that_was_never_sent_is_a_notice_with_the_command_that_finishes_it(
    provider: HostedProvider,
) -> None:
    provider.fault("POST /v1/files", "close", times=None)
    with pytest.raises(FtkitError):
        ftkit.submit(ROWS, "fake/small", max_cost_usd=1)
    (job,) = ftkit.jobs()
    found = ftkit.doctor()
    assert found.ok and "nothing was paid" in found.notices[0].what
    assert found.notices[0].todo == f"ftkit job go-on {job.id} finishes it"


# --- credentials ---


def spread(found: Diagnosis) -> bytes:
    """Everything in which a report can be passed on."""
    return f"{found}\n{json.dumps(found.to_dict())}\n{found!r}".encode()


def test_keys_that_are_set_wrong_or_repeated_by_a_provider_are_shown_nowhere(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_liners = [c for c in CANARIES if c.place == "environment" and c.kind != "pem"]
    for canary in one_liners:
        monkeypatch.setenv(KEY, canary.secret)  # the provider refuses it and repeats it
        found = ftkit.doctor()
        assert "401" in str(found), canary.name
        assert find_canaries(spread(found)) == []
    monkeypatch.setenv(KEY, f"{one_liners[0].secret}\n{one_liners[1].secret}")
    found = ftkit.doctor()
    assert "holds characters that no key has" in str(found) and not found.ok
    assert find_canaries(spread(found)) == []


def test_keys_that_somebody_wrote_into_a_configuration_are_shown_nowhere(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "own.toml"
    monkeypatch.setenv("FTKIT_CONFIG", str(file))
    planted = [c for c in CANARIES if c.place in ("config_file", "base_url_userinfo", "url_query")]
    for number, canary in enumerate(planted):
        quoted = quote(canary.secret, safe="")
        setting = (
            f"api_key = {json.dumps(canary.secret)}",
            f"api_key_env = {json.dumps(canary.secret)}",
            f"url = 'https://me:{quoted}@example.org/v1'",
            f"url = '{provider.url}/?key={quoted}'",
        )[number % 4]
        file.write_text(f"[providers.mine]\nbackend = 'fake'\n{setting}\n")
        found = ftkit.doctor()
        assert found.problems or "mine" in found.costs.not_asked, setting
        assert find_canaries(spread(found)) == []


@pytest.mark.parametrize("hidden", [True, False])
def test_a_key_in_a_strangers_error_is_hidden_and_would_be_seen(
    hidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = next(c for c in CANARIES if c.place == "error_body" and c.kind == "openai_project")
    monkeypatch.setenv("STRANGE_API_KEY", secret.secret)

    def open(instance: str, settings: object) -> Backend:
        raise RuntimeError(f"cannot log in with {os.environ['STRANGE_API_KEY']}")

    if not hidden:
        for module in (asking, report, wording):
            monkeypatch.setattr(module, "redact", str)
    with replaced(open):
        found = ftkit.doctor()
    assert "cannot log in with" in str(found)
    assert find_canaries(spread(found)) == ([] if hidden else [secret])
