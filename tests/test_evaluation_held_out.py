"""Rows that cannot carry a verdict are refused or noted: none, or some that a contender has seen."""

from __future__ import annotations

import sys
from typing import cast

import pytest

import ftkit
from ftkit.errors import ConfigError, DataError
from ftkit.evaluation import evaluate
from tests.answering import Answering, base, model, right_on, rows


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
    assert not any("nearly known" in note for note in report.notes), "it is said once"


LONG = "How long does a transfer from my bank to the new account take in the summer?"


def test_questions_that_are_nearly_those_of_the_training_rows_are_counted_in_a_note() -> None:
    train = ftkit.load([{"prompt": p, "completion": "a"} for p in (LONG, "Who is there?")])
    asked = ["new", LONG.replace("summer", "winter"), "who is there", LONG.replace("bank", "bond")]
    data = ftkit.load([{"prompt": p, "completion": "b"} for p in asked])
    report = evaluate(model(right_on([])), [base()], data, train=train)
    (note,) = [note for note in report.notes if "nearly known" in note]
    assert note.startswith("3 of 4 held-out rows are nearly known from the training rows")
    assert "nearly the same question: 2 (rows 2 and 4)" in note
    assert "but for case, spaces and punctuation: 1 (row 3)" in note


def test_new_questions_bring_no_note() -> None:
    train, data = rows(4), rows(9).select([7, 8])
    report = evaluate(model(right_on([])), [base()], data, train=train)
    assert not [note for note in report.notes if "known" in note or "looked for" in note]


def test_that_near_duplicates_were_not_looked_for_is_a_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ftkit.data.likeness.near.MOST_ROWS", 3)
    monkeypatch.setitem(sys.modules, "datasketch", None)
    report = evaluate(model(right_on([])), [base()], rows(9).select([7, 8]), train=rows(4))
    assert [note for note in report.notes if "were not looked for: 6 rows" in note]


def test_other_training_rows_than_the_recorded_ones_are_a_note() -> None:
    tuned = model(right_on([]), tuned=True, data_sha256="0" * 64)
    report = evaluate(tuned, [base()], rows(9).select([7, 8]), train=rows(4))
    assert any("are not those that local/tuned was trained on" in note for note in report.notes)
