"""Rows of blocks: whatever is added to one, or taken from it, is a fault or another Example. Nothing is read over."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ftkit.data import Example, Image, Message, ToolCall
from ftkit.data.formats import FORMATS, Format, row_of
from ftkit.data.formats.anthropic import Anthropic

NAMES = ("google", "google_preference", "bedrock", "anthropic")
BLOCKS = [one for one in FORMATS if one.name in NAMES]
# Objects of the user's own: the keys in them are content, and each of them changes the Example.
OWN = ("args", "input", "response", "parameters", "json", "input_schema")
# What is read where it is missing, and as what: fields that may be left out.
OPTIONAL = ("args", "schemaVersion")


def rich(format: Format) -> Example:
    calls = (ToolCall("call_0", "find", '{"n": 1}'), ToolCall("call_1", "find", "{}"))
    function = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
    picture = Image("data:image/png;base64,aGk=")
    return Example(
        (
            Message("system", "S"),
            Message("user", "Is this it?", ("Is this it?", picture)),
            Message("assistant", "I look.", tool_calls=calls),
            Message("tool", "shelf 3", tool_call_id="call_0"),
            Message("tool", '{"shelf": 4}', tool_call_id="call_1"),
            Message("user", "And?"),
            Message("assistant", "Yes."),
        ),
        tools=({"type": "function", "function": function},),
        rejected=(Message("assistant", "No."),) if format.needs else (),
    )


def objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every object in a row, the row itself included."""
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            if key not in OWN:
                yield from objects(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from objects(inner, (*path, index))


def at(row: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        row = row[step]
    return row


def unseen(format: Format) -> list[str]:
    """The changes of a row that the format does not see."""
    example = rich(format)
    row = row_of(example, format)
    changes: list[tuple[str, Any]] = []
    for path in objects(row):
        for key, value in (("extra", "x"), ("is_error", True), ("status", "error"), ("weight", 0)):
            changed = copy.deepcopy(row)
            at(changed, path)[key] = value
            changes.append((f"{path} with {key}", changed))
        for key in at(row, path):
            changed = copy.deepcopy(row)
            del at(changed, path)[key]
            changes.append((f"{path} without {key}", changed))
    silent = []
    for name, changed in changes:
        values = json.loads(json.dumps(changed))
        if not list(format.faults(values)) and format.example(values) == example:
            silent.append(name)
    return silent


@pytest.mark.parametrize("format", BLOCKS, ids=lambda one: one.name)
def test_no_field_of_a_row_can_be_added_or_left_out_unseen(format: Format) -> None:
    allowed = {name for name in unseen(format) if name.rsplit(" ", 1)[-1] in OPTIONAL}
    assert set(unseen(format)) == allowed
    assert all("without" in name for name in allowed)


def test_all_four_formats_of_blocks_are_judged() -> None:
    assert {one.name for one in BLOCKS} == set(NAMES)


class OverlooksFailures(Anthropic):
    def faults(self, values: Any) -> Any:
        return (f for f in Anthropic.faults(self, values) if "is_error" not in (f.field or ""))


def test_a_reader_that_overlooks_a_failed_tool_is_seen() -> None:
    assert any("is_error" in name for name in unseen(OverlooksFailures()))
