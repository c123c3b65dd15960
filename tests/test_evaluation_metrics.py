"""How an answer is scored: the metrics that are built in, a user's own, and what is said of one that fails."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest

import ftkit
from ftkit.backend import Score
from ftkit.data import Example
from ftkit.errors import ConfigError, DataError, FtkitError
from ftkit.evaluation import METRICS, Metric, Verdict, evaluate
from ftkit.evaluation.metrics import as_number, choose_metrics, json_equal, normalized_match
from tests.answering import Answering, base, model, right_on, rows


@pytest.mark.parametrize(
    ("answer", "reference", "equal"),
    [
        ('{"a": 1, "b": [true, null]}', '{"b":[true,null],"a":1.0}', True),
        ("1e2", "100", True),
        (" [1]\n", "[1]", True),
        ("-0", "0", True),
        ("true", "1", False),
        ('{"a": [0]}', '{"a": [false]}', False),
        ("[1, 2]", "[2, 1]", False),
        ("[1]", "[1, 1]", False),
        ('{"a": 1}', '{"a": 1, "b": null}', False),
        ('"1"', "1", False),
        ("null", "0", False),
        ('{"a": 1, "a": 1}', '{"a": 1}', False),
        ("NaN", "null", False),
        ('```json\n{"a": 1}\n```', '{"a": 1}', False),
        ("", "{}", False),
        ("[" * 50_000, "[]", False),
        ('"\\ud800"', '"a"', False),
        ("\ud800", '"a"', False),
    ],
)
def test_json_is_compared_as_values(answer: str, reference: str, equal: bool) -> None:
    assert json_equal(answer, reference) is equal


def test_a_reference_that_is_no_json_is_refused_by_row_before_any_model_is_asked() -> None:
    data = ftkit.load(
        [{"prompt": "a", "completion": "{}"}, {"prompt": "b", "completion": "{'x': 1}"}]
    )
    tuned = model(right_on([]))
    with pytest.raises(
        DataError, match="row 2: json_equal: the reference answer is not strict JSON"
    ):
        evaluate(tuned, [base()], data, metric="json_equal")
    assert cast(Answering, tuned).asked == []


@pytest.mark.parametrize(
    ("answer", "reference", "equal"),
    [
        ("The Eiffel Tower!", "eiffel  tower", True),
        ("an answer", "the answer.", True),
        ("theatre", "atre", False),
        ("Paris, France", "Paris", False),
        ("B", "A", False),
        ("the", "A", False),
        ("a", "A", True),
    ],
)
def test_normalized_match_is_squads_with_labels_kept_apart(
    answer: str, reference: str, equal: bool
) -> None:
    assert normalized_match(answer, reference) is equal


def test_exact_match_forgives_white_space_at_the_ends_only() -> None:
    exact = cast(Any, METRICS["exact_match"].function)
    assert exact(" yes\n", "yes", None) is True
    assert exact("Yes", "yes", None) is False
    assert exact("y es", "yes", None) is False


def test_an_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'exact_match'"):
        evaluate(model(right_on([])), [base()], rows(3), metric="exact_mach")


@pytest.mark.parametrize("metric", [3, None])
def test_something_that_is_no_metric_is_refused(metric: Any) -> None:
    with pytest.raises(ConfigError, match="a metric is a name"):
        choose_metrics(metric)


def test_a_metric_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="'nll' is given twice"):
        choose_metrics("nll", ["nll"])
    with pytest.raises(ConfigError, match="'lambda' is given twice"):
        choose_metrics(lambda a, r, e: 1.0, [lambda a, r, e: 0.0])
    with pytest.raises(ConfigError, match=r"write also=\['nll'\]"):
        choose_metrics("exact_match", "nll")


def test_a_users_function_sees_answer_reference_and_example() -> None:
    def close(answer: str, reference: str, example: Example) -> float:
        return 1 - abs(len(answer) - len(reference)) / (10 + example.fields["weight"])

    data = ftkit.load(
        [{"prompt": f"q{i}", "completion": "x" * i, "weight": i} for i in range(1, 31)]
    )
    report = evaluate(model(lambda i, e: e.answer), [base(lambda i, e: "")], data, metric=close)
    assert report.metric == "close"
    assert not report.metrics["close"].share
    assert report.rows[9].scores["close"] == {"local/tuned": 1.0, "local/base": 0.5}
    assert report.verdict is Verdict.BETTER


def test_a_users_metric_may_be_an_error_rate() -> None:
    wrong = Metric("wrong", lambda a, r, e: a != r, higher_is_better=False)
    report = evaluate(model(right_on(range(30))), [base()], rows(30), metric=wrong)
    assert report.verdict is Verdict.BETTER
    assert [row.number for row in report.won(report.matches[0])] == list(range(1, 31))


def test_a_function_that_raises_is_named_with_its_row_and_the_cause() -> None:
    def fragile(answer: str, reference: str, example: Example) -> float:
        return 1 / int(answer == "wrong" or reference != "other")

    with pytest.raises(DataError) as caught:
        evaluate(model(right_on([2, 8])), [base()], rows(9), metric=fragile)
    assert [fault.row for fault in caught.value.faults] == [3, 9]
    assert "the metric 'fragile' failed on 2 of 9 rows, scoring local/tuned" in str(caught.value)
    assert "ZeroDivisionError" in str(caught.value)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("returned", [None, "1", math.nan, math.inf, [1.0], 1j])
def test_a_function_that_returns_no_number_is_named_with_its_row(returned: Any) -> None:
    with pytest.raises(DataError, match="row 1: (TypeError|ValueError): it returned"):
        evaluate(model(right_on([])), [base()], rows(2), metric=lambda a, r, e: returned)


@pytest.mark.parametrize("value", [True, 1, 1.0, np.float32(1), np.int64(1), np.bool_(True)])
def test_numbers_of_array_libraries_count_as_numbers(value: Any) -> None:
    assert as_number(value) == 1.0


def test_nll_without_a_scored_token_is_refused_by_row() -> None:
    tuned = model(right_on([]))
    tuned.score = lambda examples, **options: [Score(0.0, 0) for _ in examples]  # type: ignore[method-assign]
    with pytest.raises(DataError, match="row 1: ValueError: no token of the answer was scored"):
        evaluate(tuned, [base()], rows(2), metric="nll")


def test_errors_of_this_room_are_typed() -> None:
    with pytest.raises(FtkitError):
        Metric("", lambda a, r, e: 1.0)
