"""What was left behind is stopped by the next ftkit command, and says so: nothing else is touched, nothing is started."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ftkit
from ftkit import clock
from ftkit.testing import HostedProvider
from ftkit.testing.fake_backend.client import Client
from ftkit.testing.fake_backend.hosting import FakeHosting
from tests.deploy_desk import (
    MODEL,
    START,
    STOP,
    asked,
    block_in_another_process,
    killed_block,
    ledger,
    next_command,
    running,
    started,
    the_one,
)
from tests.hosted import ROWS, configure, virtual

LAG_S = 30.0


@pytest.fixture(autouse=True)
def at_noon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: HostedProvider) -> None:
    virtual(tmp_path, monkeypatch, provider)


def lag(
    seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: HostedProvider
) -> None:
    """The provider lists what was made after so many seconds."""
    configure(tmp_path, monkeypatch, listing_lag_s=seconds)
    to.set(listing_lag=seconds)


def interrupted_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that is left while its start is under way: the provider has it, the ledger has no id."""
    create = Client.create

    def create_then_die(self: Client, *args: object) -> None:
        create(self, *args)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Client, "create", create_then_die)
        with ftkit.model(MODEL).deployed():
            pass


# --- what is stopped ---


def test_a_killed_block_is_stopped_with_its_cost_and_started_once(
    provider: HostedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    killed_block()
    one = the_one(status="abandoned")
    clock.sleep(2 * 3600)
    said = next_command(caplog)
    assert f"stopped fake/{one.id} (fake/dedicated): nobody uses it any more" in said
    assert "it has cost 6.00 USD since 2026-11-25 12:00 UTC" in said
    assert next_command(caplog) == ""
    assert (started(provider), running(provider)) == (1, 0)
    assert ftkit.spent().usd == 6
    clock.sleep(3600)
    assert ftkit.spent().usd == 6


def test_one_past_its_length_is_stopped_and_not_a_second_sooner(
    provider: HostedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    ftkit.deploy(MODEL, hours=1)
    clock.sleep(3599)
    assert next_command(caplog) == ""
    the_one(status="running")
    clock.sleep(1)
    the_one(status="overdue")
    assert "its time was over at 2026-11-25 13:00 UTC" in next_command(caplog)
    assert (started(provider), running(provider)) == (1, 0)


VERBS: dict[str, Callable[[], object]] = {
    "submit": lambda: ftkit.submit(ROWS, "fake/small"),
    "map": lambda: ftkit.model("fake/small").map(["hello"]),
    "batch": lambda: ftkit.model("fake/small").batch(["hello"]),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_pays_stops_it_too(verb: str, provider: HostedProvider) -> None:
    killed_block()
    VERBS[verb]()
    assert (started(provider), running(provider)) == (1, 0)


def test_deploying_another_model_stops_it_and_looking_at_the_list_does_not(
    provider: HostedProvider,
) -> None:
    ftkit.submit(ROWS, "fake/dedicated", name="router").wait(600)
    killed_block()
    the_one(status="abandoned")
    ftkit.spent()
    assert running(provider) == 1
    other = ftkit.deploy("router", hours=1)
    the_one(id=other.id)
    with ftkit.model("router").deployed():
        pass
    ftkit.undeploy("router")
    assert (started(provider), running(provider)) == (2, 0)


def test_a_start_that_was_killed_is_looked_for_once_it_must_be_listed_and_stopped(
    provider: HostedProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    lag(LAG_S, tmp_path, monkeypatch, provider)
    interrupted_start(monkeypatch)
    assert "may run since 2026-11-25 12:00 UTC: its start was interrupted" in next_command(caplog)
    assert running(provider) == 1
    clock.sleep(LAG_S)
    assert "stopped fake/dep-1" in next_command(caplog)
    assert provider.counts()["requests"][START] == started(provider) == 1
    assert running(provider) == 0
    assert ftkit.spent().usd > 0  # it has run, and its cost counts


def test_one_that_is_stopped_before_it_is_listed_is_not_said_to_have_ended_by_itself(
    provider: HostedProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    lag(LAG_S, tmp_path, monkeypatch, provider)
    killed_block()
    the_one(status="unlisted")
    assert "stopped fake/dep-1" in next_command(caplog)
    assert running(provider) == 0


def test_one_that_its_provider_has_stopped_itself_is_closed(
    provider: HostedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.set(deployment_seconds=3600)
    killed_block()
    clock.sleep(2 * 3600)
    said = next_command(caplog)
    assert "fake/dep-1 (fake/dedicated) has ended: fake does not list it any more" in said
    assert "at most 6.00 USD" in said
    assert ftkit.hosting("fake") == []


def test_a_start_that_is_never_listed_is_looked_for_once_an_hour(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    provider.set(unlisted=True)
    interrupted_start(monkeypatch)
    (row,) = ledger().deployments.all()
    assert f"ftkit hosting settle {row.intent.key}" in next_command(caplog)
    before = asked(provider)
    clock.sleep(3599)
    assert next_command(caplog) == ""
    assert asked(provider) == before
    clock.sleep(1)
    provider.set(unlisted=False)
    assert "stopped fake/dep-1" in next_command(caplog)


def test_two_that_carry_one_key_are_both_stopped(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    create = Client.create

    def twice(self: Client, path: str, body: dict[str, object], key: str) -> dict[str, object]:
        create(self, path, body, key)
        return create(self, path, body, key)

    with monkeypatch.context() as patch:
        patch.setattr(Client, "create", twice)
        interrupted_start(patch)
    said = next_command(caplog)
    assert "stopped fake/dep-1" in said and "stopped fake/dep-2" in said
    assert running(provider) == 0


# --- what is not touched ---


def test_what_a_living_process_uses_is_not_stopped(
    provider: HostedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    with block_in_another_process():
        the_one(status="in_use")
        clock.sleep(100 * 3600)
        assert next_command(caplog) == ""
        assert running(provider) == 1
    assert "stopped" in next_command(caplog)


def test_what_this_process_uses_is_not_stopped_by_what_it_does_meanwhile(
    provider: HostedProvider,
) -> None:
    with ftkit.model(MODEL).deployed() as model:
        ftkit.submit(ROWS, "fake/small")
        model.map(["hello"])
        assert running(provider) == 1
    assert running(provider) == 0


def test_what_runs_until_it_is_stopped_or_is_not_known_is_not_stopped(
    provider: HostedProvider, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ftkit.deploy(MODEL, until_stopped=True)
    clock.sleep(1000 * 3600)
    assert next_command(caplog) == ""
    ftkit.undeploy(MODEL)
    killed_block()
    plain = sqlite3.connect(
        home / "ledger.sqlite"
    )  # as damage leaves it: the intent without its length
    plain.execute("DELETE FROM deployments")
    plain.commit()
    plain.close()
    assert next_command(caplog) == ""
    the_one(status="running", until=None)


def test_under_another_account_it_is_told_and_not_stopped(
    provider: HostedProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    killed_block()
    configure(tmp_path, monkeypatch, organisation="org-2")
    assert "COULD NOT STOP fake/dep-1" in next_command(caplog)
    assert running(provider) == 1


def test_where_nothing_was_deployed_nobody_is_asked_and_no_ledger_is_made(
    provider: HostedProvider, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert next_command(caplog) == ""
    assert not home.exists()
    ftkit.submit(ROWS, "fake/small").wait(600)
    before = asked(provider)
    assert next_command(caplog) == ""
    assert asked(provider) == before


# --- what goes wrong ---


def test_a_failure_is_told_loudly_and_the_next_command_tries_again(
    provider: HostedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    killed_block()
    provider.fault(STOP, "reply", status=400, body="{}")
    said = next_command(caplog)
    assert (
        "COULD NOT STOP fake/dep-1 (fake/dedicated), which goes on costing money: 3.00 USD" in said
    )
    assert "now: ftkit undeploy fake/dep-1" in said
    the_one(status="abandoned")
    assert next_command(caplog) == ""  # in one process it is not tried at every call
    clock.sleep(60)
    assert "stopped fake/dep-1" in next_command(caplog)


def test_what_a_backend_raises_does_not_reach_the_command(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    killed_block()
    with monkeypatch.context() as patch:
        patch.setattr(FakeHosting, "stop", lambda self, id: 1 / 0)
        assert "ZeroDivisionError" in next_command(caplog)
    clock.sleep(60)
    assert "stopped" in next_command(caplog)


def test_a_stop_whose_answer_is_lost_is_harmless(
    provider: HostedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    killed_block()
    provider.fault(STOP, "close", process=True, times=3)
    assert "COULD NOT STOP" in next_command(caplog)
    assert running(provider) == 0
    clock.sleep(60)
    assert "has ended" in next_command(caplog)
    assert ftkit.hosting("fake") == []


def test_two_commands_at_once_stop_it_once(provider: HostedProvider) -> None:
    killed_block()
    provider.fault(STOP, "hang", seconds=0.5, process=True, times=1)
    command = [
        sys.executable,
        "-c",
        "from ftkit import config; from ftkit.models import stop_left_behind as s; s(config.settings())",
    ]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [one.wait(60) for one in both] == [0, 0]
    assert provider.counts()["requests"][STOP] == 2  # of one process, whose first answer was lost
    assert (started(provider), running(provider)) == (1, 0)
    assert ftkit.hosting("fake") == []
