"""Splits keep together what is the same question in other words, and say so where they cannot."""

from __future__ import annotations

import logging
import pickle
import sys
from typing import Any

import pytest

from ftkit.data import Dataset, Split, load
from ftkit.errors import ConfigError, DataError

LONG = "How long does a transfer from my bank to the new account take in the summer?"
NEARLY = LONG.replace("summer", "winter")
SINGLES = [f"{word} {i} {word[::-1]}" for i in range(30) for word in ("lamp", "chair", "door")]
TEMPLATE = [f"Please tell us when order {n} comes to the house of you" for n in range(60)]


def rows(*questions: str, **columns: Any) -> Dataset:
    return load(
        [{"prompt": text, "completion": f"answer {i}"} for i, text in enumerate(questions)],
        **columns,
    )


def together(data: Dataset, *texts: str, **options: Any) -> bool:
    """Whether the questions stand on one side, whatever is held out."""
    for seed in range(30):
        sides = [
            {example.prompt[-1].content for example in part}
            for part in data.split(test=0.4, seed=seed, **options)
        ]
        if not any(set(texts) <= side for side in sides):
            return False
    return True


def test_the_result_is_a_pair_with_names() -> None:
    split = rows(*SINGLES).split(test=9)
    train, held_out = split
    assert isinstance(split, Split) and split.train is train and split.held_out is held_out
    assert (split.moved, split.notes) == ((), ())
    again = pickle.loads(pickle.dumps(split))
    assert [part.sha256 for part in again] == [train.sha256, held_out.sha256]
    assert repr(split) == "Split(81 rows to train on, 9 held out)" == repr(again)


@pytest.mark.parametrize("other", [LONG.upper().replace(" ", "  ").strip("?"), NEARLY])
def test_the_same_question_in_other_words_stays_on_one_side(other: str) -> None:
    assert together(rows(*SINGLES, LONG, other), LONG, other)


def test_a_near_duplicate_of_one_wording_hangs_with_the_other_wording() -> None:
    """The wording with commas is near the third question, the one without them is not."""
    commas = ", ".join(LONG.split())
    third = commas.replace("summer", "winter")
    assert together(rows(*SINGLES, LONG, commas, third), LONG, commas, third)


def test_near_duplicates_may_part_where_the_caller_says_so() -> None:
    data = rows(*SINGLES, LONG, NEARLY)
    for options in ({"near": False}, {"duplicates": "row"}, {"near": 0.99}):
        assert not together(data, LONG, NEARLY, **options)
    assert together(data, LONG, NEARLY, duplicates="row", near=0.8)
    assert not together(rows(*SINGLES, LONG, LONG.upper()), LONG, LONG.upper(), duplicates="row")


def test_another_question_is_not_kept_together() -> None:
    assert not together(rows(*SINGLES, LONG, "Where is my card?"), LONG, "Where is my card?")
    assert not together(rows(*SINGLES, "12 + 7", "12 + 9"), "12 + 7", "12 + 9")


def test_conversations_of_which_one_is_the_start_of_the_other_stay_together() -> None:
    turns = [("user", "Hi"), ("assistant", "Hello"), ("user", "A bill?"), ("assistant", "Sent")]
    told = [{"role": role, "content": text} for role, text in turns]
    others = [
        [{"role": "user", "content": text}, {"role": "assistant", "content": "x"}]
        for text in SINGLES
    ]
    data = load([{"messages": one} for one in (*others, told, told[:2])])
    for seed in range(30):
        train, _ = data.split(test=0.4, seed=seed)
        numbers = {row.number for row in train.rows}
        assert (91 in numbers) == (92 in numbers)


def test_rows_made_from_one_template_are_split_all_the_same_and_it_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "ftkit"):
        split = rows(*TEMPLATE, *SINGLES[:20]).split(test=8)
    assert len(split.held_out) == 8
    assert "with them up to 60 of 80 rows hang together" in split.notes[0]
    assert split.notes[0] in caplog.text


def test_a_template_of_less_than_half_of_the_rows_stays_together() -> None:
    data = rows(*TEMPLATE[:30], *SINGLES[:50])
    assert data.split(test=8).notes == ()
    assert together(data, *TEMPLATE[:30])


def test_near_duplicates_that_leave_no_split_are_given_up_for_one() -> None:
    halves = [text.replace("Please", word) for word in ("Please", "Kindly do") for text in TEMPLATE]
    split = rows(*halves).split(test=0.1)
    assert 6 <= len(split.held_out) <= 18 and "were not kept together" in split.notes[0]


def test_where_they_were_asked_for_that_is_an_error() -> None:
    with pytest.raises(DataError, match=r"near duplicates in 11 parts.*near=False"):
        rows(*TEMPLATE, *SINGLES[:10]).split(test=30, near=0.8)


@pytest.mark.parametrize(
    ("bound", "value", "words"),
    [
        ("likeness.exact_pairs._MOST_PAIRS", 100, "made from one template"),
        ("likeness.near.MOST_ROWS", 50, "80 rows, more than 50: pip install"),
    ],
)
def test_a_search_that_is_too_much_is_left_out_and_said(
    bound: str, value: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"ftkit.data.{bound}", value)
    monkeypatch.setitem(sys.modules, "datasketch", None)
    data = rows(*TEMPLATE, *SINGLES[:20])
    assert words in data.split(test=8).notes[0]
    with pytest.raises(DataError, match=rf"(?s)near=0.7.*{words}.*near=False.*group_by="):
        data.split(test=8, near=0.7)
    assert data.split(test=8, near=False).notes == ()
    assert data.split(test=8, duplicates="row").notes == ()


@pytest.mark.parametrize("near", [True, 0, -0.1, 1.1, "0.8"])
def test_a_similarity_that_makes_no_sense_is_refused(near: Any) -> None:
    with pytest.raises(ConfigError, match="near="):
        rows(*SINGLES).split(near=near)


def test_a_question_about_many_documents_is_many_questions() -> None:
    """The document is the system prompt; without it all rows would be one question."""
    data = load(
        [
            {
                "messages": [
                    {"role": "system", "content": text},
                    {"role": "user", "content": "Summarise it."},
                    {"role": "assistant", "content": text[:5]},
                ]
            }
            for text in SINGLES
        ]
    )
    split = data.split(test=9)
    assert len(split.held_out) == 9
    assert "under different system prompts" in split.notes[0]


def test_another_system_prompt_does_not_part_a_question() -> None:
    asked = [
        {"prompt": text, "completion": "x", "kind": "q"} for text in (*SINGLES, "Where is it?")
    ]
    one, other = load(asked, system="Be kind."), load(asked[-1:], system="Be quick.")
    data = load([{"messages": _turns(example)} for part in (one, other) for example in part])
    for seed in range(30):
        numbers = {row.number for row in data.split(test=0.4, seed=seed)[0].rows}
        assert (91 in numbers) == (92 in numbers)


def _turns(example: Any) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in example.messages]


def test_a_column_that_looks_like_an_id_is_named() -> None:
    made = [
        {"prompt": text, "completion": f"a{i}", "doc_id": f"d{i // 3}", "n": i // 3}
        for i, text in enumerate(SINGLES)
    ]
    split = load(made).split(test=9)
    assert [note for note in split.notes if "group_by='doc_id'" in note] == list(split.notes)
    assert load(made).split(test=9, group_by="doc_id").notes == ()
