"""Between a question and OpenAI's responses: the same conversation as for chat completions, in other words.

What would surprise: the provider keeps a copy of each response unless it is told not to, so `store` is false unless
`extra` says otherwise; a tool is strict unless one says that it is not; and there is neither `stop` nor `seed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ftkit.backend import Answer, Call, ModelRecord, Usage
from ftkit.data.example import Image, Message, ToolCall
from ftkit.errors import CapabilityError, ProviderError
from ftkit.http.replies import inner, items, optional_text, text, whole
from ftkit.http.shown import one_line
from ftkit_openai.chat_wire import cached, leaves_nothing_open

WHAT = "POST /responses"

_ENDS = {"max_output_tokens": "length"}  # chat's word for it; other reasons have the same name


def body(record: ModelRecord, call: Call) -> dict[str, Any]:
    """The request. `extra` goes over everything; None in it takes a field out. CapabilityError for `stop` and `seed`."""
    for name, given in (("stop", bool(call.stop)), ("seed", call.seed is not None)):
        if given:
            raise CapabilityError(
                f"openai cannot do {name!r} through /responses, which has no such field; leave it out, or take "
                f'api = "chat" for {record.instance}'
            )
    asked: dict[str, Any] = {
        "model": record.native,
        "input": [item for turn in call.messages for item in _items(turn)],
        "max_output_tokens": call.max_tokens,
        "temperature": call.temperature,
        "top_p": call.top_p,
        "tools": [_tool(tool) for tool in call.tools] or None,
        "text": None if call.schema is None else {"format": _format(call.schema)},
        "store": False,
    }
    asked |= call.extra
    return {name: value for name, value in asked.items() if value is not None}


def whole_call(asked: Mapping[str, Any], timeout_s: float) -> Any:
    """The SDK's call for a whole answer."""
    return lambda sdk: sdk.responses.with_raw_response.create(
        model=asked["model"], input=asked["input"], extra_body=asked, timeout=timeout_s
    )


def stream_call(asked: Mapping[str, Any], timeout_s: float) -> Any:
    """The SDK's call for an answer in pieces."""
    return lambda sdk: sdk.responses.create(
        model=asked["model"], input=asked["input"], stream=True, extra_body=asked, timeout=timeout_s
    )


def answer(reply: Mapping[str, Any]) -> Answer:
    """A whole response: the text of its messages, and its calls."""
    status = text(reply, "status")
    if status not in ("completed", "incomplete"):
        raise ProviderError(f"OpenAI's response is {status}{_reason(reply.get('error'))}")
    output = items(reply, "output")
    parts = [
        part for one in output if one.get("type") == "message" for part in items(one, "content")
    ]
    said = "".join(optional_text(part, "text") or "" for part in parts)
    refused = "".join(optional_text(part, "refusal") or "" for part in parts)
    calls = tuple(_call(one) for one in output if one.get("type") == "function_call")
    reason = "tool_calls" if calls else "stop"
    if status == "incomplete":
        why = text(inner(reply, "incomplete_details"), "reason")
        reason = _ENDS.get(why, why)
    return Answer(said or refused, reason, _usage(reply), raw=dict(reply), tool_calls=calls)


class Pieces:
    """An answer that arrives in events. `take` gives the text of one, `answer` is there once the last has come."""

    def __init__(self) -> None:
        self._last: Mapping[str, Any] | None = None

    def take(self, event: Mapping[str, Any]) -> str:
        """The new text of an event, "" where it brings none."""
        kind = text(event, "type")
        if kind in ("response.output_text.delta", "response.refusal.delta"):
            return optional_text(event, "delta") or ""
        if kind in ("response.completed", "response.incomplete", "response.failed"):
            self._last = inner(event, "response")
        if kind == "error":
            raise ProviderError(f"OpenAI's stream ended in an error{_reason(event)}")
        return ""

    def answer(self) -> Answer:
        """The whole, as the last event repeats it; raises ProviderError where the stream ended before its end."""
        if self._last is None:
            raise ProviderError("OpenAI's stream broke off before its end; what came is not whole")
        return answer(self._last)


def _items(turn: Message) -> Iterator[dict[str, Any]]:
    """A turn as the items that say it: a message, calls of tools, or the result of one."""
    if turn.name is not None:
        raise CapabilityError(
            "openai cannot do 'name' of a message through /responses, which has no such field; leave it out"
        )
    if turn.role == "tool":
        yield {
            "type": "function_call_output",
            "call_id": turn.tool_call_id or "",
            "output": turn.content,
        }
        return
    if turn.content or turn.parts or not turn.tool_calls:
        content = [_part(part) for part in turn.parts] if turn.images else turn.content
        yield {"type": "message", "role": turn.role, "content": content}
    for call in turn.tool_calls:
        yield {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }


def _part(part: str | Image) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "input_text", "text": part}
    return {"type": "input_image", "image_url": part.url, "detail": part.detail or "auto"}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function without the shell around it, as strict as chat would take it."""
    return {"type": "function", "parameters": None, "strict": False, **tool["function"]}


def _format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "json_schema",
        "name": "answer",
        "schema": dict(schema),
        "strict": leaves_nothing_open(schema),
    }


def _call(item: Mapping[str, Any]) -> ToolCall:
    return ToolCall(
        text(item, "call_id"), text(item, "name"), optional_text(item, "arguments") or ""
    )


def _usage(reply: Mapping[str, Any]) -> Usage:
    counted = inner(reply, "usage")
    return Usage(
        whole(counted, "input_tokens"),
        whole(counted, "output_tokens"),
        cached(counted, "input_tokens_details"),
    )


def _reason(error: Any) -> str:
    message = error.get("message") if isinstance(error, Mapping) else None
    return f": {one_line(message, 200)}" if isinstance(message, str) and message else ""
