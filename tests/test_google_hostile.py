"""Whatever Google's addresses answer, a submission through its real SDK ends in one job and in errors of ftkit's own.

The answers and the judge are those of test_hostile_answers; a sample in the normal run, all of them in the torture run.
Clients that are broken in one way each: test_google_hostile_clients.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.google_hostile import GOOGLE_WORLDS, SAMPLED_WORLDS
from tests.hostile import Bench, Trial
from tests.hostile_judging import STEPS, complaints, named, of, sample, table, trials

pytest_plugins = ("tests.google_hostile_bench",)

READABLE = "list: 10,000 jobs on a page"  # to Google's reader a page of nothing that it knows


@pytest.mark.parametrize("step", STEPS)
def test_one_job_comes_of_it_whatever_one_step_is_answered(step: str, google_bench: Bench) -> None:
    done = trials(google_bench, sample(step)[::4], SAMPLED_WORLDS)
    assert complaints(done) == []
    assert taken_for_an_answer(done) == []


@pytest.mark.torture
@pytest.mark.parametrize("step", STEPS)
def test_one_job_comes_of_it_at_every_fuzzed_answer(step: str, google_bench: Bench) -> None:
    done = trials(google_bench, of(step), GOOGLE_WORLDS)
    print(f"\n{len(of(step))} answers\n{table(done)}")
    assert complaints(done) == []
    assert taken_for_an_answer(done) == []


def taken_for_an_answer(done: Sequence[Trial]) -> list[str]:
    """Questions to a model that ended well, though no fuzzed answer is one of a model."""
    asked = [trial for trial in done if trial.story in ("chat", "endpoint")]
    return [str(trial) for trial in asked if any(one.code == 0 for one in trial.hostile)]


ODD_JOBS: Mapping[str, dict[str, Any]] = {
    "no name": {"name": None},
    "a name that is a number": {"name": 7},
    "a name that leads away": {"name": "projects/1/locations/us-central1/../secrets/7"},
    "a name of an endpoint": {"name": "projects/1/locations/us/endpoints/7"},
    "labels that are a list": {"labels": ["ftkit_key"]},
    "no state": {"state": None},
    "a state that is a number": {"state": 3},
    "a time that is none": {"createTime": "yesterday"},
    "a time without a zone": {"createTime": "2026-11-25T12:00:00"},
}


@pytest.mark.parametrize("odd", ODD_JOBS)
def test_one_odd_field_in_a_create_that_is_right_otherwise_costs_no_job(
    odd: str, google_bench: Bench
) -> None:
    order = {"action": "patch", "fields": ODD_JOBS[odd]}
    assert complaints([google_bench.run(odd, "create", "odd fields", order)]) == []


ANSWER = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "x"}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4},
}
ODD_ANSWERS: Mapping[str, dict[str, Any]] = {
    "no candidates": {"candidates": None},
    "a candidate that is a text": {"candidates": ["hello"]},
    "a number for text": {
        "candidates": [{"content": {"parts": [{"text": 7}]}, "finishReason": "STOP"}]
    },
    "parts that are a text": {"candidates": [{"content": {"parts": "x"}, "finishReason": "STOP"}]},
    "no end": {"candidates": [{"content": {"parts": [{"text": "x"}]}}]},
    "a call without a name": {
        "candidates": [
            {"content": {"parts": [{"functionCall": {"args": {}}}]}, "finishReason": "STOP"}
        ]
    },
    "no usage": {"usageMetadata": None},
    "tokens that are a word": {"usageMetadata": {"promptTokenCount": "three"}},
}


@pytest.mark.parametrize("odd", ODD_ANSWERS)
def test_an_answer_of_a_model_with_an_odd_field_is_an_error_of_ftkits_own(
    odd: str, google_bench: Bench
) -> None:
    order = {"action": "raw", "status": 200, "body": json.dumps(ANSWER | ODD_ANSWERS[odd])}
    trial = google_bench.run(odd, "chat", "odd fields", order)
    assert complaints([trial]) == []
    assert taken_for_an_answer([trial]) == []


PIECE = json.dumps({"candidates": [{"content": {"parts": [{"text": "x"}]}}]})
ODD_STREAMS: Mapping[str, str] = {
    "nothing": "",
    "no JSON": "data: {\r\n\r\n",
    "a number": "data: 7\r\n\r\n",
    "an empty object": "data: {}\r\n\r\n",
    "an error": f'data: {PIECE}\r\n\r\ndata: {{"error": {{"code": 500, "message": "sorry"}}}}\r\n\r\n',
    "candidates that are a text": 'data: {"candidates": "x"}\r\n\r\n',
    "broken off": f"data: {PIECE}\r\n\r\n",
    "very many pieces and no end": f"data: {PIECE}\r\n\r\n" * 3000,
}


@pytest.mark.parametrize("odd", ODD_STREAMS)
def test_a_stream_that_is_odd_is_an_error_of_ftkits_own(odd: str, google_bench: Bench) -> None:
    headers = {"Content-Type": "text/event-stream"}
    order = {"action": "raw", "status": 200, "headers": headers, "body": ODD_STREAMS[odd]}
    trial = google_bench.run(odd, "chat", "odd stream", order)
    assert complaints([trial]) == []
    assert taken_for_an_answer([trial]) == []


@pytest.mark.parametrize("name", ["create: gzip bomb", "get: gzip bomb in gzip", "list: gzip bomb"])
def test_a_bomb_is_left_alone_long_before_it_has_unpacked(name: str, google_bench: Bench) -> None:
    answer = named(name)
    assert complaints([google_bench.trial(answer, answer.on, process=True)]) == []
