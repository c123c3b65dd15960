"""Between a question and Anthropic's messages: the same for answers whole, streamed and async.

What a model is asked beside the question (how much it thinks) stands in the catalogue as its `call_options`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ftkit.backend import Answer, Call, ModelRecord, Usage
from ftkit.catalogue import Catalogue
from ftkit.data.example import ToolCall
from ftkit.errors import CapabilityError, ProviderError
from ftkit.http.replies import inner, items, optional_text, optional_whole, text, whole
from ftkit_anthropic.caching import mark
from ftkit_anthropic.client import enforceable
from ftkit_anthropic.turns import system_blocks, tool, turn_blocks

_ENDS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
}
_UNSET = (
    0.0,
    1.0,
)  # temperature: what ftkit asks where nobody has said anything, and what Claude does anyway


class MessagesWire:
    """Fulfils `ftkit.asking.Wire`. `cache`: how long a prefix is kept, or "off"."""

    WHAT = "POST /v1/messages"

    def __init__(self, catalogue: Catalogue, cache: str) -> None:
        self._catalogue = catalogue
        self._cache = cache

    def body(self, record: ModelRecord, call: Call) -> dict[str, Any]:
        """The request. `extra` goes over everything; None in it takes a field out."""
        facts = self._catalogue.model(record.base)
        if call.temperature not in _UNSET or call.top_p != 1.0:
            raise CapabilityError(
                "anthropic cannot do 'temperature' or 'top_p': its API has none; leave them out"
            )
        if call.seed is not None:
            raise CapabilityError("anthropic cannot do 'seed': its API has none; leave it out")
        if call.messages[-1].role == "assistant" and facts is not None and "prefill" in facts.lacks:
            raise CapabilityError(f"{record.id} cannot do 'prefill': {facts.lacks['prefill']}")
        asked: dict[str, Any] = {
            "model": record.native,
            "max_tokens": call.max_tokens,
            "system": system_blocks(call.messages) or None,
            "messages": turn_blocks(call.messages),
            "tools": [tool(one) for one in call.tools] or None,
            "stop_sequences": list(call.stop) or None,
        }
        asked = _over({} if facts is None else facts.call_options, asked)
        if call.schema is not None:
            form = {"type": "json_schema", "schema": enforceable(call.schema)}
            asked = _over(asked, {"output_config": {"format": form}})
        asked = _over(asked, call.extra)
        asked = {name: value for name, value in asked.items() if value is not None}
        if facts is not None and asked.get("messages"):
            mark(asked, self._cache, facts.cached_from)
        return asked

    def counted(self, record: ModelRecord, call: Call) -> dict[str, Any]:
        """The same request as far as its tokens go."""
        asked = self.body(record, call)
        return {name: asked[name] for name in _COUNTED if name in asked}

    def whole_call(self, asked: Mapping[str, Any], timeout_s: float) -> Any:
        """The SDK's call for a whole answer. With a timeout of ours it sets none, and refuses none as too long."""
        return lambda sdk: sdk.messages.with_raw_response.create(
            **_required(asked), extra_body=asked, timeout=timeout_s
        )

    def stream_call(self, asked: Mapping[str, Any], timeout_s: float) -> Any:
        """The SDK's call for an answer in pieces."""
        return lambda sdk: sdk.messages.create(
            **_required(asked), stream=True, extra_body=asked, timeout=timeout_s
        )

    def answer(self, reply: Mapping[str, Any]) -> Answer:
        """A whole message: its texts and calls; what it thought stays in `raw`."""
        content = items(reply, "content")
        said = "".join(text_of(one) for one in content if one.get("type") == "text")
        calls = tuple(
            ToolCall(text(one, "id"), text(one, "name"), json.dumps(inner(one, "input")))
            for one in content
            if one.get("type") == "tool_use"
        )
        return Answer(said, ended(reply), usage(reply), raw=dict(reply), tool_calls=calls)

    def Pieces(self) -> Pieces:
        """An answer that arrives in events."""
        return Pieces()


class Pieces:
    """`take` gives the text of an event, `answer` is there once the last has come."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._start: dict[str, Any] = {}
        self._counted: dict[str, Any] = {}
        self._end: Mapping[str, Any] = {}
        self._whole = False

    def take(self, event: Mapping[str, Any]) -> str:
        """The new text of an event, "" where it brings none."""
        kind = text(event, "type")
        if kind == "message_start":
            self._start = dict(inner(event, "message"))
            self._counted = dict(inner(self._start, "usage"))
        elif kind == "content_block_start":
            block = inner(event, "content_block")
            if block.get("type") == "tool_use":
                call = {"id": text(block, "id"), "name": text(block, "name"), "arguments": ""}
                self._calls[whole(event, "index")] = call
            elif block.get("type") == "text":
                return self._said(text_of(block))
        elif kind == "content_block_delta":
            delta = inner(event, "delta")
            if delta.get("type") == "text_delta":
                return self._said(text_of(delta))
            if delta.get("type") == "input_json_delta":
                index = whole(event, "index")
                if index not in self._calls:
                    raise ProviderError("Anthropic's stream has a piece of a call that never began")
                self._calls[index]["arguments"] += optional_text(delta, "partial_json") or ""
        elif kind == "message_delta":
            self._end = inner(event, "delta")
            told = inner(event, "usage")
            self._counted |= {name: value for name, value in told.items() if value is not None}
        elif kind == "message_stop":
            self._whole = True
        return ""

    def answer(self) -> Answer:
        """The whole; raises ProviderError where the stream ended before its end."""
        if not self._whole or not self._end.get("stop_reason"):
            raise ProviderError(
                "Anthropic's stream broke off before its end; what came is not whole"
            )
        calls = tuple(
            ToolCall(call["id"], call["name"], call["arguments"] or "{}")
            for _, call in sorted(self._calls.items())
        )
        raw = {**self._start, **self._end, "usage": self._counted}
        raw.pop("content", None)
        return Answer("".join(self._text), ended(self._end), usage(raw), raw=raw, tool_calls=calls)

    def _said(self, piece: str) -> str:
        self._text.append(piece)
        return piece


def usage(reply: Mapping[str, Any]) -> Usage:
    """Tokens as Anthropic has counted them, whose `input_tokens` are only those that no cache had to do with."""
    counted = inner(reply, "usage")
    cached = optional_whole(counted, "cache_read_input_tokens") or 0
    written = optional_whole(counted, "cache_creation_input_tokens") or 0
    lives = counted.get("cache_creation")
    return Usage(
        whole(counted, "input_tokens") + cached + written,
        whole(counted, "output_tokens"),
        cached,
        written,
        (optional_whole(lives, "ephemeral_1h_input_tokens") or 0) if isinstance(lives, dict) else 0,
    )


def ended(reply: Mapping[str, Any]) -> str:
    """Why an answer ended, in the contract's words where it has one: "refusal" and "pause_turn" are Anthropic's own."""
    reason = text(reply, "stop_reason")
    return _ENDS.get(reason, reason)


def text_of(block: Mapping[str, Any]) -> str:
    """The text of a block, "" where it is empty; ProviderError where it is none."""
    return optional_text(block, "text") or ""


_COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")


def _required(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: asked[name] for name in ("model", "messages", "max_tokens") if name in asked}


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """One object laid over another, inner ones too; lists are taken as they are."""
    made = dict(below)
    for name, value in above.items():
        there = made.get(name)
        if isinstance(there, Mapping) and isinstance(value, Mapping) and name == "output_config":
            made[name] = _over(there, value)
        else:
            made[name] = value
    return made
