"""Whatever OpenAI's address answers, a submission through its real SDK ends in one job and in errors of ftkit's own.

The answers and the judge are those of test_hostile_answers; a sample in the normal run, all of them in the torture run.
Clients that are broken in one way each: test_openai_hostile_clients.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.hostile import Bench, Trial
from tests.hostile_judging import STEPS, complaints, grafts, named, of, sample, table, trials
from tests.openai_desk import BASE
from tests.openai_hostile import OPENAI_WORLDS, SAMPLED_WORLDS

pytest_plugins = ("tests.openai_hostile_bench",)

READABLE = "list: 10,000 jobs on a page"
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1795000000,
    "model": BASE,
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "x"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


@pytest.mark.parametrize("step", STEPS)
def test_one_job_comes_of_it_whatever_one_step_is_answered(step: str, bench: Bench) -> None:
    done = trials(bench, [one for one in sample(step) if one.name != READABLE], SAMPLED_WORLDS)
    assert complaints(done) == []
    assert taken_for_an_answer(done) == []


@pytest.mark.torture
@pytest.mark.parametrize("step", STEPS)
def test_one_job_comes_of_it_at_every_fuzzed_answer(step: str, bench: Bench) -> None:
    done = trials(bench, [one for one in of(step) if one.name != READABLE], OPENAI_WORLDS)
    print(f"\n{len(of(step))} answers\n{table(done)}")
    assert complaints(done) == []
    assert taken_for_an_answer(done) == []


def taken_for_an_answer(done: Sequence[Trial]) -> list[str]:
    """Questions to a model that ended well, though no fuzzed answer is one of a model."""
    asked = [trial for trial in done if trial.story in ("chat", "responses")]
    return [str(trial) for trial in asked if any(one.code == 0 for one in trial.hostile)]


@pytest.mark.parametrize(("story", "jobs"), [("list", 2), ("list, after a lost create", 1)])
def test_a_list_of_other_work_is_believed_and_gives_nobody_elses_job(
    story: str, jobs: int, bench: Bench
) -> None:
    """It is readable and whole. Who has an empty ledger and is not shown the job there starts it."""
    trial = bench.trial(named(READABLE), story, process=True)
    assert (trial.jobs, trial.lost, trial.foreign) == (jobs, 0, [])


@pytest.mark.parametrize("step", ["create", "get", "upload"])
def test_one_odd_field_in_a_reply_that_is_right_otherwise_costs_no_job(
    step: str, bench: Bench
) -> None:
    done = [bench.grafted(answer, fields) for answer, fields in list(grafts(step))[::3]]
    assert len(done) >= 8
    assert complaints(done) == []


@pytest.mark.torture
@pytest.mark.parametrize("step", ["create", "get", "upload"])
def test_every_odd_field_in_a_reply_that_is_right_otherwise_costs_no_job(
    step: str, bench: Bench
) -> None:
    done = [bench.grafted(answer, fields) for answer, fields in grafts(step)]
    print(f"\n{table(done)}")
    assert complaints(done) == []


ODD_CHATS: Mapping[str, dict[str, Any]] = {
    "no choices": {"choices": None},
    "a choice that is a text": {"choices": ["hello"]},
    "an empty list": {"choices": []},
    "no message": {"choices": [{"index": 0, "finish_reason": "stop"}]},
    "a number for text": {"choices": [{"finish_reason": "stop", "message": {"content": 7}}]},
    "no end": {"choices": [{"finish_reason": None, "message": {"content": "x"}}]},
    "a call without a function": {
        "choices": [{"finish_reason": "tool_calls", "message": {"tool_calls": [{"id": "a"}]}}]
    },
    "calls that are no list": {
        "choices": [{"finish_reason": "tool_calls", "message": {"tool_calls": {"id": "a"}}}]
    },
    "no usage": {"usage": None},
    "tokens that are text": {"usage": {"prompt_tokens": "3", "completion_tokens": 1}},
}


CHUNK = '{"id": "c", "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": null}]}'
ODD_STREAMS: Mapping[str, str] = {
    "only the end": "data: [DONE]\n\n",
    "no JSON": "data: {\n\n",
    "a number": "data: 7\n\n",
    "a list": "data: []\n\n",
    "an empty object": "data: {}\n\n",
    "an event nobody knows": "event: x-new\ndata: {}\n\n",
    "an error": f'data: {CHUNK}\n\ndata: {{"error": {{"message": "sorry"}}}}\n\n',
    "an error that is a text": 'data: {"error": "sorry"}\n\n',
    "choices that are a text": 'data: {"id": "c", "choices": "x"}\n\n',
    "a number for text": f"data: {CHUNK.replace(chr(34) + 'x' + chr(34), '7')}\n\n",
    "broken off": f"data: {CHUNK}\n\n",
    "very many pieces and no end": f"data: {CHUNK}\n\n" * 5000,
}


@pytest.mark.parametrize("odd", ODD_STREAMS)
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_stream_that_is_odd_is_an_error_of_ftkits_own(
    api: str, odd: str, bench: Bench, recwarn: pytest.WarningsRecorder
) -> None:
    headers = {"Content-Type": "text/event-stream"}
    order = {"action": "raw", "status": 200, "headers": headers, "body": ODD_STREAMS[odd]}
    trial = bench.run(odd, api, "odd stream", order)
    assert [str(one.message) for one in recwarn if one.category is UserWarning] == []  # by the SDK
    assert complaints([trial]) == []
    assert taken_for_an_answer([trial]) == []


@pytest.mark.parametrize("name", ["create: gzip bomb", "get: gzip bomb in gzip", "list: gzip bomb"])
def test_a_bomb_is_left_alone_long_before_it_has_unpacked(name: str, bench: Bench) -> None:
    answer = named(name)
    assert complaints([bench.trial(answer, answer.on, process=True)]) == []


@pytest.mark.parametrize("odd", ODD_CHATS)
def test_an_answer_of_a_model_with_an_odd_field_is_an_error_of_ftkits_own(
    odd: str, bench: Bench
) -> None:
    order = {"action": "raw", "status": 200, "body": json.dumps(COMPLETION | ODD_CHATS[odd])}
    trial = bench.run(odd, "chat", "odd fields", order)
    assert complaints([trial]) == []
    assert taken_for_an_answer([trial]) == []
