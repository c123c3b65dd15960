"""The guess at the kind of task: right on sets made for it and on published ones, and never a reason to stop."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data import check, load
from ftkit.data.checks.boilerplate import repeated_text
from ftkit.data.checks.copies import answer_in_the_prompt
from ftkit.data.checks.facts import changing_facts, closed_book
from ftkit.data.checks.view import view
from ftkit.data.tasks import Task, TaskKind, final_value, inferred_schema, label_set, task_of
from tests.published_data import banking77, e2e, gsm8k, needs_published
from tests.task_sets import SETS


def guess(rows: Sequence[object]) -> Task:
    task = task_of(list(load(rows)))
    assert task is not None
    return task


def of_pairs(pairs: Sequence[tuple[str, str]]) -> Task:
    return guess([{"prompt": p, "completion": c} for p, c in pairs])


@pytest.mark.parametrize("name", SETS)
def test_the_kind_of_a_made_set(name: str) -> None:
    kind, make = SETS[name]
    for seed in range(3):
        task = guess(make(Random(seed)))
        assert task.kind == kind, task.evidence
        assert all(task.evidence)


def test_the_made_sets_are_many_and_of_every_kind() -> None:
    assert len(SETS) >= 60 and {kind for kind, _ in SETS.values()} == set(TaskKind)


@needs_published
def test_banking77_is_a_classification_with_77_labels() -> None:
    task = of_pairs(banking77())
    assert task.kind is TaskKind.CLASSIFICATION and task.labels is not None
    assert set(task.labels.labels) == {label for _, label in banking77()}
    assert str(task) == "classification with 77 labels"


@needs_published
def test_gsm8k_is_reasoning() -> None:
    assert of_pairs(gsm8k()).kind is TaskKind.REASONING
    ends = [final_value(answer) == answer.rsplit("#### ")[-1].strip() for _, answer in gsm8k()]
    assert sum(ends) >= 0.99 * len(ends)


@needs_published
def test_e2e_is_generation_one_way_and_extraction_the_other_way() -> None:
    assert of_pairs(e2e()).kind is TaskKind.GENERATION
    as_text = of_pairs([(text, attributes) for attributes, text in e2e()])
    fields = [dict(re.findall(r"(\w[\w ]*)\[(.*?)\]", attributes)) for attributes, _ in e2e()]
    texts = [text for _, text in e2e()]
    as_json = of_pairs([(t, json.dumps(f)) for t, f in zip(texts, fields, strict=True)])
    for task in (as_text, as_json):
        assert task.kind is TaskKind.EXTRACTION and task.schema is not None
        assert set(task.schema["properties"]) == {name for one in fields for name in one}
        assert task.schema["required"] == ["name"]
        assert task.schema["properties"]["familyFriendly"]["enum"] == ["no", "yes"]
        jsonschema.Draft202012Validator(task.schema).validate(fields[17])


def test_a_set_that_is_json_in_94_of_100_rows_is_no_extraction() -> None:
    rows = [(f"p{i}", json.dumps({"a": i, "b": f"x{i}"})) for i in range(100)]
    assert of_pairs(rows).kind is TaskKind.EXTRACTION
    broken = [(f"p{i}", f"no order number {i} in it") for i in range(6)]
    assert of_pairs([*broken, *rows[6:]]).kind is TaskKind.GENERATION


def test_a_schema_says_types_required_keys_words_and_formats() -> None:
    days = [f"2025-01-{day:02}" for day in range(1, 31)]
    values = [
        {"day": day, "state": ("open", "shut")[i % 2], "n": i, "x": i / 2, "who": f"w{i}"}
        | ({"note": None if i % 4 else "late"} if i % 3 else {})
        | {"tags": ["a", "b"][: i % 3]}
        for i, day in enumerate(days)
    ]
    schema = inferred_schema(values)
    properties = schema["properties"]
    assert schema["required"] == ["day", "state", "n", "x", "who", "tags"]
    assert properties["day"] == {"type": "string", "format": "date"}
    assert properties["state"] == {"type": "string", "enum": ["open", "shut"]}
    assert properties["n"] == {"type": "integer"} and properties["x"] == {"type": "number"}
    assert properties["who"] == {"type": "string"}
    assert properties["note"] == {"type": ["null", "string"]}
    assert properties["tags"]["items"] == {"type": "string", "enum": ["a", "b"]}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.lists(_JSON, min_size=1, max_size=12))
def test_every_value_fulfils_the_schema_inferred_from_it(values: list[object]) -> None:
    validator = jsonschema.Draft202012Validator(inferred_schema(values))
    for value in values:
        validator.validate(value)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("She had 4 and got 5 more, so she has 4+5=9 in all.\n#### 9", "9"),
        ("We add three to both sides of it and see that x is $\\boxed{7}$.", "7"),
        ("First the train leaves at noon, then it waits an hour. The answer is (B).", "(B)"),
        ("It rains on two of the seven days that were counted. Answer: 2/7", "2/7"),
        ("The answer is 4.", None),
        ("I like the answer that you gave to the man at the gate.", None),
        ("The shop is open from 9 to 5 and shut on all Sundays of the year", None),
    ],
)
def test_a_worked_answer_has_work_and_a_value(answer: str, value: str | None) -> None:
    assert final_value(answer) == value


def test_labels_are_counted_in_one_spelling_and_shown_in_the_usual_one() -> None:
    answers = ["Refund", "refund ", "REFUND.", "Refund", "re-order", "Re_order", "re-order"] * 5
    found = label_set(answers, [f"question {i}" for i in range(len(answers))])
    assert found is not None and found.labels == ("Refund", "re-order")
    assert found.of_row[1] == "refund"


def test_numbers_that_name_classes_are_labels_and_numbers_worked_out_are_not() -> None:
    stars = [(f"review {i}", str(i % 5 + 1)) for i in range(100)]
    sums = [(f"{i % 7} + {i % 4} =", str(i % 7 + i % 4)) for i in range(100)]
    assert of_pairs(stars).kind is TaskKind.CLASSIFICATION
    assert of_pairs(sums).kind is TaskKind.GENERATION


_TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)
_ANSWERS = _TEXTS | st.sampled_from(
    ["{", '{"a": 1}', "[" * 5000, '{"a":' * 3000, "a[b], c[d]", "<a>b</a>", "####", "x: y", "1" * 5000]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.tuples(_TEXTS, _ANSWERS), min_size=1, max_size=12))
def test_no_answer_stops_the_guess(rows: list[tuple[str, str]]) -> None:
    report = check(load([{"prompt": p, "completion": c} for p, c in rows]))
    assert report.task is None or report.task.evidence
    json.dumps(report.to_dict())
    assert str(report)


@pytest.mark.parametrize(
    "text",
    ["```\n" + " " * 10**6 + "x\n```", "a:" + " " * 10**6 + "x", "1." * 10**6, "a[" * 10**6,
     "<a>b</a> " * 10**5, "The answer is " * 10**5, "[" * 10**6, "x" * 10**6],
    ids=["fence", "spaces", "numbers", "brackets", "tags", "answers", "json", "word"],
)  # fmt: skip
def test_an_endless_answer_is_looked_at_in_no_more_than_linear_time(text: str) -> None:
    rows = [(f"who is {i}", text if i < 2 else f"number {i}") for i in range(60)]
    seen = view(load([{"prompt": p, "completion": c} for p, c in rows]), None, None)
    assert seen.task is not None  # a search that backtracks would not end today
    for rule in (answer_in_the_prompt, closed_book, changing_facts, repeated_text):
        list(rule(seen))


def test_the_report_says_the_task_at_its_head() -> None:
    rows = [(f"question {i}", ("yes", "no")[i % 2]) for i in range(60)]
    report = check(load([{"prompt": p, "completion": c} for p, c in rows]))
    assert str(report).splitlines()[1].startswith("task: classification with 2 labels; 60 answers")
    assert report.to_dict()["task"]["labels"] == ["no", "yes"]
