"""The budget of a month: what counts against it, what it refuses, and that two processes cannot share its last dollars."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import clock, config
from ftkit.backend import Refused
from ftkit.errors import BudgetError, ConfigError, FtkitError, OutcomeUnknown, ProviderError
from ftkit.spending import MonthlyBudget
from ftkit.testing import HostedProvider
from tests.batch_desk import batch
from tests.hosted import CREATE, ROWS, virtual

OTHER_ROWS = [{"prompt": f"ask {n}", "completion": f"say {n}"} for n in range(12)]


def budget(usd: Decimal | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.mkdir(exist_ok=True)
    path = tmp_path / "budget.toml"
    path.write_text(f'monthly_budget_usd = "{usd}"\n')
    monkeypatch.setenv("FTKIT_CONFIG", str(path))


def price(rows: Any = ROWS) -> Decimal:
    usd = ftkit.estimate(rows, "fake/small").usd
    assert usd is not None and usd > 0
    return usd


def requests(provider: HostedProvider) -> int:
    return sum(provider.counts()["requests"].values())


def test_a_job_above_it_is_refused_before_the_first_request(
    provider: HostedProvider, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget(price() - Decimal("0.0000001"), tmp_path, monkeypatch)
    with pytest.raises(BudgetError, match="of monthly_budget_usd=.* are spent or held back in 20"):
        ftkit.submit(ROWS, "fake/small")
    with pytest.raises(BudgetError):
        ftkit.submit(ROWS, "fake/small", dry_run=True)
    assert requests(provider) == 0
    assert not home.exists() or not (home / "ledger.sqlite").exists()
    budget(price(), tmp_path, monkeypatch)
    ftkit.submit(ROWS, "fake/small").wait(60)


def test_what_was_spent_is_not_spent_again_until_the_month_is_over(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual(tmp_path, monkeypatch, provider)
    budget(price() * Decimal("1.5"), tmp_path, monkeypatch)
    first = ftkit.submit(ROWS, "fake/small").wait(600)
    assert first.cost_usd == ftkit.spent().usd > 0
    creates = provider.counts()["requests"][CREATE]
    with pytest.raises(BudgetError, match="`ftkit spent` lists them"):
        ftkit.submit(OTHER_ROWS, "fake/small")
    assert provider.counts()["requests"][CREATE] == creates
    assert ftkit.submit(ROWS, "fake/small").id == first.id  # attaching costs nothing
    clock.sleep(7 * 24 * 3600)  # to December
    assert ftkit.spent().expenses == ()
    assert ftkit.spent("2026-11").usd == first.cost_usd
    ftkit.submit(OTHER_ROWS, "fake/small").wait(600)


def test_a_job_that_runs_counts_with_its_whole_price(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual(tmp_path, monkeypatch, provider)
    provider.set(run_seconds=600)
    job = ftkit.submit(ROWS, "fake/small")
    clock.sleep(60)
    job.refresh()
    assert ftkit.spent().usd == price()
    assert ftkit.spent().expenses[0].billed is None


def test_a_refused_job_and_one_that_was_taken_up_cost_nothing(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = '{"error": {"code": "bad", "message": "no such file"}}'
    provider.fault(CREATE, "reply", status=400, body=body)
    with pytest.raises(Refused):
        ftkit.submit(ROWS, "fake/small")
    assert ftkit.spent().usd == 0
    ftkit.submit(ROWS, "fake/small").wait(60)
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "other"))
    assert len(ftkit.import_jobs("fake")) == 1
    assert ftkit.spent().usd == 0  # another ledger's budget has paid for it


def test_a_create_whose_answer_was_lost_counts(provider: HostedProvider) -> None:
    provider.set(unlisted=True)
    provider.fault(CREATE, "close", process=True)
    with pytest.raises(OutcomeUnknown):
        ftkit.submit(ROWS, "fake/small")
    assert ftkit.spent().usd == price()


def race(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two submissions that both have looked at the budget before either writes its intent; how each ended."""
    meeting = threading.Barrier(2)
    before = MonthlyBudget.before

    def both(self: MonthlyBudget, what: str, usd: Decimal | None) -> None:
        before(self, what, usd)
        meeting.wait(30)

    monkeypatch.setattr(MonthlyBudget, "before", both)

    def end(rows: Any) -> str:
        try:
            return str(ftkit.submit(rows, "fake/small").wait(60).status)
        except BudgetError:
            return "refused"

    with ThreadPoolExecutor(2) as threads:
        return sorted(threads.map(end, (ROWS, OTHER_ROWS)))


