"""When `evaluate` says better, worse or not enough evidence: planted differences, repeated rows, several opponents."""

from __future__ import annotations

import math
import random
from typing import cast

import pytest

import ftkit
from ftkit.evaluation import Verdict, evaluate
from ftkit.evaluation.wording import evidence_hint
from tests.answering import Answering, base, model, right_on, rows


def test_a_planted_better_model_is_better() -> None:
    report = evaluate(model(right_on(range(91)), tuned=True), [base()], rows(100))
    assert report.verdict is Verdict.BETTER
    assert str(report).splitlines()[0] == (
        "better: 91.0% against 0.0%, difference +91.0 points (95% interval +83.8 to +95.2), p < 0.0001, 100 rows"
    )
    assert [contender.role for contender in report.contenders] == ["candidate", "base"]


def test_a_planted_worse_model_is_worse() -> None:
    report = evaluate(model(right_on(range(20))), [base(right_on(range(60)))], rows(100))
    assert report.verdict is Verdict.WORSE
    assert (report.comparison.wins, report.comparison.losses) == (0, 40)


def test_a_model_against_itself_is_not_enough_evidence_and_says_so() -> None:
    one = base(right_on(range(50)))
    report = evaluate(one, [one], rows(100))
    assert report.verdict is Verdict.NOT_ENOUGH_EVIDENCE
    assert [(contender.name, contender.role) for contender in report.contenders] == [
        ("local/base", "candidate"),
        ("local/base (2)", "opponent"),
    ]
    assert report.notes == ("local/base is compared with itself",)
    assert "no number of rows would show a difference of 0" in str(report)


def test_shuffled_labels_do_not_make_a_model_better() -> None:
    answers = [f"label {index % 10}" for index in range(200)]
    better = 0
    for seed in range(20):
        shuffled = random.Random(seed).sample(answers, len(answers))
        data = ftkit.load(
            [{"prompt": f"q{i}", "completion": label} for i, label in enumerate(shuffled)]
        )
        tuned = model(lambda index, example: answers[index])
        other = base(lambda index, example: f"label {(index * 7 + 3) % 10}")
        better += evaluate(tuned, [other], data).verdict is Verdict.BETTER
    assert better <= 2  # each seed has at most a 2.5% chance


def test_too_few_rows_name_how_many_would_do() -> None:
    report = evaluate(model(right_on(range(6))), [base(right_on(range(2, 6)))], rows(20))
    assert report.verdict is Verdict.NOT_ENOUGH_EVIDENCE
    needed = report.comparison.rows_needed
    assert needed is not None and 20 < needed < 200
    assert evidence_hint(report.comparison) in str(report).splitlines()[0]
    assert f"about {math.ceil(needed / 10) * 10 if needed >= 100 else needed} rows would" in str(
        report
    )


def test_lower_is_better_for_nll() -> None:
    tuned, other = model(right_on([])), base()
    cast(Answering, tuned).nll = 0.5
    report = evaluate(tuned, [other], rows(30), metric="nll")
    assert report.verdict is Verdict.BETTER
    assert report.comparison.difference < 0
    assert "lower is better" in str(report)
    assert cast(Answering, tuned).asked == []  # likelihoods alone ask for no answer
    # rows have nll 4, 5 or 6 times the factor over 4 tokens
    assert report.contender("local/tuned").estimates["nll"].mean == pytest.approx(0.5 * 5 / 4)


def test_the_first_opponent_is_primary_and_the_rest_share_holms_correction() -> None:
    tuned = model(right_on(range(40)))
    first, second = base(right_on(range(30))), model(right_on(range(33)), native="second")
    report = evaluate(tuned, [first, second], rows(60), also=["normalized_match"])
    alone = evaluate(tuned, [second], rows(60)).comparison
    primary, *others = report.matches
    assert primary.opponent == "local/base" and not primary.corrected
    assert primary.comparison.p_value == evaluate(tuned, [first], rows(60)).comparison.p_value
    assert [(m.opponent, m.metric, m.corrected) for m in others] == [
        ("local/base", "normalized_match", True),
        ("local/second", "exact_match", True),
        ("local/second", "normalized_match", True),
    ]
    # Holm by hand: the smallest of three p values times three, the two equal ones times two
    assert others[0].comparison.p_value == pytest.approx(3 * primary.comparison.p_value)
    assert others[1].comparison.p_value == pytest.approx(2 * alone.p_value)


def test_rows_with_one_prompt_count_as_one_cluster() -> None:
    data = ftkit.load([{"prompt": "same", "completion": f"a{i % 2}"} for i in range(40)])
    report = evaluate(model(lambda i, e: "a0"), [base()], data)
    assert report.comparison.wins == 20
    assert report.verdict is Verdict.NOT_ENOUGH_EVIDENCE  # one question, asked forty times
    assert "39 rows repeat the prompt of another" in report.notes[0]
    assert report.to_dict()["matches"][0]["comparison"]["low"] is None
