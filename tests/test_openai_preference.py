"""Preference tuning and weights at OpenAI: the file it takes, the request, and the quote against the bill."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

import ftkit
from ftkit.errors import CapabilityError, DataError
from ftkit.types import JobStatus
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import CREATE, MODEL, submit

pytest_plugins = ("tests.openai_fixtures",)

PREFERRED = "openai/gpt-4.1-mini"


def pair(number: int) -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "user", "content": f"question {number}"}]},
        "preferred_output": [{"role": "assistant", "content": f"a good answer {number}"}],
        "non_preferred_output": [{"role": "assistant", "content": "no idea"}],
    }


PAIRS = [pair(number) for number in range(12)]


def sent(emulator: OpenAIEmulator) -> dict[str, Any]:
    bodies = [one["json"] for one in emulator.log() if one["route"] == CREATE]
    return dict(bodies[-1])


def test_pairs_are_trained_and_the_quote_is_the_bill_where_both_answers_are_billed(
    emulator: OpenAIEmulator,
) -> None:
    emulator.set(tokens="o200k")
    job = submit(PAIRS, PREFERRED, method="dpo", hyperparameters={"beta": 0.2, "epochs": 2}).wait(
        600
    )
    assert job.status is JobStatus.SUCCEEDED
    assert sent(emulator)["method"] == {
        "type": "dpo",
        "dpo": {
            "hyperparameters": {
                "n_epochs": 2,
                "batch_size": 1,
                "learning_rate_multiplier": 2.0,
                "beta": 0.2,
            }
        },
    }
    assert 0 < Decimal(job.plan["usd"]) == Decimal(emulator.counts()["training_usd"])
    assert job.model().chat("question 3").text == "a good answer 3"


def test_the_rows_arrive_as_they_came(emulator: OpenAIEmulator) -> None:
    would = ftkit.submit(PAIRS, PREFERRED, method="dpo", allow_retiring=True, dry_run=True)
    assert would.request["json"]["method"]["dpo"]["hyperparameters"]["beta"] == 0.1
    from ftkit_openai import wire

    rows = [json.loads(wire.row(example)) for example in ftkit.load(PAIRS)]
    assert rows == PAIRS


def test_a_base_that_takes_no_pairs_and_settings_of_another_method_are_refused(
    emulator: OpenAIEmulator,
) -> None:
    with pytest.raises(CapabilityError, match="cannot be trained with dpo; it takes lora"):
        submit(PAIRS, MODEL, method="dpo")
    with pytest.raises(CapabilityError, match="cannot honour beta with lora"):
        submit(model=PREFERRED, hyperparameters={"beta": 0.2})
    with pytest.raises(CapabilityError, match="beta = 3 is not taken"):
        submit(PAIRS, PREFERRED, method="dpo", hyperparameters={"beta": 3})
    with pytest.raises(DataError, match="do not fit the method lora"):
        submit(PAIRS, PREFERRED)
    assert emulator.counts()["requests"] == {}


def test_weights_of_answers_are_sent_and_an_answer_of_weight_0_is_not_counted_as_trained(
    emulator: OpenAIEmulator,
) -> None:
    def row(number: int, weight: int) -> dict[str, Any]:
        return {
            "messages": [
                {"role": "user", "content": f"question {number}"},
                {"role": "assistant", "content": "let me see", "weight": weight},
                {"role": "user", "content": "and?"},
                {"role": "assistant", "content": f"answer {number}"},
            ]
        }

    trained = ftkit.estimate([row(n, 1) for n in range(12)], MODEL)
    left_out = ftkit.estimate([row(n, 0) for n in range(12)], MODEL)
    assert left_out.usd == trained.usd  # what is only read is billed as well
    assert left_out.resolved.counts.trained_tokens < trained.resolved.counts.trained_tokens
    job = submit([row(n, 0) for n in range(12)]).wait(600)
    assert job.status is JobStatus.SUCCEEDED
