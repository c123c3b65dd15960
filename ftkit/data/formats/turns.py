"""Turns in the shape of chat APIs: text, images, tool calls and their results. Read by every format that holds messages.

What would change the meaning of a row and cannot be carried is a fault, never dropped.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ftkit.data.example import Image, Message, Part, ToolCall
from ftkit.data.formats.layout import empty
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault
from ftkit.words import nearest

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_SPEAKERS = frozenset(ROLES) - {"tool"}
_LATER = ("reasoning_content", "refusal", "audio")
_KNOWN = ("role", "content", "name", "tool_calls", "tool_call_id", "weight")
_OF_A_ROW = frozenset(
    (
        "tools",
        "parallel_tool_calls",
        "functions",
        "function_call",
        "tool_choice",
        "tool_calls",
        "weight",
    )
)
_DETAILS = ("low", "high", "auto")


def turn(values: Mapping[str, Any]) -> Message:
    """A message that has passed `turn_faults`."""
    content = values.get("content")
    parts: tuple[Part, ...] = ()
    if isinstance(content, list):
        parts = tuple(_part(part) for part in content)
        content = "".join(part for part in parts if isinstance(part, str))
        if parts == (content,):
            parts = ()
    weight = values.get("weight")
    return Message(
        role=ROLES[values["role"]],
        content=content or "",
        parts=parts,
        tool_calls=tuple(_call(call) for call in values.get("tool_calls") or ()),
        tool_call_id=values.get("tool_call_id"),
        name=values.get("name"),
        trained=None if weight is None else bool(weight),
    )


def turn_faults(messages: Any, path: str) -> Iterator[Fault]:
    """What is wrong with a list of messages; `path` names it in the row."""
    if not isinstance(messages, list) or not messages:
        found = "an empty list" if messages == [] else kind_of(messages)
        yield Fault(f"must be a list of messages, is {found}", field=path)
        return
    asked: set[str] = set()
    for index, message in enumerate(messages):
        if type(message) is dict and len(message) == 2 and _only_text(message):
            continue
        place = f"{path}[{index}]"
        faults = list(_message_faults(message, place))
        yield from faults
        if faults or not isinstance(message, dict):
            continue
        asked |= {call["id"] for call in message.get("tool_calls") or ()}
        if message["role"] == "tool" and message["tool_call_id"] not in asked:
            yield Fault(
                f"answers the tool call {message['tool_call_id']!r}, which no earlier turn makes",
                field=f"{place}.tool_call_id",
            )


def _only_text(message: Mapping[str, Any]) -> bool:
    """Whether two fields are the ones that nearly all messages have, and right: most rows are judged by this alone."""
    role = message.get("role")
    return type(message.get("content")) is str and type(role) is str and role in _SPEAKERS


def _message_faults(message: Any, path: str) -> Iterator[Fault]:
    if not isinstance(message, dict):
        yield Fault(f"a message must be an object, is {kind_of(message)}", field=path)
        return
    for key, value in message.items():
        if key in _KNOWN or empty(value):
            continue
        if key == "function_call":
            yield Fault(
                "is the old shape of a tool call; write 'tool_calls'", field=f"{path}.{key}"
            )
        elif key in _LATER:
            yield Fault(f"{key!r} in a message is not supported yet", field=f"{path}.{key}")
        else:
            yield Fault(
                f"unknown field; a message carries role and content{_meant(key)}",
                field=f"{path}.{key}",
            )
    role = message.get("role")
    if "role" not in message:
        yield Fault("the field is missing", field=f"{path}.role")
    elif not isinstance(role, str):
        yield Fault(f"must be text, is {kind_of(role)}", field=f"{path}.role")
    elif role == "function":
        yield Fault(
            "'function' is the old role of a tool's result; write 'tool'", field=f"{path}.role"
        )
    elif role not in ROLES:
        yield Fault(f"unknown role {role!r}{nearest(role, ROLES)}", field=f"{path}.role")
    else:
        yield from _content_faults(message, ROLES[role], path)
        yield from _role_faults(message, ROLES[role], path)


def _content_faults(message: Mapping[str, Any], role: str, path: str) -> Iterator[Fault]:
    content = message.get("content")
    calls = role == "assistant" and not empty(message.get("tool_calls"))
    if content is None and calls:
        return
    if "content" not in message:
        yield Fault("the field is missing", field=f"{path}.content")
    elif isinstance(content, list):
        for index, part in enumerate(content):
            yield from _part_faults(part, role, f"{path}.content[{index}]")
        if not content:
            yield Fault(
                "must be text or a list of parts, is an empty list", field=f"{path}.content"
            )
    elif not isinstance(content, str):
        yield Fault(f"must be text, is {kind_of(content)}", field=f"{path}.content")


def _part_faults(part: Any, role: str, path: str) -> Iterator[Fault]:
    if not isinstance(part, dict):
        yield Fault(f"a part must be an object, is {kind_of(part)}", field=path)
    elif part.get("type") == "text":
        yield from unknown_fields(part, ("type", "text"), path, "a text part carries type and text")
        if not isinstance(part.get("text"), str):
            yield Fault(f"must be text, is {kind_of(part.get('text'))}", field=f"{path}.text")
    elif part.get("type") == "image_url":
        known = ("type", "image_url")
        yield from unknown_fields(part, known, path, "an image part carries type and image_url")
        yield from _image_faults(part.get("image_url"), role, f"{path}.image_url")
    else:
        said = part.get("type")
        yield Fault(f"a part is of type text or image_url, this is {said!r}", field=f"{path}.type")


def _image_faults(image: Any, role: str, path: str) -> Iterator[Fault]:
    if role != "user":
        yield Fault(f"only a user's turn holds images, this is the {role}'s", field=path)
    if not isinstance(image, dict) or not isinstance(image.get("url"), str):
        yield Fault("must be an object with a url", field=path)
        return
    yield from unknown_fields(image, ("url", "detail"), path, "an image carries url and detail")
    if not image["url"].startswith(("https://", "data:image/")):
        yield Fault(
            "an image is an https address, or a data URL such as data:image/png;base64,...",
            field=f"{path}.url",
        )
    if image.get("detail") is not None and image["detail"] not in _DETAILS:
        yield Fault(f"must be one of {', '.join(_DETAILS)}", field=f"{path}.detail")


def _role_faults(message: Mapping[str, Any], role: str, path: str) -> Iterator[Fault]:
    """Fields that only some roles have."""
    name, weight = message.get("name"), message.get("weight")
    if name is not None and not isinstance(name, str):
        yield Fault(f"must be text, is {kind_of(name)}", field=f"{path}.name")
    if weight is not None and (role != "assistant" or weight not in (0, 1)):
        yield Fault("must be 0 or 1, in a turn of the assistant", field=f"{path}.weight")
    calls = message.get("tool_calls")
    if not empty(calls):
        if role != "assistant":
            yield Fault("only the assistant calls tools", field=f"{path}.tool_calls")
        elif not isinstance(calls, list):
            yield Fault(f"must be a list, is {kind_of(calls)}", field=f"{path}.tool_calls")
        else:
            for index, call in enumerate(calls):
                yield from _call_faults(call, f"{path}.tool_calls[{index}]")
    answered = message.get("tool_call_id")
    if role == "tool" and not isinstance(answered, str):
        yield Fault("a tool's turn names the call that it answers", field=f"{path}.tool_call_id")
    if role != "tool" and answered is not None:
        yield Fault("only a tool's turn answers a call", field=f"{path}.tool_call_id")


def _call_faults(call: Any, path: str) -> Iterator[Fault]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or call.get("type", "function") != "function":
        yield Fault(
            "a tool call is written {'id', 'type': 'function', 'function': {'name', 'arguments'}}",
            field=path,
        )
        return
    yield from unknown_fields(
        call, ("id", "type", "function"), path, "a tool call carries id, type and function"
    )
    inside = f"{path}.function"
    yield from unknown_fields(
        function, ("name", "arguments"), inside, "the function carries name and arguments"
    )
    for field, value in (("id", call.get("id")), ("function.name", function.get("name"))):
        if not isinstance(value, str) or not value:
            yield Fault(f"must be text, is {kind_of(value)}", field=f"{path}.{field}")
    arguments = function.get("arguments")
    place = f"{path}.function.arguments"
    if isinstance(arguments, dict):
        yield Fault("must be JSON text, is an object; write it with json.dumps", field=place)
    elif not isinstance(arguments, str):
        yield Fault(f"must be JSON text, is {kind_of(arguments)}", field=place)
    elif not _is_json_object(arguments):
        yield Fault("must be the JSON text of an object", field=place)


def unknown_fields(
    values: Mapping[str, Any], known: Collection[str], path: str, carries: str
) -> Iterator[Fault]:
    """Fields that say something and that nobody here reads: they would be dropped."""
    for key, value in values.items():
        if key not in known and not empty(value):
            yield Fault(f"unknown field; {carries}", field=f"{path}.{key}")


def tool_faults(tools: Any, path: str = "tools") -> Iterator[Fault]:
    """What is wrong with a row's list of tools."""
    if not isinstance(tools, list):
        yield Fault(f"must be a list of tools, is {kind_of(tools)}", field=path)
        return
    names: list[str] = []
    for index, tool in enumerate(tools):
        place = f"{path}[{index}]"
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or tool.get("type") != "function":
            yield Fault(
                "a tool is written {'type': 'function', 'function': {'name', 'description', 'parameters'}}",
                field=place,
            )
            continue
        name, parameters = function.get("name"), function.get("parameters")
        if not isinstance(name, str) or not name:
            yield Fault(f"must be text, is {kind_of(name)}", field=f"{place}.function.name")
        elif name in names:
            yield Fault(f"there are two tools named {name!r}", field=f"{place}.function.name")
        else:
            names.append(name)
        if parameters is not None and not isinstance(parameters, dict):
            yield Fault(
                f"must be a JSON schema, is {kind_of(parameters)}",
                field=f"{place}.function.parameters",
            )


