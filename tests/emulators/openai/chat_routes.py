"""Chat completions: plain, streamed with usage, with tools, and with a JSON schema."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..serving.clock import unix
from ..serving.exchange import Call, Reply, answer, stream
from .answers import Answer, Asked, bill, say
from .book import Book
from .models import Served, serving
from .records import Account
from .refusals import Refusal, refusal
from .schemas import refuse_unless_strict

Find = Callable[[Any, Account, str, datetime], Served]  # the model of a name, or a Refusal


def create(book: Book, call: Call, find: Find = serving) -> Reply:
    """POST /v1/chat/completions"""
    body = call.json()
    completion = complete(book, call, body, find=find)
    if not body.get("stream"):
        return answer(completion)
    usage = bool((body.get("stream_options") or {}).get("include_usage"))
    return stream([(None, chunk) for chunk in _chunks(completion, usage)], done=True)


def complete(
    book: Book, call: Call, body: dict[str, Any], *, batch: bool = False, find: Find = serving
) -> dict[str, Any]:
    """The completion of a body, billed; Refusal where the body is wrong or the model is not there."""
    asked = _asked(body)
    if book.settings.quota == "insufficient":
        raise refusal("insufficient_quota")
    model = find(book, call.scope, body["model"], call.now)
    number = body.get("n") or 1
    answers = [say(book, model, asked) for _ in range(number)]
    for one in answers[1:]:
        one.read = 0  # the prompt is read once
    for one in answers:
        bill(book, model, one, batch=batch)
    book.chats += 1
    return {
        "id": book.next_id("chatcmpl"),
        "object": "chat.completion",
        "created": unix(call.now),
        "model": model.id,
        "choices": [_choice(book, index, one) for index, one in enumerate(answers)],
        "usage": _usage(sum(one.read for one in answers), sum(one.written for one in answers)),
        "service_tier": "default",
        "system_fingerprint": "fp_emulated",
    }


def _asked(body: dict[str, Any]) -> Asked:
    """The body's question; refused where a field is wrong."""
    if not isinstance(body.get("model"), str):
        raise Refusal(400, "you must provide a model parameter")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "Missing required parameter: 'messages'.", param="messages")
    for place, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ("system", "developer", "user", "assistant", "tool", "function"):
            raise Refusal(
                400,
                f"Invalid value: {role!r}.",
                code="invalid_value",
                param=f"messages[{place}].role",
            )
    if "max_tokens" in body and "max_completion_tokens" in body:
        raise Refusal(400, "Setting 'max_tokens' and 'max_completion_tokens' is not supported.")
    for name, low, high in (("temperature", 0, 2), ("top_p", 0, 1), ("n", 1, 128)):
        value = body.get(name)
        if value is not None and not (isinstance(value, (int, float)) and low <= value <= high):
            raise Refusal(400, f"Invalid '{name}'.", param=name)
    tools = [
        {"name": tool["function"]["name"], "parameters": tool["function"].get("parameters")}
        for tool in body.get("tools") or ()
        if tool.get("type") == "function"
    ]
    choice = body.get("tool_choice")
    must_call = "" if choice == "required" else None
    if isinstance(choice, dict) and choice.get("type") == "function":
        must_call = choice["function"]["name"]
    form = body.get("response_format") or {}
    schema = None
    if form.get("type") == "json_schema":
        schema = form["json_schema"].get("schema") or {}
        if form["json_schema"].get("strict"):
            refuse_unless_strict(schema, form["json_schema"]["name"], "response_format")
    stop = body.get("stop") or []
    return Asked(
        messages=messages,
        tools=tools,
        must_call=must_call,
        may_call=choice != "none",
        schema=schema,
        json_object=form.get("type") == "json_object",
        stop=[stop] if isinstance(stop, str) else list(stop),
        max_tokens=body.get("max_completion_tokens", body.get("max_tokens")),
    )


def _choice(book: Book, index: int, said: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": said.content,
        "refusal": said.refusal,
        "annotations": [],
    }
    if said.tool_calls:
        message["tool_calls"] = [
            {
                "id": book.next_id("call"),
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }
            for name, arguments in said.tool_calls
        ]
    return {
        "index": index,
        "message": message,
        "logprobs": None,
        "finish_reason": said.finish_reason,
    }


def _usage(read: int, written: int) -> dict[str, Any]:
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _chunks(completion: dict[str, Any], usage: bool) -> list[dict[str, Any]]:
    """The same completion in pieces: the role, words, tool calls in two halves, the end, then usage if asked for."""
    common = {
        key: completion[key]
        for key in ("id", "created", "model", "service_tier", "system_fingerprint")
    }
    common["object"] = "chat.completion.chunk"

    def chunk(index: int, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**common, "choices": [choice]}

    found = []
    for choice in completion["choices"]:
        index, message = choice["index"], choice["message"]
        found.append(chunk(index, {"role": "assistant", "content": "", "refusal": None}))
        for word in words(message["content"] or ""):
            found.append(chunk(index, {"content": word}))
        if message["refusal"]:
            found.append(chunk(index, {"refusal": message["refusal"]}))
        for place, asked in enumerate(message.get("tool_calls", ())):
            arguments = asked["function"]["arguments"]
            half = len(arguments) // 2
            first = {**asked, "index": place}
            first["function"] = {**asked["function"], "arguments": arguments[:half]}
            rest = {"index": place, "function": {"arguments": arguments[half:]}}
            found += [chunk(index, {"tool_calls": [first]}), chunk(index, {"tool_calls": [rest]})]
        found.append(chunk(index, {}, choice["finish_reason"]))
    if usage:
        found.append({**common, "choices": [], "usage": completion["usage"]})
    return found


def words(text: str) -> list[str]:
    """The text in words, each with the space before it; joined they are the text."""
    found: list[str] = []
    for letter in text:
        if letter == " " or not found:
            found.append(letter)
        else:
            found[-1] += letter
    return found
