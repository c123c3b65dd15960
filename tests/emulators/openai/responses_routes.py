"""Responses: plain and streamed, with function tools and a JSON schema. Nothing is stored: each call stands alone."""

from __future__ import annotations

from typing import Any

from ..serving.clock import unix
from ..serving.exchange import Call, Reply, answer, stream
from .answers import Answer, Asked, bill, say
from .book import Book
from .chat_routes import Find, words
from .models import serving
from .refusals import Refusal, refusal
from .schemas import refuse_unless_strict

PARTS = {"input_text": "text", "output_text": "text", "input_image": "image_url"}
# why a response is not complete, by the word that chat has for it
INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def create(book: Book, call: Call, find: Find = serving) -> Reply:
    """POST /v1/responses"""
    body = call.json()
    response = respond(book, call, body, find=find)
    if not body.get("stream"):
        return answer(response)
    return stream([(event["type"], event) for event in _events(response)], done=False)


def respond(
    book: Book, call: Call, body: dict[str, Any], *, batch: bool = False, find: Find = serving
) -> dict[str, Any]:
    """The response of a body, billed; Refusal where the body is wrong or the model is not there."""
    asked = _asked(body)
    if book.settings.quota == "insufficient":
        raise refusal("insufficient_quota")
    model = find(book, call.scope, body["model"], call.now)
    said = say(book, model, asked)
    bill(book, model, said, batch=batch)
    book.responses += 1
    why = INCOMPLETE.get(said.finish_reason)
    cut = why is not None
    return {
        "id": book.next_id("resp"),
        "object": "response",
        "created_at": unix(call.now),
        "status": "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": why} if cut else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": body.get("metadata") or {},
        "model": model.id,
        "output": _output(book, said, cut),
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": [_tool(tool) for tool in body.get("tools") or ()],
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": {
            "input_tokens": said.read,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": said.written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": said.read + said.written,
        },
    }


def _asked(body: dict[str, Any]) -> Asked:
    if not isinstance(body.get("model"), str):
        raise Refusal(400, "Missing required parameter: 'model'.", param="model")
    given = body.get("input")
    if not isinstance(given, (str, list)) or not given:
        raise Refusal(400, "Missing required parameter: 'input'.", param="input")
    if body.get("previous_response_id"):
        id = body["previous_response_id"]
        raise Refusal(404, f"Previous response with id '{id}' not found.", code="not_found")
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else []
    for item in given if isinstance(given, list) else ():
        messages.append(_message(item))
    if body.get("instructions"):
        messages.insert(0, {"role": "developer", "content": body["instructions"]})
    for tool in body.get("tools") or ():
        if tool.get("type") != "function":
            raise Refusal(400, "The emulator has function tools only.", param="tools")
    choice = body.get("tool_choice")
    must_call = "" if choice == "required" else None
    if isinstance(choice, dict) and choice.get("type") == "function":
        must_call = choice["name"]
    form = (body.get("text") or {}).get("format") or {}
    schema = None
    if form.get("type") == "json_schema":
        schema = form.get("schema") or {}
        if form.get("strict"):
            refuse_unless_strict(schema, form["name"], "text.format")
    return Asked(
        messages=messages,
        tools=[
            {"name": tool["name"], "parameters": tool.get("parameters")}
            for tool in body.get("tools") or ()
        ],
        must_call=must_call,
        may_call=choice != "none",
        schema=schema,
        json_object=form.get("type") == "json_object",
        max_tokens=body.get("max_output_tokens"),
    )


def _message(item: Any) -> dict[str, Any]:
    """An input item in the form of chat."""
    kind = item.get("type", "message") if isinstance(item, dict) else None
    if kind == "function_call":
        function = {"name": item["name"], "arguments": item["arguments"]}
        calls = [{"id": item["call_id"], "type": "function", "function": function}]
        return {"role": "assistant", "content": None, "tool_calls": calls}
    if kind == "function_call_output":
        return {"role": "tool", "content": item["output"], "tool_call_id": item["call_id"]}
    if kind != "message" or not isinstance(item.get("role"), str):
        raise Refusal(400, "Invalid value in 'input'.", param="input")
    content = item.get("content")
    if isinstance(content, list):
        content = [{**part, "type": PARTS.get(part["type"], part["type"])} for part in content]
    return {"role": item["role"], "content": content}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool as the answer repeats it."""
    return {"strict": True, "description": None, **tool}


def _output(book: Book, said: Answer, cut: bool) -> list[dict[str, Any]]:
    if said.tool_calls:
        return [
            {
                "id": book.next_id("fc"),
                "type": "function_call",
                "status": "completed",
                "call_id": book.next_id("call"),
                "name": name,
                "arguments": arguments,
            }
            for name, arguments in said.tool_calls
        ]
    part = (
        {"type": "refusal", "refusal": said.refusal}
        if said.refusal is not None
        else {"type": "output_text", "text": said.content or "", "annotations": [], "logprobs": []}
    )
    return [
        {
            "id": book.next_id("msg"),
            "type": "message",
            "role": "assistant",
            "status": "incomplete" if cut else "completed",
            "content": [part],
        }
    ]


def _events(response: dict[str, Any]) -> list[dict[str, Any]]:
    """The same response as the events that build it up."""
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    begun["incomplete_details"] = None
    found: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(response["output"]):
        place = {"output_index": index, "item_id": item["id"]}
        if item["type"] == "function_call":
            empty = {**item, "status": "in_progress", "arguments": ""}
            middle = _call_events(item, place)
        else:
            empty = {**item, "status": "in_progress", "content": []}
            middle = _part_events(item["content"][0], {**place, "content_index": 0})
        found.append({"type": "response.output_item.added", "output_index": index, "item": empty})
        found += middle
        found.append({"type": "response.output_item.done", "output_index": index, "item": item})
    found.append({"type": f"response.{response['status']}", "response": response})
    return [{**event, "sequence_number": number} for number, event in enumerate(found)]


def _call_events(item: dict[str, Any], place: dict[str, Any]) -> list[dict[str, Any]]:
    name = "response.function_call_arguments"
    return [
        {"type": f"{name}.delta", **place, "delta": item["arguments"]},
        {"type": f"{name}.done", **place, "arguments": item["arguments"], "name": item["name"]},
    ]


def _part_events(part: dict[str, Any], place: dict[str, Any]) -> list[dict[str, Any]]:
    refused = part["type"] == "refusal"
    name, key = ("response.refusal", "refusal") if refused else ("response.output_text", "text")
    extra: dict[str, Any] = {} if refused else {"logprobs": []}
    deltas = [part[key]] if refused else words(part[key])
    empty = {**part, key: ""}
    return [
        {"type": "response.content_part.added", **place, "part": empty},
        *({"type": f"{name}.delta", **place, "delta": delta, **extra} for delta in deltas),
        {"type": f"{name}.done", **place, key: part[key], **extra},
        {"type": "response.content_part.done", **place, "part": part},
    ]
