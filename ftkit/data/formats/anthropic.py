"""Rows in the shape of Anthropic's Messages API: {"system": "...", "messages": [{"role", "content": text or blocks}], "tools"}.

Rows of text alone, user and assistant in turn, are the same in `chat`. What makes a row one of these is a `system` beside the
messages, a block that only they have (tool_use, tool_result, image with a source), or a tool with an input_schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, Image, ToolCall
from ftkit.data.formats.blocks import (
    Conversation,
    Piece,
    Result,
    kind_and_data,
    sides,
    system_of,
)
from ftkit.data.formats.features import EVERYTHING
from ftkit.data.formats.json_text import object_of, text_of
from ftkit.data.formats.layout import OfTurns, empty
from ftkit.data.formats.row_settings import SETTINGS, setting_faults
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault

_MORE = frozenset(("tools", *SETTINGS))
_OWN = ("tool_use", "tool_result")
_LACKS = {
    "empty_system",
    "late_system",
    "free_order",
    "bare_tools",
    "tool_settings",
    "tool_order",
    "arguments_text",
    "parallel_tool_calls",
    "image_detail",
    "image_kinds",
    "weights",
    "names",
    "rejected",
}


@dataclass(frozen=True, slots=True)
class Anthropic(OfTurns):
    """Conversations; `system` is added to rows that have no system text of their own."""

    system: str | None = None

    name = "anthropic"
    wants = ("messages",)
    reads = ("system", "messages", "tools")
    mapped = ()
    json_columns = ("messages",)
    carries = EVERYTHING - _LACKS
    follows = "chat"
    watched = ("system",)
    by_values = True

    def example(self, values: Mapping[str, Any]) -> Example:
        """The conversation with its tools; every other column goes to `fields`."""
        return self._read(values).example(self.columns(values))

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        turns, system = values.get("messages"), values.get("system")
        plain = self.system is None and (system is None or type(system) is str)
        if plain and _only_text(turns) and _MORE.isdisjoint(values):
            return
        yield from setting_faults(self.name, values)
        yield from self._read(values).faults

    def sniff(self, values: Mapping[str, Any]) -> tuple[int, str]:
        """2 for a row that has a mark of this format, 1 for one that chat reads as well."""
        turns = values.get("messages")
        if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
            return 0, "no list 'messages'"
        if _only_text(turns) and empty(values.get("tools")):
            return _beside(values.get("system"))
        blocks = [block for turn in turns for block in _blocks(turn)]
        for block in blocks:
            if block.get("type") in _OWN or (block.get("type") == "image" and "source" in block):
                return 2, f"has blocks of the type {block['type']!r}"
        tools = values.get("tools")
        if isinstance(tools, list) and any(
            isinstance(t, dict) and "input_schema" in t for t in tools
        ):
            return 2, "has tools with an 'input_schema'"
        for turn in turns:
            if turn.get("role") not in ("user", "assistant"):
                return 0, f"has a turn of the role {turn.get('role')!r}"
            if any(key not in ("role", "content") and not empty(turn[key]) for key in turn):
                return 0, "has turns with more than role and content"
        if any(block.get("type") != "text" for block in blocks):
            return 0, "has blocks of another type"
        if not empty(tools):
            return 0, "has tools without an 'input_schema'"
        return _beside(values.get("system"))

    def write(self, example: Example) -> dict[str, Any]:
        """The system text, the turns, the tools, and the further columns."""
        system, turns = system_of(example.messages)
        row: dict[str, Any] = {}
        if system:
            row["system"] = system[0] if len(system) == 1 else [_text(one) for one in system]
        row["messages"] = [
            {"role": role, "content": _content(pieces)} for role, pieces in sides(turns)
        ]
        if example.tools:
            row["tools"] = [_tool(tool["function"]) for tool in example.tools]
        return {**row, **example.fields}

    def _read(self, values: Mapping[str, Any]) -> Conversation:
        said = Conversation()
        turns = values.get("messages")
        if not isinstance(turns, list) or not turns:
            found = "an empty list" if turns == [] else kind_of(turns)
            said.fault(f"must be a list of messages, is {found}", "messages")
            turns = []
        for index, turn in enumerate(turns):
            _read_turn(said, turn, f"messages[{index}]")
        _read_tools(said, values.get("tools"))
        system = values.get("system")
        if isinstance(system, list) and system:
            said.system(_read_texts(said, system, "system"))
        elif not empty(system) and system != "":
            said.system([said.text(system, "system")])
        said.add_system(self.system, "system")
        return said


def _only_text(turns: Any) -> bool:
    """Whether all turns are a role and a text, as nearly all are: most rows are judged by this alone."""
    if type(turns) is not list or not turns:
        return False
    for turn in turns:
        if type(turn) is not dict or len(turn) != 2 or type(turn.get("content")) is not str:
            return False
        role = turn.get("role")
        if role != "user" and role != "assistant":
            return False
    return True


def _beside(system: Any) -> tuple[int, str]:
    """The verdict on turns that chat reads as well: what stands beside them decides."""
    if (isinstance(system, str) and system) or _typed(system):
        return 2, "has 'system' beside 'messages'"
    return 1, "has 'messages'"


def _blocks(turn: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = turn.get("content")
    return [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []


def _typed(system: Any) -> bool:
    return (
        isinstance(system, list)
        and bool(system)
        and all(isinstance(one, dict) and one.get("type") == "text" for one in system)
    )


def _read_turn(said: Conversation, turn: Any, path: str) -> None:
    if not isinstance(turn, dict):
        said.fault(f"a message must be an object, is {kind_of(turn)}", path)
        return
    said.only(("role", "content"), turn, path)
    role, content = turn.get("role"), turn.get("content")
    if role not in ("user", "assistant"):
        said.fault(
            f"a role is user or assistant, this is {role!r}; the system text stands in 'system'",
            f"{path}.role",
        )
        return
    if not isinstance(content, list):
        content = said.text(content, f"{path}.content")
        said.turn(role, [(content, f"{path}.content")], f"{path}.content")
        return
    pieces = []
    for index, block in enumerate(content):
        place = f"{path}.content[{index}]"
        piece = _read_block(said, block, place)
        if piece is not None:
            pieces.append((piece, place))
    if len(pieces) == len(content):
        said.turn(role, pieces, f"{path}.content")


def _read_block(said: Conversation, block: Any, path: str) -> Piece | None:
    """The piece, or a fault and None."""
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text":
        said.only(("type", "text"), block, path)
        return said.text(block.get("text"), f"{path}.text")
    if kind == "image":
        said.only(("type", "source"), block, path)
        return _read_image(said, block.get("source"), f"{path}.source")
    if kind == "tool_use":
        said.only(("type", "id", "name", "input"), block, path)
        given = block.get("input")
        if not isinstance(given, dict):
            said.fault(f"must be an object, is {kind_of(given)}", f"{path}.input")
            return None
        id, name = (said.name(block.get(key), f"{path}.{key}") for key in ("id", "name"))
        return ToolCall(id, name, text_of(given))
    if kind == "tool_result":
        said.only(("type", "tool_use_id", "content", "is_error"), block, path)
        if block.get("is_error") not in (None, False):
            said.fault(
                "that a tool failed cannot be carried; say it in the content", f"{path}.is_error"
            )
        id = said.name(block.get("tool_use_id"), f"{path}.tool_use_id")
        return Result(id, _read_texts(said, block.get("content"), f"{path}.content"))
    said.fault(
        f"a block is of type text, image, tool_use or tool_result, this is {kind!r}", f"{path}.type"
    )
    return None


def _read_texts(said: Conversation, content: Any, path: str) -> tuple[str, ...]:
    """A text, or blocks of text."""
    if empty(content):
        return ()
    if not isinstance(content, list):
        return (said.text(content, path),)
    texts = []
    for index, block in enumerate(content):
        place = f"{path}[{index}]"
        if not isinstance(block, dict) or block.get("type") != "text":
            said.fault("only blocks of text can be carried here", place)
            continue
        said.only(("type", "text"), block, place)
        texts.append(said.text(block.get("text"), f"{place}.text"))
    return tuple(texts)


def _read_image(said: Conversation, source: Any, path: str) -> Image | None:
    kind = source.get("type") if isinstance(source, dict) else None
    if kind == "base64":
        said.only(("type", "media_type", "data"), source, path)
        return said.image(source.get("media_type"), source.get("data"), path)
    if kind == "url":
        said.only(("type", "url"), source, path)
        return said.address(source.get("url"), f"{path}.url")
    said.fault(f"the source of an image is of type base64 or url, this is {kind!r}", path)
    return None


def _read_tools(said: Conversation, tools: Any) -> None:
    if empty(tools):
        return
    if not isinstance(tools, list):
        said.fault(f"must be a list of tools, is {kind_of(tools)}", "tools")
        return
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        if not isinstance(tool, dict) or not isinstance(tool.get("input_schema"), dict):
            said.fault("a tool is written {'name', 'description', 'input_schema'}", path)
            continue
        said.only(("name", "description", "input_schema"), tool, path)
        said.tool(tool.get("name"), tool.get("description"), tool["input_schema"], path)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _content(pieces: list[Piece]) -> Any:
    if len(pieces) == 1 and isinstance(pieces[0], str):
        return pieces[0]
    return [_block(piece) for piece in pieces]


def _block(piece: Piece) -> dict[str, Any]:
    if isinstance(piece, str):
        return _text(piece)
    if isinstance(piece, Image):
        held = kind_and_data(piece)
        if held is None:
            return {"type": "image", "source": {"type": "url", "url": piece.url}}
        source = {"type": "base64", "media_type": f"image/{held[0]}", "data": held[1]}
        return {"type": "image", "source": source}
    if isinstance(piece, ToolCall):
        given = object_of(piece.arguments)
        return {"type": "tool_use", "id": piece.id, "name": piece.name, "input": given}
    texts: Any = piece.texts[0] if len(piece.texts) == 1 else [_text(one) for one in piece.texts]
    return {"type": "tool_result", "tool_use_id": piece.call_id, "content": texts}


def _tool(function: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: function[key] for key in ("name", "description") if key in function}
    return {**said, "input_schema": function["parameters"]}
