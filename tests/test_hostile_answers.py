"""Whatever a provider answers, a submission ends in one job, in errors of ftkit's own, and in bounded memory.

Each answer of `tests/faults/fuzzed_answers.py` is given once at its step; then the provider behaves and the same call is
made again. A sample in the normal run, all of them in the torture run. The create is answered by junk in two worlds: in
one the provider has made the job all the same, in the other it has not. One world is left out: a provider that says a
clear no (a JSON error with a status that its backend lists as creating nothing) and makes the job is believed, by
contract. So is one whose reply has the right shape and another job's id.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

import ftkit.http.client
from ftkit.backend import Event, JobStatus, OutcomeUnknown, Refused, Remote, TrainRequest
from ftkit.errors import ProviderError
from ftkit.testing import HostedProvider
from ftkit.testing.fake_backend.training import FakeTraining
from tests.faults.fuzzed_answers import FUZZED_ANSWERS, FuzzedAnswer
from tests.faults.stranger import Stranger
from tests.hostile import KEY, SUBMIT, Bench, Trial, command, kind_of, peak, undisturbed

MOST_MIB = 200  # a bomb unpacks to 1,024; ftkit reads at most 50 MiB of a reply, and parses it
STEPS = ("create", "list", "upload", "get", "events", "account")
EACH_KIND = {"2xx": 4, "half": 1, "3xx": 1, "4xx": 3, "5xx": 1}  # ten of each step
WORLDS: dict[str, tuple[tuple[str, bool | None], ...]] = {
    "create": (("create", True), ("create", False)),
    "upload": (("upload", True), ("upload", False)),
    "list": (("list", None), ("list, after a lost create", None)),
}
CREATED_NOTHING = {400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 429}


@pytest.fixture(scope="module")
def provider() -> Iterator[HostedProvider]:
    with HostedProvider(run_s=0.0, accounts={KEY: "org-1"}) as server:
        yield server


@pytest.fixture
def bench(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    with Stranger() as stranger, undisturbed():
        yield Bench(provider, stranger, tmp_path, monkeypatch)


def sample(step: str) -> list[FuzzedAnswer]:
    """Ten answers of a step, of every kind; other ones than at the other steps."""
    chosen = []
    for kind, number in EACH_KIND.items():
        these = [answer for answer in of(step) if kind_of(answer) == kind]
        start = STEPS.index(step)
        chosen += [these[(start + n * len(these) // number) % len(these)] for n in range(number)]
    return chosen


def of(step: str) -> list[FuzzedAnswer]:
    return [answer for answer in FUZZED_ANSWERS if answer.on == step]


def trials(bench: Bench, answers: Sequence[FuzzedAnswer]) -> list[Trial]:
    """Each answer in each of its worlds."""
    done = []
    for answer in answers:
        for story, process in WORLDS.get(answer.on, ((answer.on, None),)):
            if answer.on == "create" and process and is_clear_no(answer):
                continue
            does_it = answer.process if process is None else process
            done.append(bench.trial(answer, story, process=does_it))
            if answer.on == "create":
                assert done[-1].hostile[0].code == expected(answer, does_it), str(done[-1])
    return done


def is_clear_no(answer: FuzzedAnswer) -> bool:
    """A JSON error, of a size that is read, with a status that creates nothing."""
    if answer.status not in CREATED_NOTHING or len(answer.body) > 1024 * 1024:
        return False
    try:
        value = json.loads(answer.body)
    except ValueError:
        return False
    return isinstance(value, dict) and bool(value.get("error"))


def expected(answer: FuzzedAnswer, process: bool) -> int:
    """The exit code of a submission whose create is answered so."""
    if is_clear_no(answer):
        return 3
    return 0 if process else 4


def judge(done: Sequence[Trial]) -> None:
    """One job each, in ftkit's own words, and nothing for the stranger."""
    assert done
    assert [str(trial) for trial in done if trial.foreign] == []
    assert [str(trial) for trial in done if trial.doubled or trial.lost] == []
    assert [str(trial) for trial in done if trial.to_stranger] == []
    assert [str(trial) for trial in done if trial.peak_mib > MOST_MIB] == []
    assert {one.code for trial in done for one in trial.hostile} <= {0, 1, 2, 3, 4}
    assert [str(trial) for trial in done if trial.after[-1].code != 0] == []


