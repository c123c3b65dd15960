"""What `evaluate` asks: every contender once, the same rows in the same way, up to the same bound."""

from __future__ import annotations

from typing import cast

import pytest

import ftkit
from ftkit.data import Example, Message
from ftkit.errors import ProviderError
from ftkit.evaluation import evaluate
from ftkit.evaluation.runner import tokens_for
from tests.answering import Answering, base, model, right_on, rows


def test_every_contender_is_asked_once_greedily_with_the_same_bound() -> None:
    contenders = [model(right_on([])), base()]
    data = rows(5, answers=["x" * 100])
    evaluate(contenders[0], contenders[1:], data, also=["normalized_match"])
    for one in contenders:
        (options,) = cast(Answering, one).asked
        # greedy by default: not every model knows a temperature, and one that is named is refused there
        assert options["max_tokens"] == 66
        assert {"temperature", "top_p", "seed"}.isdisjoint(options)


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
