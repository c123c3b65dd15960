"""The fast parser says what the strict one says: the same value of the same types, or the same fault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data import fast_json
from ftkit.data.fast_json import decode, parse_row
from ftkit.data.strict_json import parse_object
from ftkit.errors import DataError
from tests.faults.malformed_rows import BAD, LEGAL, good


def outcome(parse: Any, data: bytes) -> Any:
    try:
        return typed(parse(data))
    except DataError as error:
        return error.faults


def typed(value: Any) -> Any:
    """The value with its types and signs, as 1 == 1.0 == True and 0.0 == -0.0."""
    if isinstance(value, dict):
        return [(key, typed(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return (type(value).__name__, repr(value))


@pytest.mark.parametrize("name", [*BAD, *LEGAL])
def test_odd_rows_are_judged_alike(name: str) -> None:
    data = BAD[name][0] if name in BAD else LEGAL[name]
    assert outcome(parse_row, data) == outcome(parse_object, data)


_TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(
        ["", ":", '":', '": ', '\\":', "a:b", "\u2028", '{"a": 1}', "\\u003a", "0" * 20]
    ),
)
_NUMBERS = st.one_of(
    st.integers(),
    st.integers(2**62, 2**66),
    st.integers(-(2**66), -(2**62)),
    st.floats(allow_nan=False, allow_infinity=False),
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(_TEXTS, inner, max_size=4)
    ),
    max_leaves=12,
)
_ROWS = st.builds(
    lambda value, ascii, separators: json.dumps(
        value, ensure_ascii=ascii, separators=separators
    ).encode("utf-8"),
    st.dictionaries(_TEXTS, _VALUES, max_size=4),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :\t"), (",\r", "\r: ")]),
)


@settings(max_examples=400, deadline=None)
@given(data=_ROWS)
def test_any_row_is_read_alike(data: bytes) -> None:
    assert outcome(parse_row, data) == outcome(parse_object, data)
    if b"\\u0000" not in data:
        assert typed(decode(data)) == typed(json.loads(data))


_KEYS = st.sampled_from(
    ['"a"', '"\\u0061"', '"b"', '"a:b"', '"a\\u003ab"', '":"', '"\\u003A"', '"\\""']
)
_ATOMS = st.sampled_from(
    ["1", '"x"', '":"', '"\\u003a"', '"\\":"', '"\\": "', "1e2", "18446744073709551616", "{}", "[]", "NaN"]
    + ['"\\u0000"', '"\\ud83d"', "-0", "0.5", '{"a": 1}', '{"a" :1,"a":2}', '"\\\\u003a"', '"' + "7" * 19 + '"']
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(
    pairs=st.lists(st.tuples(_KEYS, _ATOMS), max_size=6), colon=st.sampled_from([":", ": ", " :"])
)
def test_no_key_that_comes_twice_slips_through(pairs: list[tuple[str, str]], colon: str) -> None:
    data = ("{" + ", ".join(f"{key}{colon}{value}" for key, value in pairs) + "}").encode()
    assert outcome(parse_row, data) == outcome(parse_object, data)


@pytest.mark.torture
@settings(max_examples=10_000, deadline=None)
@given(
    data=st.one_of(_ROWS, st.binary(max_size=60), st.binary(max_size=40).map(lambda b: b'{"' + b))
)
def test_ten_thousand_rows_are_read_alike(data: bytes) -> None:
    assert outcome(parse_row, data) == outcome(parse_object, data)


def test_without_orjson_the_same_rows_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_json, "orjson", None)
    assert parse_row(good(1)) == decode(good(1)) == json.loads(good(1))
    with pytest.raises(DataError, match="appears twice"):
        parse_row(BAD["key twice"][0])


def test_a_usual_row_never_goes_to_the_slow_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("orjson")
    monkeypatch.setattr(fast_json, "parse_object", None)
    for data in (
        good(1),
        LEGAL["JSON in a text"],
        LEGAL["a row of 3 MB"],
        LEGAL["floats and signs"],
    ):
        assert parse_row(data) == json.loads(data)
