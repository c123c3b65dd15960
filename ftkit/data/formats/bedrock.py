"""Rows in the shape of Amazon's Converse: {"schemaVersion": "bedrock-conversation-2024", "system": [{"text"}], "messages": [...]}.

A block is an object of one field, text, image, toolUse or toolResult, without the `type` that blocks of other formats have. What
a base model takes of them is another question: Nova takes no tools, and images by their place in a bucket alone.
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
from ftkit.data.formats.row_settings import setting_faults
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault

VERSION = "bedrock-conversation-2024"
_BLOCKS = ("text", "image", "toolUse", "toolResult")
_LACKS = {
    "late_system",
    "free_order",
    "bare_tools",
    "tool_settings",
    "tool_order",
    "arguments_text",
    "parallel_tool_calls",
    "image_urls",
    "image_detail",
    "image_kinds",
    "weights",
    "names",
    "rejected",
}


@dataclass(frozen=True, slots=True)
class Bedrock(OfTurns):
    """Conversations; `system` is added to rows that have no system text of their own."""

    system: str | None = None

    name = "bedrock"
    wants = ("messages",)
    reads = ("schemaVersion", "system", "messages", "toolConfig")
    mapped = ()
    json_columns = ("messages",)
    carries = EVERYTHING - _LACKS
    follows = "chat"
    watched = ("schemaVersion", "system", "toolConfig")
    by_values = True

    def example(self, values: Mapping[str, Any]) -> Example:
        """The conversation with its tools; every other column goes to `fields`."""
        return self._read(values).example(self.columns(values))

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        yield from setting_faults(self.name, values, ("toolConfig",))
        if not empty(values.get("tools")):
            yield Fault("tools stand in 'toolConfig' here", field="tools")
        yield from self._read(values).faults

    def sniff(self, values: Mapping[str, Any]) -> tuple[int, str]:
        """2 for a row that has a mark of this format: no other reads it."""
        turns = values.get("messages")
        if not isinstance(turns, list):
            return 0, "no list 'messages'"
        version = values.get("schemaVersion")
        if isinstance(version, str) and version.startswith("bedrock"):
            return 2, f"has 'schemaVersion' {version!r}"
        if isinstance(values.get("toolConfig"), dict):
            return 2, "has 'toolConfig'"
        if any(_untyped(turn.get("content")) for turn in turns if isinstance(turn, dict)):
            return 2, "has content in blocks without 'type'"
        if _untyped(values.get("system")):
            return 2, "has 'system' in blocks without 'type'"
        return 0, "has no block without 'type'"

    def write(self, example: Example) -> dict[str, Any]:
        """The version, the system text, the turns, the tools, and the further columns."""
        system, turns = system_of(example.messages)
        row: dict[str, Any] = {"schemaVersion": VERSION}
        if system:
            row["system"] = [{"text": text} for text in system]
        row["messages"] = [
            {"role": role, "content": [_block(piece) for piece in pieces]}
            for role, pieces in sides(turns)
        ]
        if example.tools:
            row["toolConfig"] = {"tools": [_tool(tool["function"]) for tool in example.tools]}
        return {**row, **example.fields}

    def _read(self, values: Mapping[str, Any]) -> Conversation:
        said = Conversation()
        turns, system = values.get("messages"), values.get("system")
        if values.get("schemaVersion") not in (None, VERSION):
            said.fault(f"must be {VERSION!r}", "schemaVersion")
        if not isinstance(turns, list) or not turns:
            found = "an empty list" if turns == [] else kind_of(turns)
            said.fault(f"must be a list of messages, is {found}", "messages")
            turns = []
        for index, turn in enumerate(turns):
            _read_turn(said, turn, f"messages[{index}]")
        _read_tools(said, values.get("toolConfig"))
        if not empty(system):
            said.system(_read_texts(said, system, "system"))
        said.add_system(self.system, "system")
        return said


def _untyped(content: Any) -> bool:
    """Whether these are blocks of which one has no type, but a field of Converse's."""
    return isinstance(content, list) and any(
        isinstance(block, dict) and "type" not in block and any(key in block for key in _BLOCKS)
        for block in content
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
        said.fault(f"must be a list of blocks, is {kind_of(content)}", f"{path}.content")
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
    kind = None
    if isinstance(block, dict):
        kind = next((one for one in _BLOCKS if not empty(block.get(one))), None)
    if kind is None:
        said.fault(f"a block holds one of {', '.join(_BLOCKS)}", path)
        return None
    said.only((kind,), block, path)
    value, place = block[kind], f"{path}.{kind}"
    if kind == "text":
        return said.text(value, place)
    if not isinstance(value, dict):
        said.fault(f"must be an object, is {kind_of(value)}", place)
        return None
    if kind == "image":
        return _read_image(said, value, place)
    id = said.name(value.get("toolUseId"), f"{place}.toolUseId")
    if kind == "toolUse":
        said.only(("toolUseId", "name", "input"), value, place)
        given = value.get("input")
        if not isinstance(given, dict):
            said.fault(f"must be an object, is {kind_of(given)}", f"{place}.input")
            return None
        return ToolCall(id, said.name(value.get("name"), f"{place}.name"), text_of(given))
    said.only(("toolUseId", "content", "status"), value, place)
    if value.get("status") not in (None, "success"):
        said.fault("that a tool failed cannot be carried; say it in the content", f"{place}.status")
    return Result(id, _read_texts(said, value.get("content"), f"{place}.content", "json"))


def _read_texts(said: Conversation, content: Any, path: str, other: str = "") -> tuple[str, ...]:
    """Blocks of text, or of objects under the name `other`, which become their JSON text."""
    if empty(content):
        return ()
    if not isinstance(content, list):
        said.fault(f"must be a list of blocks of text, is {kind_of(content)}", path)
        return ()
    texts = []
    for index, block in enumerate(content):
        place = f"{path}[{index}]"
        if isinstance(block, dict) and other and isinstance(block.get(other), dict):
            said.only((other,), block, place)
            texts.append(text_of(block[other]))
        elif isinstance(block, dict):
            said.only(("text",), block, place)
            texts.append(said.text(block.get("text"), f"{place}.text"))
        else:
            said.fault(f"a block must be an object, is {kind_of(block)}", place)
    return tuple(texts)


def _read_image(said: Conversation, image: Mapping[str, Any], path: str) -> Image:
    said.only(("format", "source"), image, path)
    source = image.get("source")
    if isinstance(source, dict) and not empty(source.get("s3Location")):
        said.fault(
            "what lies in a bucket is not read: put its bytes into the row", f"{path}.source"
        )
        return Image("")
    if not isinstance(source, dict):
        source = {}
    said.only(("bytes",), source, f"{path}.source")
    return said.image(f"image/{image.get('format')}", source.get("bytes"), path)


def _read_tools(said: Conversation, config: Any) -> None:
    if empty(config):
        return
    tools = config.get("tools") if isinstance(config, dict) else None
    if not isinstance(tools, list):
        said.fault("must be an object with a list 'tools'", "toolConfig")
        return
    said.only(("tools",), config, "toolConfig")
    for index, tool in enumerate(tools):
        path = f"toolConfig.tools[{index}]"
        spec = tool.get("toolSpec") if isinstance(tool, dict) else None
        spec = spec if isinstance(spec, dict) else {}
        schema = spec.get("inputSchema")
        if not isinstance(schema, dict) or not isinstance(schema.get("json"), dict):
            said.fault(
                "a tool is written {'toolSpec': {'name', 'description', 'inputSchema': {'json'}}}",
                path,
            )
            continue
        said.only(("toolSpec",), tool, path)
        said.only(("name", "description", "inputSchema"), spec, f"{path}.toolSpec")
        said.only(("json",), schema, f"{path}.toolSpec.inputSchema")
        said.tool(spec.get("name"), spec.get("description"), schema["json"], f"{path}.toolSpec")


def _block(piece: Piece) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"text": piece}
    if isinstance(piece, Image):
        kind, data = kind_and_data(piece) or ("", "")
        return {"image": {"format": kind, "source": {"bytes": data}}}
    if isinstance(piece, ToolCall):
        given = object_of(piece.arguments)
        return {"toolUse": {"toolUseId": piece.id, "name": piece.name, "input": given}}
    texts = [{"text": text} for text in piece.texts]
    return {"toolResult": {"toolUseId": piece.call_id, "content": texts}}


def _tool(function: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: function[key] for key in ("name", "description") if key in function}
    return {"toolSpec": {**said, "inputSchema": {"json": function["parameters"]}}}
