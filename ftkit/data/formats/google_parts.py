"""Google's contents and parts, as its rows of examples and of preferences hold them; camelCase and snake_case are read.

Its calls have no ids: they are numbered in order, and a result finds its call by name. A result is an object there and text
here: {"output": TEXT} stands for a text, and any other object for its JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit.data.example import Example, Image, Message, ToolCall
from ftkit.data.formats.blocks import (
    Conversation,
    Piece,
    Result,
    kind_and_data,
    sides,
    system_of,
)
from ftkit.data.formats.call_order import OpenCalls
from ftkit.data.formats.features import EVERYTHING
from ftkit.data.formats.google_schema import json_schema
from ftkit.data.formats.json_text import object_of, text_of
from ftkit.data.formats.layout import empty
from ftkit.data.strict_json import kind_of

# The fields of a row, in both spellings.
_SYSTEM_ROLES = ("system", "user")  # clients fill in either, and the service passes over it
FIELDS = ("systemInstruction", "system_instruction", "contents", "tools")
CARRIES = EVERYTHING - {
    "late_system",
    "tool_settings",
    "tool_order",
    "schema_capitals",
    "arguments_text",
    "call_ids",
    "result_order",
    "result_parts",
    "parallel_tool_calls",
    "image_urls",
    "image_detail",
    "image_kinds",
    "weights",
    "names",
}
_ROLES = {"user": "user", "model": "assistant", "function": "user", "tool": "user"}
_PARTS = ("text", "functionCall", "functionResponse", "inlineData", "fileData")


class Contents:
    """Reads a row's contents, one turn after the other."""

    def __init__(self) -> None:
        self.said = Conversation()
        self.calls = OpenCalls()

    def row(self, values: Mapping[str, Any], system: str | None) -> None:
        """The system instruction, the turns and the tools of a row; `system` is added where it has none."""
        given = self._same_name(values, "", FIELDS)
        contents = given.get("contents")
        if not isinstance(contents, list) or not contents:
            found = "an empty list" if contents == [] else kind_of(contents)
            self.said.fault(f"must be a list of turns, is {found}", "contents")
            contents = []
        for index, content in enumerate(contents):
            self.turn(content, f"contents[{index}]")
        self._tools(given.get("tools"))
        if not empty(given.get("systemInstruction")):
            self._system(given["systemInstruction"], "systemInstruction")
        self.said.add_system(system, "systemInstruction")

    def turn(self, content: Any, path: str, roles: Sequence[str] = tuple(_ROLES)) -> None:
        """One turn of user or model."""
        if not isinstance(content, dict):
            self.said.fault(f"a turn must be an object, is {kind_of(content)}", path)
            return
        self.said.only(("role", "parts"), content, path)
        role, parts = content.get("role"), content.get("parts")
        if not isinstance(role, str) or role not in roles:
            self.said.fault(f"a role is {' or '.join(roles[:2])}, this is {role!r}", f"{path}.role")
            return
        if not isinstance(parts, list):
            self.said.fault(f"must be a list of parts, is {kind_of(parts)}", f"{path}.parts")
            return
        if any(isinstance(part, dict) and not empty(_call(part)) for part in parts):
            self.calls.begin()
        pieces: list[tuple[Piece, str]] = []
        for index, part in enumerate(parts):
            place = f"{path}.parts[{index}]"
            piece = self._piece(part, place)
            if piece is not None:
                pieces.append((piece, place))
        if role in ("function", "tool") and not all(isinstance(p, Result) for p, _ in pieces):
            self.said.fault("a turn of this role holds results of calls only", path)
        if len(pieces) == len(parts):
            self.said.turn(_ROLES[role], pieces, f"{path}.parts")

    def _piece(self, part: Any, path: str) -> Piece | None:
        """The piece, or a fault and None."""
        if not isinstance(part, dict):
            self.said.fault(f"a part must be an object, is {kind_of(part)}", path)
            return None
        given = {
            key: value for key, value in self._same_name(part, path).items() if not empty(value)
        }
        kind = next((one for one in _PARTS if one in given), None)
        if kind is None:
            self.said.fault(f"a part holds one of {', '.join(_PARTS)}", path)
            return None
        self.said.only((kind,), given, path)
        value, place = given[kind], f"{path}.{kind}"
        if kind == "text":
            return self.said.text(value, place)
        if not isinstance(value, dict):
            self.said.fault(f"must be an object, is {kind_of(value)}", place)
            return None
        value = self._same_name(value, place)
        if kind == "functionCall":
            return self._function_call(value, place)
        if kind == "functionResponse":
            return self._response(value, place)
        if kind == "inlineData":
            self.said.only(("mimeType", "data"), value, place)
            mime = str(value.get("mimeType")).removeprefix("image/")
            return self.said.image(f"image/{mime}", value.get("data"), place)
        self.said.only(("mimeType", "fileUri"), value, place)
        if not str(value.get("mimeType") or "image/").startswith("image/"):
            self.said.fault("only images can be carried", f"{place}.mimeType")
        return self.said.address(value.get("fileUri"), f"{place}.fileUri")

    def _function_call(self, value: Mapping[str, Any], path: str) -> Piece | None:
        self.said.only(("id", "name", "args"), value, path)
        given = {} if value.get("args") is None else value["args"]
        if not isinstance(given, dict):
            self.said.fault(f"must be an object, is {kind_of(given)}", f"{path}.args")
            return None
        name = self.said.name(value.get("name"), f"{path}.name")
        return ToolCall(self.calls.add(name, self._id(value, path)), name, text_of(given))

    def _response(self, value: Mapping[str, Any], path: str) -> Piece | None:
        self.said.only(("id", "name", "response"), value, path)
        name, answer = self.said.name(value.get("name"), f"{path}.name"), value.get("response")
        if not isinstance(answer, dict):
            self.said.fault(f"must be an object, is {kind_of(answer)}", f"{path}.response")
            return None
        id = self.calls.answered(name, self._id(value, path))
        if id is None:
            self.said.fault(f"answers a call of {name!r}, and none is without a result", path)
            return None
        return Result(id, (_said(answer),))

    def _id(self, value: Mapping[str, Any], path: str) -> str | None:
        return None if empty(value.get("id")) else self.said.name(value["id"], f"{path}.id")

    def _system(self, value: Any, path: str) -> None:
        parts = value.get("parts") if isinstance(value, dict) else None
        if not isinstance(parts, list) or not parts:
            self.said.fault("is written {'parts': [{'text': ...}]}", path)
            return
        self.said.only(("role", "parts"), value, path)
        if (value.get("role") or "system") not in _SYSTEM_ROLES:
            self.said.fault("the role of a system instruction is system, or none", f"{path}.role")
        texts = []
        for index, part in enumerate(parts):
            place = f"{path}.parts[{index}]"
            if not isinstance(part, dict):
                self.said.fault(f"a part must be an object, is {kind_of(part)}", place)
                continue
            self.said.only(("text",), part, place)
            texts.append(self.said.text(part.get("text"), f"{place}.text"))
        self.said.system(texts)

    def _tools(self, tools: Any) -> None:
        if empty(tools):
            return
        if not isinstance(tools, list):
            self.said.fault(f"must be a list of tools, is {kind_of(tools)}", "tools")
            return
        for index, tool in enumerate(tools):
            path = f"tools[{index}]"
            given = self._same_name(tool, path) if isinstance(tool, dict) else {}
            declared = given.get("functionDeclarations")
            if not isinstance(declared, list):
                self.said.fault("a tool is written {'functionDeclarations': [...]}", path)
                continue
            self.said.only(("functionDeclarations",), given, path)
            for number, function in enumerate(declared):
                self._declared(function, f"{path}.functionDeclarations[{number}]")

    def _declared(self, function: Any, path: str) -> None:
        if not isinstance(function, dict):
            self.said.fault(f"must be an object, is {kind_of(function)}", path)
            return
        given = self._same_name(function, path)
        self.said.only(("name", "description", "parameters", "parametersJsonSchema"), given, path)
        schemas = [
            (key, given[key])
            for key in ("parameters", "parametersJsonSchema")
            if given.get(key) is not None
        ]
        for key, schema in schemas:
            if not isinstance(schema, dict) or len(schemas) > 1:
                self.said.fault("must be one JSON schema", f"{path}.{key}")
                return
        key, schema = schemas[0] if schemas else ("", None)
        schema = json_schema(schema) if key == "parameters" else schema
        self.said.tool(given.get("name"), given.get("description"), schema, path)

    def _same_name(
        self, holder: Mapping[str, Any], path: str, names: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """The object with its keys in camelCase; of `names` alone where they are given."""
        found: dict[str, Any] = {}
        for key, value in holder.items():
            if names is not None and key not in names:
                continue
            first, *rest = key.split("_")
            camel = first + "".join(word.capitalize() for word in rest) if first else key
            if camel in found and not empty(value) and not empty(found[camel]):
                self.said.fault(f"stands there as {camel!r} too", f"{path}.{key}".lstrip("."))
            if not (camel in found and empty(value)):
                found[camel] = value
        return found


def _call(part: Mapping[str, Any]) -> Any:
    return part.get("functionCall") or part.get("function_call")


def _said(answer: dict[str, Any]) -> str:
    text = answer.get("output")
    return text if isinstance(text, str) and len(answer) == 1 else text_of(answer)


def _answer(text: str) -> dict[str, Any]:
    held = object_of(text)
    return {"output": text} if held is None or _said(held) != text else held


def row(example: Example, turns: Sequence[Message]) -> dict[str, Any]:
    """The fields of a row for these messages of the Example, and for its tools."""
    system, turns = system_of(turns) if turns else ((), ())
    made: dict[str, Any] = {}
    if system:
        made["systemInstruction"] = {"parts": [{"text": text} for text in system]}
    made["contents"] = contents(turns, example)
    if example.tools:
        functions = [dict(tool["function"]) for tool in example.tools]
        made["tools"] = [{"functionDeclarations": functions}]
    return made


def contents(turns: Sequence[Message], example: Example) -> list[dict[str, Any]]:
    """Turns as Google writes them; a result bears the name of the call in the Example that it answers."""
    names = {call.id: call.name for turn in example.messages for call in turn.tool_calls}
    roles = {"user": "user", "assistant": "model"}
    return [
        {"role": roles[role], "parts": [_part(piece, names) for piece in pieces]}
        for role, pieces in sides(turns)
    ]


def _part(piece: Piece, names: Mapping[str, str]) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"text": piece}
    if isinstance(piece, Image):
        kind, data = kind_and_data(piece) or ("", "")
        return {"inlineData": {"mimeType": f"image/{kind}", "data": data}}
    if isinstance(piece, ToolCall):
        return {"functionCall": {"name": piece.name, "args": object_of(piece.arguments)}}
    response = {"name": names.get(piece.call_id, ""), "response": _answer("".join(piece.texts))}
    return {"functionResponse": response}
