"""OpenAI's old shape of tools in chat rows: `functions`, `function_call` in a message, results of the role `function`.

It is read as tools: calls get the ids call_0, call_1 and so on, and a result answers the call that was made before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftkit.data.formats.call_order import OpenCalls
from ftkit.data.formats.layout import empty
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault

NOTE = "'functions', OpenAI's old shape, is read as 'tools', and its calls get ids in order"


def is_old(values: Mapping[str, Any]) -> bool:
    """Whether a row, of any JSON, has a part of the old shape."""
    if not empty(values.get("functions")):
        return True
    messages = values.get("messages")
    if not isinstance(messages, list):
        return False
    for message in messages:
        # two fields are role and content: most messages are judged by this alone
        if type(message) is dict and len(message) > 2 and _old(message):
            return True
    return False


def as_tools(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The row in the shape of today, or what is in the way of that. `values` stay as they are."""
    row, faults = dict(values), []
    functions, messages = row.pop("functions", None), values.get("messages")
    if not empty(functions) and not empty(values.get("tools")):
        faults.append(Fault("stands beside 'tools'; keep one of them", field="functions"))
    elif not empty(functions) and not isinstance(functions, list):
        faults.append(Fault(f"must be a list, is {kind_of(functions)}", field="functions"))
    elif not empty(functions):
        row["tools"] = [{"type": "function", "function": one} for one in functions]
    made: list[Any] = []
    calls = OpenCalls()
    for index, message in enumerate(messages if isinstance(messages, list) else []):
        if not isinstance(message, dict) or not _old(message):
            made.append(message)
            if isinstance(message, dict) and not empty(message.get("tool_calls")):
                reason = "a row has calls of the old shape or of today's, not both"
                faults.append(Fault(reason, field=f"messages[{index}].tool_calls"))
            continue
        field = "role" if message.get("role") == "function" else "function_call"
        try:
            made.append(_message(message, calls))
        except ValueError as error:
            faults.append(Fault(str(error), field=f"messages[{index}].{field}"))
    if isinstance(messages, list):
        row["messages"] = made
    return row, faults


def _old(message: Mapping[str, Any]) -> bool:
    return message.get("role") == "function" or not empty(message.get("function_call"))


def _message(message: Mapping[str, Any], calls: OpenCalls) -> dict[str, Any]:
    given = dict(message)
    if given.get("role") == "function":
        name = given.pop("name", None)
        id = calls.answered(name) if isinstance(name, str) else None
        if id is None:
            raise ValueError(f"is the result of {name!r}, which no call before it asks for")
        return {**given, "role": "tool", "tool_call_id": id}
    call = given.pop("function_call")
    if given.get("role") != "assistant" or not empty(given.pop("tool_calls", None)):
        raise ValueError(
            "'function_call' stands in a turn of the assistant, and without 'tool_calls'"
        )
    if not isinstance(call, dict) or set(call) != {"name", "arguments"}:
        raise ValueError("'function_call' is written {'name', 'arguments'}")
    calls.begin()
    id = calls.add(call["name"] if isinstance(call["name"], str) else "")
    return {**given, "tool_calls": [{"id": id, "type": "function", "function": call}]}
