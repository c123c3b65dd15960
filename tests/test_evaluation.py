"""What `evaluate` asks, how it scores, which rows it refuses and when it says better."""

from __future__ import annotations

import json
import math
import random
from typing import Any, cast

import numpy as np
import pytest

import ftkit
from ftkit.backend import Score
from ftkit.data import Example, Message
from ftkit.errors import ConfigError, DataError, FtkitError, ProviderError
from ftkit.evaluation import METRICS, Metric, Report, Verdict, evaluate
from ftkit.evaluation.metrics import as_number, choose_metrics, json_equal, normalized_match
from ftkit.evaluation.runner import tokens_for
from ftkit.evaluation.wording import evidence_hint, probability
from tests.answering import Answering, model, right_on, rows


def base(answer: Any = lambda index, example: "wrong", **record: Any) -> Any:
    return model(answer, native="base", **record)


# --- verdicts ----------------------------------------------------------------------------------------------------


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


# --- what is asked -----------------------------------------------------------------------------------------------


def test_every_contender_is_asked_once_greedily_with_the_same_bound() -> None:
    contenders = [model(right_on([])), base()]
    data = rows(5, answers=["x" * 100])
    evaluate(contenders[0], contenders[1:], data, also=["normalized_match"])
    for one in contenders:
        (options,) = cast(Answering, one).asked
        assert (options["max_tokens"], options["temperature"]) == (66, 0.0)


@pytest.mark.parametrize(
    ("answer", "tokens"), [("", 16), ("x" * 40, 36), ("猫" * 40, 76), ("x" * 9000, 1024)]
)
def test_the_bound_follows_the_longest_reference(answer: str, tokens: int) -> None:
    messages = (Message("user", "q"), Message("assistant", answer))
    assert tokens_for([Example(messages)]) == tokens


def test_answers_cut_at_the_bound_are_counted_in_a_note() -> None:
    tuned = model(right_on([]))
    cast(Answering, tuned).finish_reason = "length"
    report = evaluate(tuned, [base()], rows(4), max_tokens=3)
    assert report.contender("local/tuned").finish_reasons == {"length": 4}
    assert "4 of 4 answers of local/tuned were cut at max_tokens=3" in str(report)


def test_a_conversation_is_judged_on_its_last_answer() -> None:
    turns = [("user", "a"), ("assistant", "first"), ("user", "b"), ("assistant", "last")]
    data = ftkit.load([{"messages": [{"role": r, "content": c} for r, c in turns]}])
    report = evaluate(model(lambda i, e: "last"), [base(lambda i, e: "first")], data)
    (row,) = report.rows
    assert [message.content for message in row.prompt] == ["a", "first", "b"]
    assert row.scores["exact_match"] == {"local/tuned": 1.0, "local/base": 0.0}


def test_a_model_that_skips_rows_is_an_error_not_a_shifted_comparison() -> None:
    tuned = model(right_on([]))
    whole = tuned.map
    tuned.map = lambda questions, **options: whole(list(questions)[:-1], **options)  # type: ignore[method-assign]
    with pytest.raises(ProviderError, match="local/tuned answered 2 of 3 rows"):
        evaluate(tuned, [base()], rows(3))


def test_progress_names_what_is_going_on() -> None:
    seen: list[tuple[str, int, int]] = []
    tuned = model(right_on([]))
    evaluate(tuned, [base()], rows(3), progress=lambda *told: seen.append(told))
    cast(Answering, tuned).asked[0]["progress"](1, 3)
    assert seen == [("answers of local/tuned", 1, 3)]


# --- rows that cannot carry a verdict ----------------------------------------------------------------------------


def test_no_rows_are_refused() -> None:
    with pytest.raises(DataError, match="no rows to evaluate on"):
        evaluate(model(right_on([])), [base()], rows(3).select([]))


def test_no_opponent_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one model"):
        evaluate(model(right_on([])), [], rows(3))


@pytest.mark.parametrize(
    ("field", "words"), [("data_sha256", "was trained on"), ("validation_sha256", "validated")]
)
def test_rows_that_a_contender_was_trained_or_validated_on_are_refused(
    field: str, words: str
) -> None:
    data = rows(5)
    for tuned_first in (True, False):
        seen = model(right_on([]), tuned=True, **{field: data.sha256})
        pair = [seen, base()] if tuned_first else [base(), seen]
        with pytest.raises(DataError, match=words):
            evaluate(pair[0], pair[1:], data)
        assert cast(Answering, seen).asked == []


