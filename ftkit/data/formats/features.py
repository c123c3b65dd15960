"""What an Example can hold, each feature by the word under which a format declares that it carries it.

A format carries a feature whole or not at all: what it does not declare is refused by row and field when it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ftkit.data.example import Example, Message
from ftkit.data.formats.call_order import call_order
from ftkit.data.formats.google_schema import json_schema
from ftkit.data.formats.json_text import object_of

WORDS = {
    "system": "a system message",
    "empty_system": "a system message without text",
    "late_system": "a system message that is not the first turn",
    "multi_turn": "more than one question and answer",
    "free_order": "turns in another order than question, answer, question, answer",
    "turn_marks": "the words Human: or Assistant: at the beginning of a line",
    "tools": "tools and calls of them",
    "bare_tools": "a tool without parameters",
    "tool_settings": "fields of a tool beside its name, description and parameters",
    "tool_order": "the fields of a tool in another order than name, description, parameters",
    "schema_capitals": "types of a tool's schema in capitals",
    "arguments_text": "tool arguments in another spelling than JSON's own",
    "call_ids": "ids of tool calls other than call_0, call_1 and so on",
    "tool_results": "the result of a tool call",
    "result_order": "results of tool calls in another order than the calls",
    "result_parts": "the result of a tool call in several parts",
    "parallel_tool_calls": "the setting parallel_tool_calls",
    "images": "images",
    "image_urls": "images by address",
    "image_detail": "the detail of an image",
    "image_kinds": "images that are not base64 of png, jpeg, gif or webp",
    "text_parts": "a turn's text in several parts",
    "weights": "weights of turns",
    "names": "names of speakers",
    "rejected": "a rejected answer",
    "no_question": "two answers to no question",
    "fields": "further columns",
}
EVERYTHING = frozenset(WORDS)

# An image in the bytes that every provider takes: its kind, and the base64 of it.
DATA_URL = re.compile(r"data:image/(png|jpeg|gif|webp);base64,(.*)", re.DOTALL)
# The beginning of a turn in a transcript. One line feed is enough: readers differ in how many they want.
TURN_MARK = re.compile(r"(?:\A|\n)(Human|Assistant):")


class Found(NamedTuple):
    """A feature, and the field of the Example in which it is."""

    feature: str
    field: str


def features(example: Example) -> Iterator[Found]:
    """Every feature that the Example has, with each place of it."""
    for index, tool in enumerate(example.tools):
        yield from _of_a_tool(tool, f"tools[{index}]")
    if example.parallel_tool_calls is not None:
        yield Found("parallel_tool_calls", "parallel_tool_calls")
    if example.rejected:
        yield Found("rejected", "rejected")
        if all(turn.role == "system" for turn in example.messages[:-1]):
            yield Found("no_question", "messages")
    if example.fields:
        yield Found("fields", "fields")
    for path, turns in (("messages", example.messages), ("rejected", example.rejected)):
        for index, turn in enumerate(turns):
            if turn.role == "system" and (index or path == "rejected"):
                yield Found("late_system", f"{path}[{index}]")
            yield from _of_a_turn(turn, f"{path}[{index}]")
    for feature, field in call_order(example):
        yield Found(feature, field)
    yield from _order(example.messages)


def _of_a_tool(tool: Mapping[str, Any], path: str) -> Iterator[Found]:
    yield Found("tools", "tools")
    function = tool.get("function")
    if not isinstance(function, Mapping):
        yield Found("tool_settings", path)
        return
    known, said = ("name", "description", "parameters"), function.get("description", "")
    fields = list(function)
    if not (
        set(tool) <= {"type", "function"} and set(fields) <= {*known} and isinstance(said, str)
    ):
        yield Found("tool_settings", path)
    elif list(tool) != ["type", "function"] or fields != [one for one in known if one in fields]:
        yield Found("tool_order", path)  # a template writes them in the order in which they stand
    if not isinstance(function.get("parameters"), Mapping):
        yield Found("bare_tools", path)
        if "parameters" in function:
            yield Found("tool_settings", path)
    elif json_schema(function["parameters"]) != function["parameters"]:
        yield Found("schema_capitals", f"{path}.function.parameters")


def _of_a_turn(turn: Message, path: str) -> Iterator[Found]:
    if turn.role == "system":
        yield Found("system" if turn.content else "empty_system", path)
    if TURN_MARK.search(turn.content):
        yield Found("turn_marks", f"{path}.content")
    if turn.tool_calls:
        yield Found("tools", f"{path}.tool_calls")
    for number, call in enumerate(turn.tool_calls):
        if object_of(call.arguments) is None:
            yield Found("arguments_text", f"{path}.tool_calls[{number}].function.arguments")
    if turn.role == "tool":
        yield Found("tool_results", path)
    if turn.images:
        yield Found("images", f"{path}.content")
    elif turn.parts:
        yield Found("result_parts" if turn.role == "tool" else "text_parts", f"{path}.content")
    for image in turn.images:
        if image.detail is not None:
            yield Found("image_detail", f"{path}.content")
        if image.url.startswith("https://"):
            yield Found("image_urls", f"{path}.content")
        elif not DATA_URL.fullmatch(image.url):
            yield Found("image_kinds", f"{path}.content")
    if turn.trained is not None:
        yield Found("weights", f"{path}.weight")
    if turn.name is not None:
        yield Found("names", f"{path}.name")


def _order(messages: Sequence[Message]) -> Iterator[Found]:
    """Results of tools stand on the user's side, and the user may say something behind them."""
    first = 1 if messages and messages[0].role == "system" else 0
    before, questions = "assistant", 0
    for index, turn in enumerate(messages[first:], start=first):
        allowed = ("user", "tool") if turn.role == "assistant" else ("assistant",)
        if turn.role == "user" and before == "tool":
            allowed = ("tool",)
        elif turn.role == "tool":
            allowed = ("assistant", "tool")
        if before not in allowed or (turn.role == "tool" and index == first):
            yield Found("free_order", f"messages[{index}].role")
            return
        questions += before == "assistant"
        if questions == 2 and before == "assistant":
            yield Found("multi_turn", f"messages[{index}]")
        before = turn.role
    if before != "assistant" or not questions:
        yield Found("free_order", "messages")