def table(done: Sequence[Trial]) -> str:
    """Trials, settled by hand, doubled, lost, foreign and highest memory of each story and kind."""
    lines = [f"{'':46} trials  by hand  doubled  lost  foreign  elsewhere  MiB"]
    for story, kind in sorted({(trial.story, trial.kind) for trial in done}):
        these = [trial for trial in done if (trial.story, trial.kind) == (story, kind)]
        lines.append(
            f"{story:32} {kind:13} {len(these):6} {sum(t.settled_by_hand for t in these):8} "
            f"{sum(t.doubled for t in these):8} {sum(t.lost for t in these):5} "
            f"{sum(bool(t.foreign) for t in these):8} {sum(t.to_stranger for t in these):10} "
            f"{max(t.peak_mib for t in these):4.0f}"
        )
    codes = Counter(one.code for trial in done for one in trial.hostile)
    return "\n".join([*lines, f"exit codes while the answer was hostile: {dict(codes)}"])


@pytest.mark.parametrize("step", STEPS)
def test_one_job_comes_of_it_whatever_one_step_is_answered(step: str, bench: Bench) -> None:
    judge(trials(bench, sample(step)))


@pytest.mark.torture
@pytest.mark.parametrize("step", STEPS)
def test_one_job_comes_of_it_at_every_fuzzed_answer(step: str, bench: Bench) -> None:
    done = trials(bench, of(step))
    print(f"\n{len(of(step))} answers\n{table(done)}")
    judge(done)


def grafts(step: str) -> Iterator[tuple[FuzzedAnswer, dict[str, Any]]]:
    """Answers whose odd fields can stand in a reply that is right otherwise, with these fields."""
    template = json.loads(named(f"{step}: unknown fields").body)
    for answer in of(step):
        if answer.name.endswith("duplicate keys"):
            continue  # once parsed it is a right reply that names another job
        try:
            value = json.loads(answer.body) if 0 < len(answer.body) < 10_000 else None
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and value.get("object") == template["object"]:
            plain = {"id": "ftjob-fuzzed", "status": "running", "created_at": 1795000000}
            odd = {key: v for key, v in value.items() if plain.get(key, template[key]) != v}
            if "id" not in value:
                odd["id"] = None
            if odd:
                yield answer, odd


def named(name: str) -> FuzzedAnswer:
    return next(answer for answer in FUZZED_ANSWERS if answer.name == name)


@pytest.mark.parametrize("step", ["create", "get", "upload"])
def test_one_odd_field_in_a_reply_that_is_right_otherwise_costs_no_job(
    step: str, bench: Bench
) -> None:
    done = [bench.grafted(answer, fields) for answer, fields in list(grafts(step))[::3]]
    assert len(done) >= 8
    judge(done)


@pytest.mark.torture
@pytest.mark.parametrize("step", ["create", "get", "upload"])
def test_every_odd_field_in_a_reply_that_is_right_otherwise_costs_no_job(
    step: str, bench: Bench
) -> None:
    done = [bench.grafted(answer, fields) for answer, fields in grafts(step)]
    print(f"\n{table(done)}")
    judge(done)


def foreign_page(bench: Bench) -> dict[str, Any]:
    """A list that has one job, which is other work of the same account."""
    bench.fresh()
    assert command(*SUBMIT, "--seed", "7").code == 0
    request = Request(f"{bench.provider.url}/v1/jobs", headers={"Authorization": f"Bearer {KEY}"})
    with build_opener(ProxyHandler({})).open(request) as reply:
        page: dict[str, Any] = json.load(reply)
    assert len(page["data"]) == 1
    return page