def test_held_out_rows_that_stand_in_the_training_rows_are_refused_by_number() -> None:
    data, train = rows(10), rows(4)
    with pytest.raises(DataError) as caught:
        evaluate(model(right_on([])), [base()], data, train=train)
    assert [fault.row for fault in caught.value.faults] == [1, 2, 3, 4]
    assert "is also training row 4" in str(caught.value)


def test_another_system_prompt_does_not_make_a_row_new() -> None:
    train = ftkit.load([{"prompt": "q", "completion": "a"}], system="You route tickets.")
    data = ftkit.load([{"prompt": "q", "completion": "a"}])
    with pytest.raises(DataError, match="also in the training rows"):
        evaluate(model(right_on([])), [base()], data, train=train)


def test_a_question_seen_with_another_answer_is_a_note() -> None:
    train = ftkit.load([{"prompt": "q", "completion": "a"}, {"prompt": "r", "completion": "a"}])
    data = ftkit.load([{"prompt": "p", "completion": "b"}, {"prompt": "q", "completion": "b"}])
    report = evaluate(model(right_on([])), [base()], data, train=train)
    assert any(note.startswith("held-out row 2: the question is also") for note in report.notes)


def test_other_training_rows_than_the_recorded_ones_are_a_note() -> None:
    tuned = model(right_on([]), tuned=True, data_sha256="0" * 64)
    report = evaluate(tuned, [base()], rows(9).select([7, 8]), train=rows(4))
    assert any("are not those that local/tuned was trained on" in note for note in report.notes)


# --- baselines ---------------------------------------------------------------------------------------------------


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


# --- metrics -----------------------------------------------------------------------------------------------------


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


# --- the report --------------------------------------------------------------------------------------------------


def _report(**options: Any) -> Report:
    data, train = rows(60).select(range(30, 60)), rows(30)
    tuned = model(right_on(range(20)), tuned=True, data_sha256=train.sha256)
    return evaluate(tuned, [base(right_on(range(15, 25)))], data, train=train, **options)


def test_a_report_as_dict_is_json_with_every_row() -> None:
    report = _report(also=["nll"])
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["schema_version"] == 1
    assert values["verdict"] == report.verdict
    assert values["data_sha256"] == rows(60).select(range(30, 60)).sha256
    assert [row["number"] for row in values["rows"]] == list(range(31, 61))
    assert values["rows"][0]["answers"]["local/tuned"] == "billing"
    assert values["contenders"][0]["estimates"]["exact_match"]["mean"] == pytest.approx(20 / 30)
    assert values["contenders"][0]["output_tokens"] == 60


def test_won_and_lost_rows_add_up_with_the_comparison() -> None:
    report = _report()
    primary = report.matches[0]
    assert [row.number for row in report.won(primary)] == [31 + i for i in range(15)]
    assert [row.number for row in report.lost(primary)] == [31 + i for i in range(20, 25)]
    assert (report.comparison.wins, report.comparison.losses) == (15, 5)


def test_the_same_evaluation_gives_the_same_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "now").write_text("2026-11-24T12:00:00+00:00")
    monkeypatch.setenv("FTKIT_NOW", f"file:{tmp_path / 'now'}")
    assert _report(also=["nll"]).to_dict() == _report(also=["nll"]).to_dict()
    assert _report().evaluated_at == "2026-11-24T12:00:00+00:00"


def test_nothing_in_a_row_steers_the_terminal() -> None:
    evil = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J back\x08 \u202egnp\u202c\u200b line\nbreak\rover"
    data = ftkit.load([{"prompt": f"{evil} {i}", "completion": evil} for i in range(3)])
    tuned = model(lambda i, e: f"{evil}!", native="tu\x1b[2Jned")
    text = str(evaluate(tuned, [base(lambda i, e: e.answer)], data))
    assert 'row 1: "red back gnp line break over 0" expected "red back gnp line break over"' in text
    assert [
        c
        for c in text
        if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160 or ord(c) in (0x202E, 0x200B))
    ] == []


@pytest.mark.parametrize(
    ("p_value", "words"),
    [(0.00002, "p < 0.0001"), (0.0496, "p = 0.0496"), (0.38, "p = 0.38"), (1.0, "p = 1.00")],
)
def test_p_values_do_not_round_across_the_line(p_value: float, words: str) -> None:
    assert probability(p_value) == words


def test_errors_of_this_room_are_typed() -> None:
    with pytest.raises(FtkitError):
        Metric("", lambda a, r, e: 1.0)
