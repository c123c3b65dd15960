"""Every format against every Example: it is read back equal, or refused for a feature that is not declared and no other."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from ftkit.data import Example, Message, ToolCall
from ftkit.data.formats import FORMATS, Format, row_of
from ftkit.data.formats.alpaca import Alpaca
from ftkit.data.formats.anthropic import Anthropic
from ftkit.data.formats.bedrock import Bedrock
from ftkit.data.formats.chat import Chat
from ftkit.data.formats.features import EVERYTHING, WORDS, features
from ftkit.data.formats.google import Google
from ftkit.errors import DataError
from tests.format_examples import WIRE, examples, json_values, plain_chats

CHATS = [one for one in FORMATS if {"system", "multi_turn"} <= one.carries and not one.needs]
by_name = pytest.mark.parametrize("format", FORMATS, ids=lambda one: one.name)

QUICK = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def through_a_file(row: dict[str, Any], format: Format) -> Example:
    values = json.loads(json.dumps(row))
    assert list(format.faults(values)) == []
    return format.example(values)


def judged(example: Example, format: Format) -> bool:
    """Whether it was carried: then it was carried whole. A refusal must be for what is not declared."""
    missing = {feature for feature, _ in features(example)} - format.carries
    lacking = set(format.needs) - {feature for feature, _ in features(example)}
    try:
        row = row_of(example, format)
    except DataError as error:
        assert missing or lacking, (format.name, error.faults)
        words = [WORDS[one] for one in missing | lacking]
        assert all(fault.field and any(w in fault.reason for w in words) for fault in error.faults)
        return False
    assert not missing and not lacking
    again = through_a_file(row, format)
    # the order of a tool's fields is what a template writes
    assert again == example and repr(again.tools) == repr(example.tools)
    return True


@by_name
@QUICK
@given(example=st.one_of(examples(), plain_chats()))
def test_an_example_comes_back_equal_or_is_refused_for_what_is_not_declared(
    format: Format, example: Example
) -> None:
    judged(example, format)


@pytest.mark.parametrize(
    ("one", "other"), list(itertools.permutations(CHATS, 2)), ids=lambda format: format.name
)
@settings(parent=QUICK, max_examples=12)
@given(example=plain_chats())
def test_no_text_chat_is_refused_between_the_formats_of_chats(
    one: Format, other: Format, example: Example
) -> None:
    there = through_a_file(row_of(example, one), one)
    assert through_a_file(row_of(there, other), other) == example


@pytest.mark.parametrize(
    ("one", "other"), list(itertools.permutations(FORMATS, 2)), ids=lambda format: format.name
)
@settings(parent=QUICK, max_examples=8)
@given(example=examples())
def test_what_two_formats_carry_comes_through_both(
    one: Format, other: Format, example: Example
) -> None:
    if judged(example, one):
        judged(through_a_file(row_of(example, one), one), other)


@by_name
@QUICK
@given(data=st.data())
def test_any_json_is_read_or_at_fault_and_never_breaks_a_reader(
    format: Format, data: st.DataObject
) -> None:
    keys = [*format.reads, "tools", "functions", "id"]
    inner = st.recursive(
        json_values,
        lambda deeper: (
            st.lists(deeper, max_size=3) | st.dictionaries(st.sampled_from(WIRE), deeper)
        ),
        max_leaves=8,
    )
    values = data.draw(st.dictionaries(st.sampled_from(keys), inner))
    before = json.dumps(values)
    format.sniff(values)
    if not list(format.faults(values)):
        assert isinstance(format.example(values), Example)
    assert json.dumps(values) == before


def test_two_answers_to_no_question_are_refused_where_the_prompt_has_to_have_a_turn() -> None:
    answers = (Message("system", "Be kind."), Message("assistant", "yes"))
    example = Example(answers, rejected=(Message("assistant", "no"),))
    written = {one.name: judged(example, one) for one in FORMATS if "rejected" in one.needs}
    assert written == {"preference": True, "chosen_rejected": True, "google_preference": False}


@pytest.mark.parametrize("feature", sorted(WORDS))
def test_the_examples_of_these_properties_have_every_feature(feature: str) -> None:
    strategy = st.one_of(examples(), plain_chats())
    quiet = settings(max_examples=3_000, deadline=None, database=None, phases=[Phase.generate])
    find(strategy, lambda example: feature in {f for f, _ in features(example)}, settings=quiet)


# --- the judge sees: a broken format turns the property red ---


class DropsTools(Chat):
    def write(self, example: Example) -> dict[str, Any]:
        return Chat.write(self, replace(example, tools=()))


class Strips(Chat):
    def example(self, values: Any) -> Example:
        found = Chat.example(self, values)
        turns = (replace(turn, content=turn.content.strip()) for turn in found.messages)
        return replace(found, messages=tuple(turns))


class Claims(Alpaca):
    carries = EVERYTHING - {"rejected"}


class ForgetsWhoAnswered(Google):
    """The role of a functionResponse is lost: it becomes the user's words."""

    def example(self, values: Any) -> Example:
        found = Google.example(self, values)
        turns = (
            Message("user", turn.content) if turn.role == "tool" else turn
            for turn in found.messages
        )
        return replace(found, messages=tuple(turns))


class SpellsArgumentsAnew(Bedrock):
    carries = Bedrock.carries | {"arguments_text"}


class DropsIds(Anthropic):
    def write(self, example: Example) -> dict[str, Any]:
        row = Anthropic.write(self, example)
        for message in row["messages"]:
            for block in message["content"] if isinstance(message["content"], list) else ():
                block.pop("id", None)
        return row


BROKEN = [DropsTools(), Strips(), Claims(), ForgetsWhoAnswered(), SpellsArgumentsAnew(), DropsIds()]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda one: type(one).__name__)
def test_a_broken_format_is_seen(broken: Format) -> None:
    arguments = '{"a":1}' if isinstance(broken, SpellsArgumentsAnew) else "{}"
    call = ToolCall("call_0", "find", arguments)
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
    rich = Example(
        (
            Message("user", " where? "),
            Message("assistant", "", tool_calls=(call,)),
            Message("tool", "there", tool_call_id="call_0"),
            Message("assistant", "there"),
        ),
        tools=(tool,),
    )
    assert judged(rich, Chat())
    with pytest.raises(AssertionError):
        judged(rich, broken)
