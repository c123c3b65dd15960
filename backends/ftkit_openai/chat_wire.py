"""Between a question and OpenAI's chat completions: pure functions, the same for answers whole, streamed and async."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftkit.backend import Answer, Call, ModelRecord, Usage
from ftkit.data.example import ToolCall, as_dicts
from ftkit.errors import ProviderError
from ftkit.http.replies import inner, items, optional_text, optional_whole, text, whole

WHAT = "POST /chat/completions"


def body(record: ModelRecord, call: Call) -> dict[str, Any]:
    """The request. `extra` goes over everything; None in it takes a field out, for models that know it not."""
    asked: dict[str, Any] = {
        "model": record.native,
        "messages": [_message(turn) for turn in as_dicts(call.messages)],
        # the newer name of max_tokens, and the only one that reasoning models know
        "max_completion_tokens": call.max_tokens,
        "temperature": call.temperature,
        "top_p": call.top_p,
        "stop": list(call.stop) or None,
        "seed": call.seed,
        "tools": list(call.tools) or None,
        "response_format": None if call.schema is None else _format(call.schema),
    }
    asked |= call.extra
    return {name: value for name, value in asked.items() if value is not None}


def whole_call(asked: Mapping[str, Any], timeout_s: float) -> Any:
    """The SDK's call for a whole answer."""
    return lambda sdk: sdk.chat.completions.with_raw_response.create(
        messages=asked["messages"], model=asked["model"], extra_body=asked, timeout=timeout_s
    )


def stream_call(asked: Mapping[str, Any], timeout_s: float) -> Any:
    """The SDK's call for an answer in pieces, the last of which counts its tokens."""
    return lambda sdk: sdk.chat.completions.create(
        messages=asked["messages"],
        model=asked["model"],
        stream=True,
        stream_options={"include_usage": True},
        extra_body=asked,
        timeout=timeout_s,
    )


def answer(reply: Mapping[str, Any]) -> Answer:
    """A whole completion; its first choice."""
    choices = items(reply, "choices")
    if not choices:
        raise ProviderError("OpenAI's answer has no choice in it")
    message = inner(choices[0], "message")
    said = optional_text(message, "content") or optional_text(message, "refusal") or ""
    calls = items(message, "tool_calls") if message.get("tool_calls") else []
    return Answer(
        said,
        text(choices[0], "finish_reason"),
        usage(reply),
        raw=dict(reply),
        tool_calls=tuple(_call(one) for one in calls),
    )


def _message(turn: Mapping[str, Any]) -> dict[str, Any]:
    """A turn without its weight, which says what to learn and is unknown where nothing is learned."""
    return {name: value for name, value in turn.items() if name != "weight"}


def _format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI holds an answer to a schema that leaves nothing open; any other one it follows as well as it can."""
    named = {"name": "answer", "schema": dict(schema), "strict": leaves_nothing_open(schema)}
    return {"type": "json_schema", "json_schema": named}


def leaves_nothing_open(schema: Any) -> bool:
    """True where every object in it requires all of its properties and allows no others, as `strict` wants it."""
    if isinstance(schema, list):
        return all(leaves_nothing_open(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        closed = schema.get("additionalProperties") is False
        if not closed or set(schema.get("required", ())) != set(properties):
            return False
    return all(leaves_nothing_open(part) for name, part in schema.items() if name != "required")


def _call(reply: Mapping[str, Any]) -> ToolCall:
    function = inner(reply, "function")
    arguments = optional_text(function, "arguments") or ""
    return ToolCall(text(reply, "id"), text(function, "name"), arguments)


def usage(reply: Mapping[str, Any]) -> Usage:
    """Tokens as OpenAI has counted them."""
    counted = inner(reply, "usage")
    return Usage(
        whole(counted, "prompt_tokens"),
        whole(counted, "completion_tokens"),
        cached(counted, "prompt_tokens_details"),
    )


def cached(counted: Mapping[str, Any], details: str) -> int:
    """Tokens of input that came out of OpenAI's cache, which it keeps by itself; 0 where it says nothing of one."""
    if counted.get(details) is None:
        return 0
    return optional_whole(inner(counted, details), "cached_tokens") or 0


class Pieces:
    """An answer that arrives in pieces. `take` gives the text of one, `answer` is there once the last has come."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._finish_reason: str | None = None
        self._usage: Usage | None = None
        self._raw: dict[str, Any] = {}
        self._calls: dict[int, dict[str, str]] = {}

    def take(self, chunk: Mapping[str, Any]) -> str:
        """The new text of a chunk, "" where it brings none."""
        self._raw |= {name: chunk[name] for name in ("id", "model", "created") if name in chunk}
        if chunk.get("usage") is not None:
            self._usage = usage(chunk)
        choices = items(chunk, "choices")
        if not choices:
            return ""
        delta = inner(choices[0], "delta")
        self._finish_reason = optional_text(choices[0], "finish_reason") or self._finish_reason
        for part in items(delta, "tool_calls") if delta.get("tool_calls") else []:
            self._take_call(part)
        piece = optional_text(delta, "content") or optional_text(delta, "refusal") or ""
        self._text.append(piece)
        return piece

    def _take_call(self, part: Mapping[str, Any]) -> None:
        """A piece of a call: its id and name come once, its arguments in pieces."""
        call = self._calls.setdefault(whole(part, "index"), {"id": "", "name": "", "arguments": ""})
        function = inner(part, "function") if part.get("function") else {}
        call["id"] = call["id"] or optional_text(part, "id") or ""
        call["name"] = call["name"] or optional_text(function, "name") or ""
        call["arguments"] += optional_text(function, "arguments") or ""

    def answer(self) -> Answer:
        """The whole; raises ProviderError where the stream ended before its end."""
        if self._finish_reason is None or self._usage is None:
            missing = "its end" if self._finish_reason is None else "its count of tokens"
            raise ProviderError(
                f"OpenAI's stream broke off before {missing}; what came is not whole"
            )
        calls = tuple(ToolCall(**call) for _, call in sorted(self._calls.items()))
        return Answer("".join(self._text), self._finish_reason, self._usage, self._raw, calls)