def rows_tools(values: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The tools of a row that has passed `tool_faults`."""
    return tuple(values.get("tools") or ())


def row_faults(values: Mapping[str, Any], path: str = "") -> Iterator[Fault]:
    """What is wrong with the fields beside the messages that go to the model: the tools and how they are called."""
    if _OF_A_ROW.isdisjoint(values):
        return
    if not empty(values.get("tools")):
        yield from tool_faults(values["tools"], f"{path}tools")
    parallel = values.get("parallel_tool_calls")
    if parallel is not None and not isinstance(parallel, bool):
        yield Fault(
            f"must be true or false, is {kind_of(parallel)}", field=f"{path}parallel_tool_calls"
        )
    for key, now in (("functions", "tools"), ("function_call", "tool_calls in a message")):
        if not empty(values.get(key)):
            yield Fault(f"{key!r} is the old shape; write {now}", field=f"{path}{key}")
    for key in ("tool_choice", "tool_calls", "weight"):
        if not empty(values.get(key)):
            yield Fault(f"{key!r} of a row is not supported; remove it", field=f"{path}{key}")


def turns(messages: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """Messages that have passed `turn_faults`."""
    return tuple(turn(message) for message in messages)


def _part(part: Mapping[str, Any]) -> Part:
    if part["type"] == "text":
        return str(part["text"])
    image = part["image_url"]
    return Image(image["url"], image.get("detail"))


def _call(call: Mapping[str, Any]) -> ToolCall:
    return ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _meant(key: str) -> str:
    hint = nearest(key, ("role", "content"))
    return hint if "did you mean" in hint else ""
