"""No rule raises for what rows hold, and none reads a text more often than it is long."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data import load
from ftkit.data.checks import RULES
from ftkit.data.checks.damage import doubtful_decoding
from ftkit.data.checks.languages import other_languages
from ftkit.data.checks.rules import Rule
from ftkit.data.checks.triggers import planted_triggers
from ftkit.data.checks.view import view

ALL: tuple[Rule, ...] = (*RULES, doubtful_decoding, other_languages, planted_triggers)
MEGABYTE = 1_000_000
PIECES = (
    "a", "1", " ", "\n", ".", "-", "a1", "A-", "1 ", "1.", "+1 ", "(0", "@", "a@b.", "://", "://a:", "<a ", "&#1", "<!--", "ey",
    "eyJ", "sk-", "SK", "AKIA", "key=", "password is ", "Bearer ", "-----BEGIN ", "PRIVATE KEY-----", "ignore all ", "Ã", "â€",
    "é", "漢", "\u200d", "\U000e0041", "i am sorry, but i ", "es tut mir leid, ich kann ", "as an ai ", "lorem ipsum ", "```", "{[",
    "DE89", "Steuer 1", "tel: 1", "2001:", "1:", "_", "=", "/", "\\", "\"", "n/a ", "TODO", "repeat a ", "style=",
)  # fmt: skip


@pytest.mark.parametrize(
    "size", [MEGABYTE // 10, pytest.param(MEGABYTE, marks=pytest.mark.torture)]
)
@pytest.mark.parametrize("piece", PIECES)
def test_a_long_text_of_anything_is_read_by_every_rule(piece: str, size: int) -> None:
    # with a pattern that backtracks this does not end
    text = (piece * (size // len(piece) + 1))[:size]
    seen = view(
        load([{"prompt": text, "completion": f"{text}."}, {"prompt": "a", "completion": "b"}]),
        None,
        None,
    )
    for rule in ALL:
        for result in rule(seen):
            assert len(str(result)) < 10_000


def test_keys_that_almost_end_are_no_trap() -> None:
    for start in (
        "eyJ" + "a" * 3_999,
        "ATATT3" + "a" * 249,
        "SG." + "a" * 32,
        "pat" + "a" * 14,
        "-----BEGIN RSA PRIVATE KEY-----",
    ):
        text = (start + "!") * (MEGABYTE // len(start) // 2)
        for rule in ALL:
            list(rule(view(load([{"prompt": text, "completion": "b"}]), None, None)))


characters = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from([*PIECES, "4111 1111 1111 1111", "a.b@c.org", "\x7f", "\x85", "'"]),
        max_size=12,
    ).map("".join),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(characters, characters), min_size=1, max_size=30))
def test_no_rule_raises_for_any_text(pairs: list[tuple[str, str]]) -> None:
    rows = [
        {"prompt": p.replace("\0", ""), "completion": c.replace("\0", "")}
        for p, c in pairs
        if not any("\ud800" <= char <= "\udfff" for char in p + c)
    ]
    seen = view(load(rows or [{"prompt": "a", "completion": "b"}]), None, None)
    for rule in ALL:
        for result in rule(seen):
            json.dumps(str(result))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("abc", max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYWORDS = (
    "type", "properties", "required", "items", "enum", "$ref", "$schema", "$id", "pattern", "minimum", "allOf", "anyOf", "not",
    "additionalProperties", "patternProperties", "format", "$defs", "multipleOf", "const", "uniqueItems", "if", "then",
)  # fmt: skip
schemas = st.dictionaries(
    st.sampled_from(KEYWORDS),
    json_values | st.sampled_from(["object", "string", "#", "#/properties/a", "http://x.invalid/y", "([", 0, ["object"]])
    | st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from(KEYWORDS), json_values, max_size=2), max_size=2),
    max_size=4,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(schemas, st.dictionaries(st.sampled_from("abcd"), json_values, max_size=3))
def test_no_rule_raises_for_any_schema(schema: dict[str, Any], arguments: dict[str, Any]) -> None:
    function = {"name": "t", "arguments": json.dumps(arguments)}
    call = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": function}],
    }
    tools = [{"type": "function", "function": {"name": "t", "parameters": schema}}]
    seen = view(
        load([{"messages": [{"role": "user", "content": "a"}, call], "tools": tools}]), None, None
    )
    for rule in ALL:
        list(rule(seen))


def test_rows_of_every_odd_shape_pass_through_every_rule() -> None:
    user, answer = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    rows = [
        {"messages": [user]},
        {"messages": [answer]},
        {"messages": [{"role": "system", "content": ""}]},
        {"messages": [{"role": "assistant", "content": ""}, user, user]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "https://"}}],
                },
                answer,
            ]
        },
        {"messages": [user, answer], "tools": [{"type": "function", "function": {"name": "t"}}]},
    ]
    for count in (0, 1, len(rows)):
        data = load(rows).select(range(count))
        for rule in ALL:
            list(rule(view(data, None, None)))
