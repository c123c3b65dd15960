"""`deploy` and `undeploy`: for a stated length, within the budgets, once, and for whoever comes to use it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import clock
from ftkit.backend import NotSent
from ftkit.errors import (
    BudgetError,
    CapabilityError,
    ConfigError,
    NotFound,
    OutcomeUnknown,
    ProviderError,
)
from ftkit.ledger import Ledger
from ftkit.testing import HostedProvider
from ftkit.testing.fake_backend.hosting import FakeHosting
from tests.deploy_desk import (
    MODEL,
    START,
    STOP,
    asked,
    block_in_another_process,
    killed_block,
    ledger,
    running,
    started,
    the_one,
)
from tests.hosted import configure, virtual

NOT_HOURS: list[Any] = [0, -1, "soon", float("nan"), float("inf"), 10**9]


@pytest.fixture(autouse=True)
def at_noon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: HostedProvider) -> None:
    virtual(tmp_path, monkeypatch, provider)


def budget(usd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "budget.toml"
    path.write_text(f'monthly_budget_usd = "{usd}"\n')
    monkeypatch.setenv("FTKIT_CONFIG", str(path))


# --- a length, and its price ---


def test_a_length_is_required_and_one_without_end_is_said_in_words(
    provider: HostedProvider,
) -> None:
    with pytest.raises(ConfigError, match="say for how long: hours=2"):
        ftkit.deploy(MODEL)
    with pytest.raises(ConfigError, match="not both"):
        ftkit.deploy(MODEL, hours=1, until_stopped=True)
    for wrong in NOT_HOURS:
        with pytest.raises(ConfigError, match="hours is a number above 0"):
            ftkit.deploy(MODEL, hours=wrong)
    assert started(provider) == 0
    assert ftkit.deploy(MODEL, until_stopped=True).until is None


def test_the_whole_length_must_fit_into_the_budget_before_the_first_request(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, organisation="org-1")
    before = asked(provider)
    with pytest.raises(BudgetError, match=r"2 hours of fake/dedicated would cost 6.00 USD"):
        ftkit.deploy(MODEL, hours=2, max_cost_usd="5.99")
    assert asked(provider) == before
    one = ftkit.deploy(MODEL, hours=2, max_cost_usd=6)
    assert (one.usd_per_hour, one.until) == (3, "2026-11-25T14:00:00+00:00")
    the_one(id=one.id, until=one.until, status="running")


def test_a_model_that_needs_no_deployment_has_nothing_to_deploy_and_its_block_does_nothing(
    provider: HostedProvider,
) -> None:
    with pytest.raises(CapabilityError, match="answers without a deployment"):
        ftkit.deploy("fake/small", hours=1)
    with ftkit.model("fake/small").deployed(max_cost_usd=0) as model:
        assert model.chat("hello").text
    assert provider.counts()["requests"].get(START, 0) == 0


def test_a_stated_length_counts_as_a_whole_until_it_is_stopped(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget("20", tmp_path, monkeypatch)
    with pytest.raises(BudgetError, match="monthly_budget_usd=20"):
        ftkit.deploy(MODEL, hours=7)
    ftkit.deploy(MODEL, hours=6)
    assert ftkit.spent().usd == 18
    clock.sleep(3600)
    assert ftkit.undeploy(MODEL).cost_usd == 3
    assert ftkit.spent().usd == 3
    clock.sleep(3600)
    assert ftkit.spent().usd == 3
    assert started(provider) == 1


def test_a_length_beyond_the_month_counts_in_each_with_its_hours() -> None:
    ftkit.deploy(MODEL, hours=24 * 7)  # from the 25th at noon to the 2nd at noon
    assert ftkit.spent("2026-11").usd == Decimal("5.5") * 24 * 3
    clock.sleep(6 * 24 * 3600)
    assert ftkit.spent("2026-12").usd == Decimal("1.5") * 24 * 3


def test_one_that_runs_until_it_is_stopped_lasts_until_its_budget_is_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget("29", tmp_path, monkeypatch)
    with pytest.raises(BudgetError, match="10 hours of fake/dedicated .* monthly_budget_usd=29"):
        ftkit.deploy(MODEL, until_stopped=True, max_cost_usd=30)
    budget("60", tmp_path, monkeypatch)
    assert ftkit.deploy(MODEL, until_stopped=True, max_cost_usd=30).until == (
        "2026-11-25T22:00:00+00:00"
    )
    with pytest.raises(BudgetError, match="one hour of"):
        ftkit.deploy(MODEL, until_stopped=True, max_cost_usd=2)
    clock.sleep(5 * 3600)
    longer = ftkit.deploy(MODEL, until_stopped=True, max_cost_usd=33, extend=True)
    assert longer.until == "2026-11-25T23:00:00+00:00"
    clock.sleep(12 * 3600)  # overdue
    with pytest.raises(BudgetError, match="more than max_cost_usd=33"):
        ftkit.deploy(MODEL, until_stopped=True, max_cost_usd=33)


def test_when_the_provider_itself_stops_it_is_told(provider: HostedProvider) -> None:
    provider.set(deployment_seconds=24 * 3600)
    one = ftkit.deploy(MODEL, until_stopped=True)
    assert one.provider_until == "2026-11-26T12:00:00+00:00"
    the_one(provider_until=one.provider_until)


# --- once ---


def test_one_that_runs_already_is_attached_to_and_lasts_as_long_as_it_did(
    provider: HostedProvider,
) -> None:
    first = ftkit.deploy(MODEL, hours=2)
    clock.sleep(3600)
    again = ftkit.deploy(MODEL, hours=5)
    assert (again.id, again.until) == (first.id, first.until)
    assert ftkit.deploy(MODEL, hours="0.5", extend=True).until == first.until  # never shorter
    assert ftkit.deploy(MODEL, hours=5, extend=True).until == "2026-11-25T18:00:00+00:00"
    assert ftkit.deploy(MODEL, until_stopped=True, extend=True).until is None
    assert ftkit.deploy(MODEL, hours=5, extend=True).until is None
    assert provider.counts()["requests"][START] == started(provider) == 1


def test_a_longer_life_must_fit_into_the_budgets_with_what_it_has_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ftkit.deploy(MODEL, hours=2)
    clock.sleep(3600)
    with pytest.raises(
        BudgetError, match="has cost 3.00 USD since .* until .* 17:00 UTC that would be 15.00"
    ):
        ftkit.deploy(MODEL, hours=4, max_cost_usd=14, extend=True)
    budget("14", tmp_path, monkeypatch)
    with pytest.raises(BudgetError, match="monthly_budget_usd=14"):
        ftkit.deploy(MODEL, hours=4, extend=True)
    the_one(until=first.until)
    budget("15", tmp_path, monkeypatch)  # the hour that is left is paid for already
    assert ftkit.deploy(MODEL, hours=4, extend=True).until == "2026-11-25T17:00:00+00:00"
    assert ftkit.spent().usd == 15


def test_one_that_was_left_behind_or_is_overdue_is_taken_over_not_started_again(
    provider: HostedProvider,
) -> None:
    killed_block()
    the_one(status="abandoned")
    assert ftkit.deploy(MODEL, hours=1).until == "2026-11-25T13:00:00+00:00"
    clock.sleep(2 * 3600)
    the_one(status="overdue")
    assert ftkit.deploy(MODEL, hours=1).until == "2026-11-25T15:00:00+00:00"
    clock.sleep(2 * 3600)
    with ftkit.model(MODEL).deployed():
        the_one(status="in_use", until=None)
    assert (started(provider), running(provider)) == (1, 0)


def test_a_start_whose_answer_is_lost_is_adopted_not_repeated(provider: HostedProvider) -> None:
    provider.fault(START, "close", process=True)
    one = ftkit.deploy(MODEL, hours=2)
    the_one(id=one.id, until=one.until)
    assert provider.counts()["requests"][START] == started(provider) == 1


def test_a_start_whose_answer_is_lost_and_that_is_not_listed_is_not_repeated(
    provider: HostedProvider,
) -> None:
    provider.set(unlisted=True)
    provider.fault(START, "close", process=True)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown, match="may be billed"):
            ftkit.deploy(MODEL, hours=2)
    the_one(status="unsettled", id=None)
    with pytest.raises(OutcomeUnknown):
        ftkit.undeploy(MODEL)
    provider.set(unlisted=False)
    assert ftkit.deploy(MODEL, hours=9).until == "2026-11-25T14:00:00+00:00"
    assert started(provider) == 1


# --- whoever uses it ---


def test_a_block_uses_what_was_deployed_and_leaves_it_running(provider: HostedProvider) -> None:
    one = ftkit.deploy(MODEL, hours=2)
    with ftkit.model(MODEL).deployed(max_cost_usd=4) as model:
        clock.sleep(3600 + 1800)
        assert model.chat("hello").text  # its price was agreed to when it was deployed
    the_one(id=one.id, status="running")
    assert (started(provider), running(provider)) == (1, 1)


def test_a_block_that_outlives_the_length_stops_it_at_its_end(provider: HostedProvider) -> None:
    ftkit.deploy(MODEL, hours=1)
    with ftkit.model(MODEL).deployed() as model:
        clock.sleep(2 * 3600)
        assert model.chat("hello").text
        the_one(status="in_use")
    assert running(provider) == 0


def test_what_another_process_uses_goes_on_after_it_where_that_was_asked_for(
    provider: HostedProvider,
) -> None:
    with block_in_another_process() as other:
        assert ftkit.deploy(MODEL, hours=2).until is None  # attached: that process stops it
        the_one(status="in_use")
        ftkit.deploy(MODEL, hours=2, extend=True)
        assert other.stdin is not None
        other.stdin.close()
        assert other.wait(60) == 0
    the_one(status="running", until="2026-11-25T14:00:00+00:00")
    assert (started(provider), running(provider)) == (1, 1)


def test_what_another_ledger_has_started_is_used_and_never_stopped(
    provider: HostedProvider, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = ftkit.deploy(MODEL, hours=2)
    monkeypatch.setenv("FTKIT_HOME", str(home.parent / "ours"))
    the_one(id=theirs.id, key=None, status="foreign")
    with ftkit.model(MODEL).deployed() as model:
        assert model.chat("hello").text
    clock.sleep(24 * 3600)
    ftkit.deploy(MODEL, hours=1)
    the_one(id=theirs.id, status="running", until=None)
    assert (started(provider), running(provider)) == (1, 1)


# --- the end ---


def test_it_is_stopped_by_its_model_by_its_handle_and_by_its_id(provider: HostedProvider) -> None:
    for what in (MODEL, ftkit.model(MODEL), "fake/{id}"):
        one = ftkit.deploy(MODEL, hours=2)
        clock.sleep(3600)
        stopped = ftkit.undeploy(what.format(id=one.id) if isinstance(what, str) else what)
        assert (stopped.id, stopped.status, stopped.cost_usd) == (one.id, "stopped", 3)
        clock.sleep(3600)
        assert stopped.cost_usd == 3
        assert ftkit.hosting("fake") == []
    with pytest.raises(NotFound, match="fake/dedicated is not deployed; running: none"):
        ftkit.undeploy(MODEL)
    with pytest.raises(NotFound):
        ftkit.undeploy("fake/dep-99")
    assert started(provider) == 3


def test_a_stop_whose_answer_is_lost_is_asked_for_again(provider: HostedProvider) -> None:
    ftkit.deploy(MODEL, hours=2)
    provider.fault(STOP, "close", process=True)
    ftkit.undeploy(MODEL)
    assert running(provider) == 0
    assert provider.counts()["requests"][STOP] == 2


def test_a_stop_that_the_ledger_has_not_heard_of_is_made_up_for(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    ftkit.deploy(MODEL, hours=24)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Ledger, "move", _die)
        ftkit.undeploy(MODEL)
    assert running(provider) == 0
    the_one(status="unlisted")
    ftkit.undeploy(MODEL)
    assert ftkit.hosting("fake") == []
    assert ftkit.spent().usd < 1


def test_of_several_the_one_that_is_meant_must_be_named(
    provider: HostedProvider, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeHosting, "find", lambda self, key: [])
    theirs = ftkit.deploy(MODEL, hours=2)
    monkeypatch.setenv("FTKIT_HOME", str(home.parent / "ours"))
    ours = ftkit.deploy(MODEL, hours=2)
    with pytest.raises(ConfigError, match="is deployed 2 times: fake/dep-2, fake/dep-1; name one"):
        ftkit.undeploy(MODEL)
    ftkit.undeploy(f"fake/{ours.id}")
    the_one(id=theirs.id, status="foreign")


def test_what_was_never_sent_holds_back_no_money_once_it_is_given_up(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeHosting, "start", _not_sent)
    with pytest.raises(ProviderError):
        ftkit.deploy(MODEL, hours=4)
    assert started(provider) == 0
    assert ftkit.spent().usd == 12
    with pytest.raises(NotFound, match="never sent is given up"):
        ftkit.undeploy(MODEL)
    assert ftkit.spent().usd == 0
    assert [row.intent.state for row in ledger().deployments.all()] == ["closed"]


def _die(*args: Any, **fields: Any) -> bool:
    raise KeyboardInterrupt


def _not_sent(*args: Any) -> Any:
    raise NotSent("no route to it")