def test_of_two_at_once_that_fit_only_alone_one_is_refused(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget(price() * Decimal("1.5"), tmp_path, monkeypatch)
    assert race(monkeypatch) == ["refused", "succeeded"]
    assert provider.counts()["jobs"] == 1


def test_without_the_look_inside_the_transaction_both_are_started(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget(price() * Decimal("1.5"), tmp_path, monkeypatch)
    monkeypatch.setattr(MonthlyBudget, "reserving", lambda self, what, usd: None)
    assert race(monkeypatch) == ["succeeded", "succeeded"]


def test_a_deployment_counts_by_its_hours_and_ends_with_the_budget(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual(tmp_path, monkeypatch, provider)
    budget("7", tmp_path, monkeypatch)  # 3 USD an hour
    with ftkit.model("fake/dedicated").deployed() as model:
        clock.sleep(2 * 3600)
        model.chat("still within it")
        assert ftkit.spent().usd == 6
        clock.sleep(3600)
        with pytest.raises(BudgetError, match="what is left of monthly_budget_usd=7"):
            model.chat("past it")
    clock.sleep(3600)
    assert ftkit.spent().usd == 9  # stopped, it costs no more
    with pytest.raises(BudgetError), ftkit.model("fake/dedicated").deployed():
        pass
    assert provider.counts()["deployments"] == 1


def test_a_deployment_that_ran_before_may_use_what_is_left(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual(tmp_path, monkeypatch, provider)
    budget("20", tmp_path, monkeypatch)
    provider.fault("DELETE /v1/deployments/ID", "reply", status=400, body="{}")
    with pytest.raises(ProviderError), ftkit.model("fake/dedicated").deployed():
        pass
    provider.clear_faults()
    clock.sleep(5 * 3600)
    with ftkit.model("fake/dedicated").deployed() as model:  # 15 of 20 USD
        clock.sleep(3600)
        model.chat("the sixth hour")
        clock.sleep(3600)
        with pytest.raises(BudgetError, match="has cost 21.00 USD, more than what is left"):
            model.chat("the seventh")


def test_a_prepared_job_that_goes_on_in_a_later_month_is_judged_by_that_one(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual(tmp_path, monkeypatch, provider)
    provider.fault("POST /v1/files", "reply", status=400, body="{}", times=None)
    with pytest.raises(FtkitError):
        ftkit.submit(ROWS, "fake/small", name="late")
    provider.clear_faults()
    assert ftkit.job("late").phase == "uploading" or ftkit.job("late").phase == "prepared"
    clock.sleep(7 * 24 * 3600)  # to December
    budget(price() / 2, tmp_path, monkeypatch)
    with pytest.raises(BudgetError):
        ftkit.job("late").go_on()
    budget(price(), tmp_path, monkeypatch)
    assert ftkit.job("late").go_on().wait(600).status == "succeeded"


def test_answers_and_batches_count_and_stop_at_it(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = [f"question {n} " * 20 for n in range(8)]
    ftkit.model("fake/small").map(questions)
    answered = ftkit.spent().usd
    assert answered > 0
    one = batch().wait(60)
    assert one.cost_usd is not None
    assert ftkit.spent().usd == answered + one.cost_usd
    budget(ftkit.spent().usd + answered / 2, tmp_path, monkeypatch)
    with pytest.raises(BudgetError, match="what is left of monthly_budget_usd="):
        ftkit.model("fake/small").map([f"again {question}" for question in questions])
    starts = provider.counts()["batches"]
    with pytest.raises(BudgetError, match="monthly_budget_usd"):
        batch(max_tokens=4000)
    assert provider.counts()["batches"] == starts


def test_a_projects_file_lowers_it_and_does_not_raise_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget("50", tmp_path, monkeypatch)
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    for written, holds in (("500", "50"), ("5", "5")):
        (project / "ftkit.toml").write_text(f"monthly_budget_usd = {written}\n")
        assert config.settings().monthly_budget_usd == Decimal(holds)
    (project / "ftkit.toml").write_text('monthly_budget_usd = "lots"\n')
    with pytest.raises(ConfigError, match="monthly_budget_usd: 'lots' is not an amount"):
        config.settings()


def test_earlier_bills_stand_beside_a_later_quote(provider: HostedProvider) -> None:
    assert ftkit.estimate(ROWS, "fake/small").notes == ()
    quote = ftkit.estimate(ROWS, "fake/small")
    job = ftkit.submit(ROWS, plan=quote).wait(60)
    assert job.cost_usd is not None and quote.usd_expected
    (note,) = ftkit.estimate(OTHER_ROWS, "fake/small").notes
    ratio = job.cost_usd / quote.usd_expected
    assert note == f"one earlier job on fake was billed {ratio:.2f} times what was expected"
    (known,) = ftkit.spent().calibration
    assert (known.instance, known.jobs, known.ratio) == ("fake", 1, ratio)


def test_what_was_spent_is_told_in_words_and_as_json(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert str(ftkit.spent("2026-01")) == "nothing was paid for in 2026-01"
    with pytest.raises(ConfigError, match="write it as 2026-11"):
        ftkit.spent("November")
    job = ftkit.submit(ROWS, "fake/small").wait(60)
    budget("50", tmp_path, monkeypatch)
    found = ftkit.spent()
    assert f"create  {job.id}" in str(found)
    assert "left of monthly_budget_usd=50" in str(found)
    value = json.loads(json.dumps(found.to_dict()))
    assert (value["schema_version"], value["expenses"][0]["key"]) == (1, job.id)
    assert Decimal(value["left_usd"]) == 50 - found.usd


def test_a_home_without_a_ledger_stays_as_it_is(provider: HostedProvider, home: Path) -> None:
    assert ftkit.spent().expenses == ()
    ftkit.estimate(ROWS, "fake/small")
    assert not (home / "ledger.sqlite").exists()
