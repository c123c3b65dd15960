"""FT310: columns that say which rows were made from the same thing, told from classes, own ids and defaults."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from ftkit.data import Dataset, Finding, Severity, check, load

ROWS = 240


def made(column: str, value: Callable[[int], Any], answer: Callable[[int], str] = str) -> Dataset:
    return load(
        [
            {"prompt": f"What about thing {i}?", "completion": answer(i), column: value(i)}
            for i in range(ROWS)
        ]
    )


def found(data: Dataset, against: Dataset | None = None) -> list[Finding]:
    return [one for one in check(data, against=against).findings if one.code == "FT310"]


NAMES = """
doc_id docId documentID doc document url source_url source conversation_id conversationId customer user_id filename
threadid article patient ids group
"""


@pytest.mark.parametrize("column", NAMES.split())
def test_a_column_of_shared_ids_is_named_with_its_rows(column: str) -> None:
    data = made(column, lambda i: f"{column}-{i // 4}" if i < 200 else "")
    (finding,) = found(data)
    assert finding.severity is Severity.WARNING and finding.count == 200
    assert f"group_by={column!r}" in finding.mend and "50 values" in finding.detail
    (note,) = data.split().notes
    assert note.startswith("200 rows share") and f"group_by={column!r}" in note


def test_a_few_shared_values_are_information() -> None:
    (finding,) = found(made("doc_id", lambda i: i if i > 5 else i // 2))
    assert finding.severity is Severity.INFO and finding.rows == (1, 2, 3, 4, 5, 6)


def test_twenty_documents_in_many_rows_are_still_documents() -> None:
    assert found(made("doc_id", lambda i: f"report {i % 20}"))


def test_one_question_in_several_wordings_is_found_by_its_id() -> None:
    assert found(made("question_id", lambda i: i // 5, lambda i: f"answer {i // 5}"))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("category", lambda i: "abcde"[i % 5]),  # a class
        ("label", lambda i: f"l{i % 40}"),
        ("label_id", lambda i: i % 40),
        ("intent_id", lambda i: i % 40),
        ("language", lambda i: f"x{i % 40}"),
        ("doc_id", lambda i: i % 3),
        ("source", lambda i: ("web", "shop", "phone")[i % 3]),
        ("source", lambda i: f"site {i % 12}"),
        ("user", lambda i: i % 9),
        ("id", lambda i: i),  # its own
        ("url", lambda i: f"https://example.com/{i}"),
        ("doc_id", lambda i: "one"),  # a constant
        ("doc_id", lambda i: None),
        ("customer", lambda i: "unknown" if i % 2 or i < 10 else i),  # a default
        ("doc_id", lambda i: i % 2 == 0),
        ("doc_id", lambda i: i / 3 // 1.0 + 0.5),
        ("doc_id", lambda i: [i // 4]),
        ("paid", lambda i: i // 4),  # no id by its name
        ("valid", lambda i: i // 4),
        ("grid", lambda i: i // 4),
        ("score", lambda i: i // 4),
        ("created_at", lambda i: i // 4),
        ("template", lambda i: i // 4),
    ],
)
def test_what_only_looks_like_it_is_left_alone(column: str, value: Callable[[int], Any]) -> None:
    data = made(column, value)
    assert found(data) == []
    assert data.split().notes == ()


def test_the_id_of_a_label_is_a_class_whatever_its_name() -> None:
    labels = [f"label {n}" for n in range(12)]
    data = made("target_id", lambda i: i % 12, lambda i: labels[i % 12])
    assert found(data) == []


def test_rows_that_hang_together_by_their_prompt_need_no_group() -> None:
    data = load(
        [
            {"prompt": f"question {i // 4}", "completion": str(i), "doc_id": i // 4}
            for i in range(ROWS)
        ]
    )
    assert found(data) == [] and data.split(test=24).notes == ()


def test_with_the_held_out_rows_given_only_values_on_both_sides_count() -> None:
    data = made("doc_id", lambda i: i // 4)
    train, held = data.split(group_by="doc_id")
    assert found(train, held) == []
    rows = list(range(ROWS))
    random.Random(0).shuffle(rows)
    finding = found(data.select(rows[:200]), data.select(rows[200:]))[0]
    assert finding.title == "rows share values of 'doc_id' with held-out rows"
    shared = {i // 4 for i in rows[:200]} & {i // 4 for i in rows[200:]}
    assert set(finding.rows) == {i + 1 for i in rows[:200] if i // 4 in shared}
    assert f"{len(shared)} values stand on both sides" in finding.detail
