"""Two answers that need no model, the majority's and the nearest training row's, stand beside the models."""

from __future__ import annotations

from typing import Any

import ftkit
from ftkit.evaluation import evaluate
from tests.answering import base, model, right_on, rows


def _train_and_held_out() -> tuple[Any, Any]:
    train = ftkit.load(
        [
            {"prompt": "where is my parcel number 1", "completion": "shipping"},
            {"prompt": "I was charged twice for order 7", "completion": "billing"},
            {"prompt": "where is my parcel number 2", "completion": "shipping"},
        ]
    )
    data = ftkit.load(
        [
            {"prompt": "please, where is my parcel number 88", "completion": "shipping"},
            {"prompt": "why was I charged twice for order 9", "completion": "billing"},
        ]
    )
    return train, data


def test_baselines_answer_with_the_majority_and_with_the_nearest_training_row() -> None:
    train, data = _train_and_held_out()
    report = evaluate(model(right_on([0, 1])), [base()], data, train=train)
    assert [row.answers["majority answer"] for row in report.rows] == ["shipping", "shipping"]
    assert [row.answers["nearest training answer"] for row in report.rows] == [
        "shipping",
        "billing",
    ]
    assert [(m.opponent, m.corrected) for m in report.baselines] == [
        ("majority answer", False),
        ("nearest training answer", False),
    ]
    assert report.matches[0].opponent == "local/base"
    assert any("not shown to be better than the nearest training answer" in n for n in report.notes)


def test_baselines_do_not_change_the_verdicts_on_models() -> None:
    tuned, others = model(right_on(range(30))), [base(), model(right_on(range(9)), native="two")]
    data, train = rows(60).select(range(30, 60)), rows(30)
    alone = evaluate(tuned, others, data)
    assert evaluate(tuned, others, data, train=train).matches[:2] == alone.matches


def test_likelihoods_have_no_baseline() -> None:
    train, data = _train_and_held_out()
    report = evaluate(model(right_on([])), [base()], data, metric="nll", train=train)
    assert report.baselines == ()
