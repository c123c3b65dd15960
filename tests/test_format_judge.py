"""The formats before their judge: a sample here, 10,000 rows a format and the table of all pairs in `make torture`."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ftkit.data import Example, Message
from ftkit.data.formats import NAMES, Alpaca, Chat, Format, Preference, ShareGPT, candidates, row_of
from ftkit.errors import DataError
from tests.format_examples import some_text
from tests.format_judging import Judge, essence, missing
from tests.format_rows import DIALECTS, NO, pool, rows, written_rows

FORMATS: tuple[Format, ...] = tuple(candidates(name, None, None, None)[0] for name in NAMES)
CHATS = [one for one in FORMATS if {"system", "multi_turn"} <= one.carries and not one.needs]
PAIRS = [one for one in FORMATS if {"system", "multi_turn"} <= one.carries and one.needs]
SAMPLE, LONG = 300, 10_000
by_name = pytest.mark.parametrize("format", FORMATS, ids=lambda one: one.name)


def judged(format: Format, count: int, phases: Collection[Phase] = tuple(Phase)) -> Judge:
    """So many rows."""
    judge = Judge(format)
    good = pool(format, 40 if count < LONG else 500)

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(row=rows(format, good))
    def look(row: dict[str, Any]) -> None:
        judge.look(row)

    look()
    return judge


@by_name
@pytest.mark.parametrize("count", [SAMPLE, pytest.param(LONG, marks=pytest.mark.torture)])
def test_nothing_of_a_row_gets_lost_and_no_reader_breaks(format: Format, count: int) -> None:
    judge = judged(format, count)
    print(judge)
    assert judge.seen["rows"] >= count
    assert judge.seen["read"] > count / 10
    assert judge.seen["written"] > count / 20


@pytest.mark.parametrize("name", [name for name in DIALECTS if name in NAMES])
def test_the_dialects_are_rows_of_their_format(name: str) -> None:
    (format,) = candidates(name, None, None, None)
    for row in DIALECTS[name]:
        assert list(format.faults(row)) == []


QUESTION = {"role": "user", "content": "where?"}
CALL = {"id": "c", "type": "function", "function": {"name": "find", "arguments": "{}"}}
PICTURE = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}


@pytest.mark.parametrize(
    ("turn", "field"),
    [
        ({"tool_calls": [{**CALL, "note": "x"}]}, "messages[1].tool_calls[0].note"),
        (
            {"tool_calls": [{**CALL, "function": {**CALL["function"], "note": "x"}}]},
            "messages[1].tool_calls[0].function.note",
        ),
        (
            {"content": [{"type": "text", "text": "there", "note": "x"}]},
            "messages[1].content[0].note",
        ),
        ({"role": "user", "content": [{**PICTURE, "note": "x"}]}, "messages[1].content[0].note"),
        (
            {
                "role": "user",
                "content": [{**PICTURE, "image_url": {**PICTURE["image_url"], "note": "x"}}],
            },
            "messages[1].content[0].image_url.note",
        ),
    ],
)
def test_a_field_that_nobody_reads_is_at_fault_wherever_it_stands(
    turn: dict[str, Any], field: str
) -> None:
    row = {"messages": [QUESTION, {"role": "assistant", "content": "there", **turn}]}
    assert [fault.field for fault in Chat().faults(row)] == [field]


def test_so_is_one_beside_the_messages_of_a_pair() -> None:
    answer = [{"role": "assistant", "content": "there"}]
    row = {
        "input": {"messages": [QUESTION], "note": "x", "empty": None},
        "preferred_output": answer,
        "non_preferred_output": answer,
    }
    assert [fault.field for fault in Preference().faults(row)] == ["input.note"]


# --- pairs of formats ---


@pytest.mark.parametrize("count", [20, pytest.param(1_000, marks=pytest.mark.torture)])
def test_what_one_format_holds_another_takes_whole_or_refuses(count: int) -> None:
    shares: dict[tuple[str, str], Counter[bool]] = {}
    for one in FORMATS:
        for row in written_rows(one, count):
            example = one.example(row)
            for other in FORMATS:
                taken = taken_whole(example, other)
                shares.setdefault((one.name, other.name), Counter())[taken] += 1
    print(f"\nrefused by column, of {count:,} rows that the format of the line holds")
    print(table(shares))
    for one in FORMATS:
        assert shares[one.name, one.name][False] == 0


def taken_whole(example: Example, format: Format) -> bool:
    try:
        row = json.loads(json.dumps(row_of(example, format)))
    except DataError as error:
        assert all(fault.field for fault in error.faults), error.faults
        return False
    assert list(format.faults(row)) == []
    assert essence(format.example(row)) == essence(example)
    return True


@pytest.mark.parametrize("turns", [1, 3], ids=["single-turn", "multi-turn"])
@pytest.mark.parametrize("system", [False, True], ids=["no system", "system"])
@pytest.mark.parametrize("count", [5, pytest.param(300, marks=pytest.mark.torture)])
def test_no_text_chat_is_refused_between_chats_and_no_pair_between_pairs(
    turns: int, system: bool, count: int
) -> None:
    shares: dict[tuple[str, str], Counter[bool]] = {}

    @settings(
        max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(texts=st.lists(some_text, min_size=2 * turns + 1, max_size=2 * turns + 1))
    def through(texts: list[str]) -> None:
        said = [
            Message(role, text)
            for role, text in zip(["user", "assistant"] * turns, texts, strict=False)
        ]
        chat = Example((*([Message("system", texts[-1])] if system else []), *said))
        for one, other in itertools.product(FORMATS, repeat=2):
            example = replace(chat, rejected=NO if "rejected" in one.needs else ())
            taken = taken_whole(example, one) and taken_whole(example, other)
            shares.setdefault((one.name, other.name), Counter())[taken] += 1

    through()
    print(f"\n{turns} question(s), {'with' if system else 'without'} system; refused of {count:,}")
    print(table(shares))
    for one, other in (*itertools.product(CHATS, repeat=2), *itertools.product(PAIRS, repeat=2)):
        assert shares[one.name, other.name][False] == 0, (one.name, other.name)


def table(shares: dict[tuple[str, str], Counter[bool]]) -> str:
    width = max(map(len, NAMES)) + 1
    lines = [" " * width + "".join(f"{name:>{width}}" for name in NAMES)]
    for one in NAMES:
        cells = (shares[one, other] for other in NAMES)
        lines.append(
            f"{one:<{width}}" + "".join(f"{c[False] / c.total():>{width}.1%}" for c in cells)
        )
    return "\n".join(lines)


# --- the judge sees ---


class DropsTheInput(Alpaca):
    def example(self, values: Any) -> Example:
        return Alpaca.example(self, {**values, "input": ""})


class DropsAColumn(ShareGPT):
    def example(self, values: Any) -> Example:
        found = ShareGPT.example(self, values)
        return replace(found, fields={k: v for k, v in found.fields.items() if k != "note"})


class RaisesOnAList(Chat):
    def faults(self, values: Any) -> Any:
        for turn in values.get("messages", ()):
            turn["content"].strip()
        return Chat.faults(self, values)


class DropsNames(Chat):
    def write(self, example: Example) -> dict[str, Any]:
        turns = tuple(replace(turn, name=None) for turn in example.messages)
        return Chat.write(self, replace(example, messages=turns))


class FillsIn(Chat):
    def faults(self, values: Any) -> Any:
        values.setdefault("tools", [])
        return Chat.faults(self, values)


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (DropsTheInput(), AssertionError),
        (DropsAColumn(), AssertionError),
        (RaisesOnAList(), (AttributeError, TypeError, KeyError)),
        (DropsNames(), AssertionError),
        (FillsIn(), AssertionError),
    ],
    ids=lambda one: getattr(one, "name", "") and type(one).__name__,
)
def test_the_judge_sees_a_broken_format(broken: Format, error: Any) -> None:
    with pytest.raises(error):
        judged(broken, LONG - 1, [Phase.generate])


def test_the_judge_looks_for_texts_and_numbers_wherever_they_may_be() -> None:
    example = Example((Message("user", 'a "b"'), Message("assistant", '{"c": 7}')), {"n": 2.5})
    assert list(missing({"x": ["a", {"c": 7}], "role": "user", "n": 2.5}, example)) == []
    assert list(missing({"x": "lost", "n": 3, "role": "Not A Role"}, example)) == [
        "lost",
        3,
        "Not A Role",
    ]
    assert list(missing({"tools": '{"d": "a"}'}, example)) == []
    assert list(missing({"tools": '{"d": "z"}'}, example)) == ['{"d": "z"}']
