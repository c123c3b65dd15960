"""FT106, FT107, FT110: calls of tools against the schemas that their rows declare."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from ftkit.data import CheckReport, Severity, check, load

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "minimum": 1},
        "unit": {"enum": ["c", "f"]},
        "where": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city"],
}
GOOD = {"city": "Rome", "days": 2, "unit": "c", "where": {"lat": 41.9}, "tags": ["a", "b"]}


def row(
    arguments: Any, schema: Any = SCHEMA, *, name: str = "weather", rejected: Any = None
) -> dict[str, Any]:
    function: dict[str, Any] = {"name": "weather"}
    if schema is not None:
        function["parameters"] = schema
    tools = [{"type": "function", "function": function}]
    messages = [{"role": "user", "content": "How is the weather?"}]
    if rejected is None:
        return {"messages": [*messages, _call(arguments, name)], "tools": tools}
    return {
        "input": {"messages": messages, "tools": tools},
        "preferred_output": [_call(arguments, name)],
        "non_preferred_output": [_call(rejected, name)],
    }


def _call(arguments: Any, name: str) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": function}],
    }


def found(report: CheckReport) -> dict[str, tuple[Severity, tuple[int, ...]]]:
    wanted = ("FT104", "FT106", "FT107", "FT110", "FT901")
    return {f.code: (f.severity, f.rows) for f in report.findings if f.code in wanted}


def detail(report: CheckReport, code: str) -> str:
    return next(f.detail for f in report.findings if f.code == code)


def test_calls_that_fulfil_their_schema_are_left_alone() -> None:
    rows = [
        row(GOOD),
        row({"city": "Rome"}),
        row({}, {"type": "object", "properties": {}}),
        row({}, None),
    ]
    assert found(check(load(rows))) == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"days": 2}, "'city' is a required property"),
        ({"city": 5}, "city: 5 is not of type 'string'"),
        ({**GOOD, "days": "2"}, "days: '2' is not of type 'integer'"),
        ({**GOOD, "days": 0}, "days: 0 is less than the minimum of 1"),
        ({**GOOD, "unit": "k"}, "unit: 'k' is not one of"),
        ({**GOOD, "where": {}}, "where: 'lat' is a required property"),
        ({**GOOD, "tags": ["a", 3]}, "tags[1]: 3 is not of type 'string'"),
    ],
)
def test_ft106_names_row_tool_path_and_fault(arguments: Any, said: str) -> None:
    report = check(load([row(GOOD), row(arguments)]))
    assert found(report) == {"FT106": (Severity.ERROR, (2,))}
    assert detail(report, "FT106").startswith(f"row 2: weather: {said}")


def test_ft106_a_forbidden_argument_is_an_error() -> None:
    report = check(
        load([row({**GOOD, "country": "IT"}, {**SCHEMA, "additionalProperties": False})])
    )
    assert found(report) == {"FT106": (Severity.ERROR, (1,))}
    assert "'country'" in detail(report, "FT106")


def test_ft106_judges_the_worse_answer_of_a_pair_too() -> None:
    report = check(load([row(GOOD, rejected={"city": 3})]))
    assert found(report) == {"FT106": (Severity.ERROR, (1,))}


def test_ft110_an_argument_that_the_schema_does_not_name_is_a_warning() -> None:
    report = check(load([row({**GOOD, "country": "IT"})]))
    assert found(report) == {"FT110": (Severity.WARNING, (1,))}
    assert detail(report, "FT110") == "row 1: weather: 'country'"


@pytest.mark.parametrize(
    "more",
    [
        {"additionalProperties": True},
        {"additionalProperties": {"type": "string"}},
        {"patternProperties": {"^c": {"type": "string"}}},
        {"allOf": [{"properties": {"country": {"type": "string"}}}]},
    ],
)
def test_ft110_leaves_alone_what_a_schema_allows_on_purpose(more: dict[str, Any]) -> None:
    assert found(check(load([row({**GOOD, "country": "IT"}, {**SCHEMA, **more})]))) == {}


def test_a_tool_without_parameters_takes_none() -> None:
    assert found(check(load([row({"city": "Rome"}, None)]))) == {"FT110": (Severity.WARNING, (1,))}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "any"}, "'any' is not valid under any of the given schemas"),
        ({"type": "object", "required": "city"}, "required: 'city' is not of type 'array'"),
        ({"type": "object", "properties": {"a": {"type": "text"}}}, "properties.a.type: 'text'"),
        ({"type": "string"}, "its type is 'string'"),
        ({"type": "object", "properties": {"city": {"$ref": "#/$defs/none"}}}, "refers to '/$defs/none'"),
        ({"type": "object", "properties": {"city": {"$ref": "https://schemas.invalid/a"}}}, "refers to 'https://"),
        ({"type": "object", "$ref": "#"}, "refers to itself"),
    ],
)  # fmt: skip
def test_ft107_a_schema_that_is_none(schema: Any, said: str) -> None:
    report = check(load([row(GOOD), row({"city": "Rome"}, schema)]))
    assert found(report) == {"FT107": (Severity.ERROR, (2,))}
    assert said in detail(report, "FT107")


def test_ft107_a_schema_is_judged_where_no_call_is_made_too() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    tools = [{"type": "function", "function": {"name": "t", "parameters": {"type": 3}}}]
    assert found(check(load([{"messages": messages, "tools": tools}])))["FT107"][1] == (1,)


def test_nothing_is_fetched_for_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *where, **_: asked.append(where) or [])
    monkeypatch.setattr(socket.socket, "connect", lambda _, where: asked.append(where))
    schema = {
        "type": "object",
        "properties": {"city": {"$ref": "http://schemas.invalid/schema.json"}},
    }
    report = check(load([row({"city": "Rome"}, schema)]))
    assert set(found(report)) == {"FT107"} and "which is not in it" in detail(report, "FT107")
    assert asked == []


def test_a_call_of_an_undeclared_tool_is_ft104_alone() -> None:
    assert set(found(check(load([row({"city": 3}, name="whether")])))) == {"FT104"}


def test_hostile_schemas_and_arguments_never_stop_a_check() -> None:
    deep: Any = {"type": "object"}
    for _ in range(40):
        deep = {"type": "object", "properties": {"a": deep}, "required": ["a"]}
    wide = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(5_000)}}
    rows = [
        row({"a": {"a": {}}}, deep),
        row({f"p{n}": n for n in range(5_000)}, wide),
        row({"a" * 100_000: "b" * 100_000}),
        row({"city": "x"}, {"type": "object", "properties": {"city": {"pattern": "(["}}}),
        row({"city": "x"}, {"$schema": 5, "type": "object"}),
        row({"city": "x"}, {"$schema": "urn:none", "type": "object"}),
        row({"city": "x"}, {"type": ["object", "null"]}),
        row({"city": "x"}, {"properties": []}),
    ]
    report = check(load(rows))
    assert len(str(report)) < 20_000 and "FT901" not in found(report)