@pytest.mark.parametrize("story", ["list", "list, after a lost create"])
def test_a_list_that_ignores_the_key_gives_nobody_elses_job(story: str, bench: Bench) -> None:
    page = foreign_page(bench)
    other = page["data"][0]["metadata"]["key"]
    order = {"action": "reply", "body": json.dumps(page)}
    trial = bench.run("a list of other work", story, "2xx", order)
    assert not any(other in one.text for one in [*trial.hostile, *trial.after])
    # a list that is readable and hides the job is believed by who has an empty ledger
    assert (trial.lost, trial.jobs) == (0, 2 if story == "list" else 1), str(trial)


@pytest.mark.parametrize("name", ["create: gzip bomb", "get: gzip bomb in gzip", "list: gzip bomb"])
def test_a_bomb_is_left_alone_long_before_it_has_unpacked(name: str, bench: Bench) -> None:
    answer = named(name)
    judge([bench.trial(answer, answer.on, process=True)])


def test_memory_that_is_used_and_given_back_is_seen() -> None:
    trial = Trial("", "", "")
    with peak(trial):
        filled = b"x" * (300 * 1024 * 1024)
        del filled
    assert trial.peak_mib > 290 or trial.peak_mib == 0  # 0: the kernel does not tell


# --- broken clients: the judge sees each -------------------------------------------------------------------------
def broken_submit(
    monkeypatch: pytest.MonkeyPatch, error_becomes: type[BaseException] | None
) -> None:
    """A backend that takes an answer which it cannot read for a yes (None) or for a no."""
    whole = FakeTraining.submit

    def submit(self: FakeTraining, request: TrainRequest) -> Remote:
        try:
            return whole(self, request)
        except (OutcomeUnknown, ProviderError):
            if error_becomes is not None:
                raise Refused("junk", "the answer was no job") from None
            return Remote(id="unknown", status=JobStatus.RUNNING, raw_status="running")

    monkeypatch.setattr(FakeTraining, "submit", submit)


JUNK = ("create: HTML with 200", "create: HTML with 502", "create: JSON cut in the middle")


def test_a_client_that_takes_junk_for_a_yes_is_seen_to_lose_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_submit(monkeypatch, None)
    done = [bench.trial(named(name), "create", process=p) for name in JUNK for p in (True, False)]
    assert sum(trial.lost for trial in done) == len(done)


def test_a_client_that_takes_junk_for_a_no_is_seen_to_double_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_submit(monkeypatch, Refused)
    done = [bench.trial(named(name), "create", process=True) for name in JUNK]
    assert sum(trial.doubled for trial in done) == len(done)


def test_a_client_that_takes_an_unreadable_list_for_an_empty_one_is_seen_to_double_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = FakeTraining.find

    def find(self: FakeTraining, key: str) -> list[Remote]:
        try:
            return whole(self, key)
        except ProviderError:
            return []

    monkeypatch.setattr(FakeTraining, "find", find)
    done = [bench.trial(answer, "list", process=False) for answer in sample("list")[:4]]
    assert sum(trial.doubled for trial in done) == len(done)


def test_a_client_that_follows_any_redirect_is_seen_by_the_stranger_with_the_key(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ftkit.http.client, "_same_host", lambda one, other: True)
    trial = bench.trial(named("get: 302 elsewhere"), "get", process=False)
    assert trial.to_stranger > 0
    assert any(KEY in request for request in bench.stranger.requests)


def test_a_client_that_lets_strange_exceptions_out_is_seen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def events(self: FakeTraining, id: str, after: int) -> Iterator[Event]:
        raise KeyError("data")

    monkeypatch.setattr(FakeTraining, "events", events)
    trial = bench.trial(named("events: 204"), "events", process=True)
    assert trial.foreign
