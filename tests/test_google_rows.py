"""Rows of training files for Gemini: all that is learned is in them, or the row is refused by its number and field."""

from __future__ import annotations

import json
from typing import Any

import pytest

import ftkit
from ftkit.errors import DataError
from ftkit_google import rows
from tests.emulators.google import GoogleEmulator
from tests.google_desk import MODEL

pytest_plugins = ("tests.google_fixtures",)

TOOL = {
    "type": "function",
    "function": {
        "parameters": {"type": "object", "properties": {"id": {"type": "string"}}},
        "name": "find",
    },
}


def called(arguments: str, number: int = 0, tool: dict[str, Any] | None = None) -> dict[str, Any]:
    """A row in which a tool is called."""
    call = {"id": f"x{number}", "type": "function"}
    return {
        "messages": [
            {"role": "user", "content": f"Where is {number}?"},
            {
                "role": "assistant",
                "tool_calls": [{**call, "function": {"name": "find", "arguments": arguments}}],
            },
            {"role": "tool", "tool_call_id": f"x{number}", "content": "Bonn"},
            {"role": "assistant", "content": f"In Bonn, {number}."},
        ],
        "tools": [tool or TOOL],
    }


def wire(row: dict[str, Any]) -> Any:
    return json.loads(rows.gemini_row(ftkit.load([row])[0]))


@pytest.mark.parametrize("spelt", ['{"id":"K-1"}', '{"id": "K-1"}', '{ "id" : "K\\u002d1" }'])
def test_arguments_are_learned_however_their_json_is_spelt(spelt: str) -> None:
    part = wire(called(spelt))["contents"][1]["parts"][0]
    assert part == {"functionCall": {"name": "find", "args": {"id": "K-1"}}}


def test_a_call_without_arguments_is_one() -> None:
    part = wire(called("{}"))["contents"][1]["parts"][0]
    assert part == {"functionCall": {"name": "find", "args": {}}}


def test_a_tools_fields_may_stand_in_any_order() -> None:
    (declared,) = wire(called("{}"))["tools"][0]["functionDeclarations"]
    assert declared["name"] == "find" and declared["parameters"]["type"] == "OBJECT"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (
            called("{}", 7, {**TOOL, "function": {**TOOL["function"], "strict": True}}),
            "tools[0]",
        ),
        ({**called("{}", 7), "parallel_tool_calls": False}, "parallel_tool_calls"),
    ],
)
def test_what_has_no_place_at_google_is_refused_by_row_and_field(
    row: dict[str, Any], field: str, google: GoogleEmulator
) -> None:
    data = [*(called("{}", number) for number in range(6)), row]
    with pytest.raises(DataError) as caught:
        ftkit.submit(data, MODEL)
    (fault,) = caught.value.faults
    assert (fault.row, fault.field) == (7, field)
    assert google.counts()["objects"] == google.counts()["jobs"] == 0
