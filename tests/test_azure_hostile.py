"""Whatever either plane of Azure answers: one job, one deployment at most, and errors of ftkit's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ftkit
from ftkit.errors import FtkitError
from tests.azure_desk import OWN_VARIABLES, PUT
from tests.azure_hostile import AZURE_STORIES, AZURE_WORLDS, AzureTarget
from tests.emulators.azure import AzureEmulator
from tests.emulators.azure.records import Site
from tests.faults.fuzzed_answers import FuzzedAnswer
from tests.faults.stranger import Stranger
from tests.hostile import KEY, Bench, command, undisturbed
from tests.hostile_judging import (
    STEPS,
    complaints,
    grafts,
    is_clear_no,
    named,
    of,
    sample,
    table,
    trials,
)
from tests.test_openai_hostile import READABLE

CREATES = [
    (answer, process)
    for answer in sample("create")
    for process in (True, False)
    if not (process and is_clear_no(answer))  # a no that is clear is believed, by contract
]


@pytest.fixture(scope="module")
def target() -> Iterator[AzureTarget]:
    with AzureEmulator(run_s=0.0, site=Site(api_key=KEY), capacity_quota=10_000) as server:
        yield AzureTarget(server)


@pytest.fixture
def bench(target: AzureTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for name in OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with Stranger() as stranger, undisturbed():
        yield Bench(target, AZURE_STORIES, stranger, tmp_path, monkeypatch)


@pytest.mark.parametrize("step", STEPS)
def test_one_job_comes_of_it_whatever_one_step_is_answered(step: str, bench: Bench) -> None:
    answers = [one for one in sample(step) if one.name != READABLE]
    assert complaints(trials(bench, answers[::4], AZURE_WORLDS)) == []


@pytest.mark.torture
@pytest.mark.parametrize("step", STEPS)
def test_one_job_comes_of_it_at_every_fuzzed_answer(step: str, bench: Bench) -> None:
    done = trials(bench, [one for one in of(step) if one.name != READABLE], AZURE_WORLDS)
    print(f"\n{len(of(step))} answers\n{table(done)}")
    assert complaints(done) == []


@pytest.mark.torture
@pytest.mark.parametrize("step", ["create", "get", "upload"])
def test_every_odd_field_in_a_reply_that_is_right_otherwise_costs_no_job(
    step: str, bench: Bench
) -> None:
    done = [bench.grafted(answer, fields) for answer, fields in grafts(step)]
    print(f"\n{table(done)}")
    assert complaints(done) == []


def start_answered_with(bench: Bench, answer: FuzzedAnswer, process: bool) -> None:
    """A block whose PUT gets the answer, and the same again when Azure behaves: nothing runs then, and never two did."""
    bench.fresh()
    target = bench.target
    assert isinstance(target, AzureTarget)
    target.deploys(bench)
    assert bench.submit().code == 0
    assert command("job", "wait", "router").code == 0
    order = bench.order(answer, process)
    order["part"] = 0.5 if order["action"] == "half" else 1.0
    target.provider.fault(PUT, **{**order, "action": "raw"})
    model = ftkit.model("router")
    for words in ("hostile", "well"):
        try:
            with model.deployed(max_cost_usd=50) as there:
                assert there.chat("question 1").text
        except FtkitError as error:
            assert words == "hostile", f"{answer.name}: {error}"
    counts = target.provider.counts()
    assert counts["running"] == 0, answer.name
    assert max(counts["deploy_starts"].values()) <= 2 and bench.stranger.requests == []


@pytest.mark.parametrize(
    ("answer", "process"), CREATES[::3], ids=lambda one: getattr(one, "name", str(one))
)
def test_a_start_that_is_answered_with_junk_leaves_nothing_running(
    answer: FuzzedAnswer, process: bool, bench: Bench
) -> None:
    start_answered_with(bench, answer, process)


@pytest.mark.torture
@pytest.mark.parametrize("process", [True, False])
def test_a_start_at_every_fuzzed_answer_leaves_nothing_running(process: bool, bench: Bench) -> None:
    for answer in of("create"):
        if process and is_clear_no(answer):
            continue
        start_answered_with(bench, answer, process)


def test_a_client_that_believes_any_answer_is_seen_to_lose_its_job(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit_azure.training import AzureTraining

    monkeypatch.setattr(AzureTraining, "_is_ours", lambda self, made, request, reply: True)
    trial = bench.trial(named("create: unknown fields"), "create", process=True)
    assert trial.lost == 1
