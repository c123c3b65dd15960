"""What runs by the hour: listed with its cost, stopped by its id, and settled where the answer to its start was lost."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import ftkit
from ftkit import clock
from ftkit.errors import CapabilityError, NotFound, OutcomeUnknown, ProviderError
from ftkit.testing import HostedProvider
from tests.hosted import configure, virtual

START = "POST /v1/deployments"


def left_running(provider: HostedProvider) -> ftkit.types.Deployed:
    """A deployment whose process was killed: nobody stops it."""
    provider.fault("DELETE /v1/deployments/ID", "reply", status=400, body="{}")
    with (
        pytest.raises(ProviderError, match="goes on costing money.*ftkit hosting stop fake/"),
        ftkit.model("fake/dedicated").deployed(),
    ):
        pass
    provider.clear_faults()
    (one,) = ftkit.hosting("fake")
    return one


def lost(provider: HostedProvider) -> ftkit.types.Deployed:
    """A deployment that was started, whose answer was lost, and that the provider does not list."""
    provider.set(unlisted=True)
    provider.fault(START, "close", process=True)
    with (
        pytest.raises(OutcomeUnknown, match="ftkit hosting settle"),
        ftkit.model("fake/dedicated").deployed(),
    ):
        pass
    (one,) = ftkit.hosting("fake")
    return one


def ftkit_command(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ftkit.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def test_what_runs_is_listed_with_its_cost_and_stopped_by_its_id(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual(tmp_path, monkeypatch, provider)
    one = left_running(provider)
    clock.sleep(2 * 3600)
    assert (one.model, one.cost_usd) == ("dedicated", 6)
    assert one.key is not None
    with pytest.raises(NotFound, match=f"no deployment 'other'; running: {one.id}"):
        ftkit.models.stop_deployment("fake/other", ftkit.config.settings())
    one.stop()
    assert provider.counts()["running_deployments"] == 0
    assert ftkit.hosting("fake") == []
    with ftkit.model("fake/dedicated").deployed():  # a stopped one is not taken for running
        assert len(ftkit.hosting("fake")) == 1
    assert provider.counts()["deployments"] == 2


def test_a_start_whose_answer_was_lost_is_listed_and_found_later(provider: HostedProvider) -> None:
    one = lost(provider)
    assert one.id is None
    assert one.key is not None
    with pytest.raises(NotFound, match=f"settle {one.key}"):
        one.stop()
    with pytest.raises(OutcomeUnknown, match="may be billed"):
        one.settle()
    provider.set(unlisted=False)
    (found,) = ftkit.hosting("fake")
    assert (found.key, found.id is None) == (one.key, False)
    settled = one.settle()
    assert settled == found
    settled.stop()
    counts = provider.counts()
    assert (counts["requests"][START], counts["running_deployments"]) == (1, 0)


def test_not_created_closes_a_lost_start_unless_the_provider_lists_it(
    provider: HostedProvider,
) -> None:
    one = lost(provider)
    provider.set(unlisted=False)
    found = one.settle(not_created=True)
    assert found is not None and found.id is not None
    found.stop()
    again = lost(provider)
    assert again.key != one.key
    assert again.settle(not_created=True) is None
    assert ftkit.hosting("fake") == []


def test_settling_starts_nothing_where_a_repeated_start_would_be_harmless(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, idempotent=True)
    provider.set(idempotent=True)
    provider.fault(START, "close", process=False, times=2)
    with pytest.raises(OutcomeUnknown), ftkit.model("fake/dedicated").deployed():
        pass
    (one,) = ftkit.hosting("fake")
    with pytest.raises(OutcomeUnknown):
        one.settle()
    assert provider.counts()["deployments"] == 0


def test_a_provider_that_cannot_be_asked_is_an_error_where_it_is_named_and_else_a_warning(
    provider: HostedProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    configure(tmp_path, monkeypatch, organisation="org-1")
    left_running(provider)
    provider.fault("GET /v1/deployments", "reply", status=403, body="{}", times=None)
    with pytest.raises(ftkit.errors.FtkitError):
        ftkit.hosting("fake")
    assert ftkit.hosting() == []
    assert (
        "fake could not be asked for deployments" in caplog.text
        or "fake was not asked" in caplog.text
    )
    with pytest.raises(CapabilityError, match="nothing to deploy"):
        ftkit.hosting("local")


def test_a_deployment_of_somebody_else_is_not_taken_where_the_provider_ignores_the_key(
    provider: HostedProvider, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit.testing.fake_backend.hosting import FakeHosting

    theirs = left_running(provider)
    monkeypatch.setenv("FTKIT_HOME", str(home.parent / "ours"))
    monkeypatch.setattr(
        FakeHosting, "find", lambda self, key: [replace(r, key="ftkother1") for r in self.running()]
    )
    with ftkit.model("fake/dedicated").deployed():
        assert provider.counts()["running_deployments"] == 2
    assert [one.id for one in ftkit.hosting("fake")] == [theirs.id]


def test_two_names_of_one_account_are_one_bill(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "user.toml"
    path.write_text('[providers.fake]\nbackend = "fake"\n[providers.other]\nbackend = "fake"\n')
    monkeypatch.setenv("FTKIT_CONFIG", str(path))
    one = left_running(provider)
    assert ftkit.hosting() == [one]


def test_the_command_lists_stops_and_settles(provider: HostedProvider) -> None:
    assert "nothing is deployed" in ftkit_command("hosting")
    one = ftkit.deploy("fake/dedicated", hours=2)
    listed = ftkit_command("hosting")
    assert f"fake/{one.id}  fake/dedicated  3.00 USD/h" in listed
    assert "in all 3.00 USD an hour" in listed
    assert json.loads(ftkit_command("hosting", "--json"))["deployments"][0]["key"] == one.key
    assert "is stopped" in ftkit_command("hosting", "stop", f"fake/{one.id}")
    unsettled = lost(provider)
    assert unsettled.key is not None
    assert "unsettled, may run" in ftkit_command("hosting", "--provider", "fake")
    ftkit_command("hosting", "settle", unsettled.key, code=4)
    said = ftkit_command("hosting", "settle", unsettled.key, "--not-created")
    assert "closed: nothing runs" in said
