"""generateContent, its stream and countTokens, on bases and on the endpoints of tuned models."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ..serving.exchange import SSE, Call, Reply, answer
from .answers import Answer, Asked, bill, question_fault, say
from .bodies import plain
from .book import Book
from .records import stamp
from .refusals import Refused
from .served import Served, at_endpoint, base_model
from .tokens import conversation_tokens

LONGEST_STREAM_PIECE = 3  # words


def of_base(book: Book, call: Call) -> Reply:
    """POST publishers/google/models/ID:generateContent"""
    return answer(generate(book, call, base_model(book, call), call.json()))


def of_endpoint(book: Book, call: Call) -> Reply:
    """POST endpoints/ID:generateContent"""
    return answer(generate(book, call, at_endpoint(book, call)[0], call.json()))


def of_model(book: Book, call: Call) -> Reply:
    """POST models/ID:generateContent: a tuned model is called by its endpoint's name, not by its own."""
    raise Refused(
        400,
        f"Malformed publisher model (model: {call.path.partition('/projects/')[2]}). The model name must be of the "
        "format publishers/PUBLISHER/models/MODEL or projects/PROJECT/locations/LOCATION/endpoints/ENDPOINT.",
    )


def stream_of_base(book: Book, call: Call) -> Reply:
    """POST publishers/google/models/ID:streamGenerateContent"""
    return _stream(call, generate(book, call, base_model(book, call), call.json()))


def stream_of_endpoint(book: Book, call: Call) -> Reply:
    """POST endpoints/ID:streamGenerateContent"""
    return _stream(call, generate(book, call, at_endpoint(book, call)[0], call.json()))


def count_of_base(book: Book, call: Call) -> Reply:
    """POST publishers/google/models/ID:countTokens: free."""
    base_model(book, call)
    return _count(book, call)


def count_of_endpoint(book: Book, call: Call) -> Reply:
    """POST endpoints/ID:countTokens"""
    at_endpoint(book, call)
    return _count(book, call)


def generate(
    book: Book, call: Call, model: Served, body: dict[str, Any], *, batch: bool = False
) -> dict[str, Any]:
    """The answer to a body, billed; refused where the body is wrong."""
    asked, number = _asked(plain(body), model)
    found = [say(book, model, asked) for _ in range(number)]
    for one in found[1:]:
        one.read = 0  # the prompt is read once
    for one in found:
        bill(book, model, one, batch=batch)
    book.generated += 1
    first = found[0]
    seed = f"response {book.next_number('response')}".encode()
    data: dict[str, Any] = {
        "modelVersion": model.base.name,
        "createTime": stamp(call.now),
        "responseId": hashlib.sha256(seed).hexdigest()[:24],
        "usageMetadata": _usage(book, found),
    }
    if first.blocked is not None:
        data["promptFeedback"] = {
            "blockReason": first.blocked,
            "blockReasonMessage": "The prompt was blocked.",
        }
        return data
    data["candidates"] = [_candidate(index, one) for index, one in enumerate(found)]
    return data


def restreamed(parts: Any) -> Reply:
    """Server-sent events as Google ends their lines."""
    events = [f"data: {json.dumps(one)}\r\n\r\n".encode() for one in parts]
    return Reply(200, media_type=SSE, events=events, streamed=list(parts))


def _asked(body: dict[str, Any], model: Served) -> tuple[Asked, int]:
    """The body's question and how many answers it wants; refused where a field is wrong."""
    contents = body.get("contents")
    if fault := question_fault(contents):
        raise Refused(400, f"Unable to submit request because {fault[:1].lower()}{fault[1:]}")
    assert isinstance(contents, list)
    config = body.get("generationConfig") or {}
    for name, low, high in (
        ("temperature", 0, 2),
        ("topP", 0, 1),
        ("candidateCount", 1, 8),
        ("maxOutputTokens", 1, 65_536),
    ):
        value = config.get(name)
        if value is not None and not low <= value <= high:
            raise Refused(400, f"Unable to submit request because {name} must be {low} to {high}.")
    thinking = config.get("thinkingConfig") or {}
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        raise Refused(400, "You can only set only one of thinking budget and thinking level.")
    if "thinkingLevel" in thinking and not model.base.newer:
        raise Refused(400, "Thinking level is not supported for this model.")
    schema = config.get("responseJsonSchema", config.get("responseSchema"))
    if "responseJsonSchema" in config and "responseSchema" in config:
        raise Refused(400, "Only one of response_schema and response_json_schema may be set.")
    media = config.get("responseMimeType", "text/plain")
    if schema is not None and media == "text/plain":
        raise Refused(
            400,
            "Unable to submit request because response_schema needs response_mime_type application/json or text/x.enum.",
        )
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    tools = [
        one for tool in body.get("tools") or () for one in tool.get("functionDeclarations") or ()
    ]
    for tool in tools:
        if not tool.get("name"):
            raise Refused(400, "Unable to submit request because a function has no name.")
    asked = Asked(
        contents=contents,
        system=body.get("systemInstruction"),
        tools=tools,
        mode=calling.get("mode", "AUTO"),
        allowed=tuple(calling.get("allowedFunctionNames") or ()),
        schema=schema,
        json=media == "application/json",
        stop=tuple(config.get("stopSequences") or ()),
        most=config.get("maxOutputTokens"),
        thinking=thinking,
    )
    return asked, config.get("candidateCount") or 1


def _candidate(index: int, said: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {"index": index, "finishReason": said.reason}
    found["content"] = {"role": "model", "parts": said.parts} if said.parts else {"role": "model"}
    if said.reason == "SAFETY":
        found["safetyRatings"] = [
            {
                "category": "HARM_CATEGORY_DANGEROUS_CONTENT",
                "probability": "HIGH",
                "blocked": True,
            }
        ]
    elif said.reason not in ("STOP", "MAX_TOKENS"):
        found["finishMessage"] = f"The answer ended by {said.reason}."
    return found


def _usage(book: Book, found: list[Answer]) -> dict[str, Any]:
    read, written = sum(one.read for one in found), sum(one.written for one in found)
    thoughts = sum(one.thoughts for one in found)
    usage: dict[str, Any] = {
        "promptTokenCount": read,
        "totalTokenCount": read + written + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": read}],
    }
    if written:
        usage["candidatesTokenCount"] = written
        usage["candidatesTokensDetails"] = [{"modality": "TEXT", "tokenCount": written}]
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    if book.settings.cached:
        usage["cachedContentTokenCount"] = min(book.settings.cached, read)
    return usage


def _stream(call: Call, data: dict[str, Any]) -> Reply:
    """The same answer in pieces; the reason of its end and what it used come with the last."""
    common = {name: data[name] for name in ("modelVersion", "createTime", "responseId")}
    pieces: list[dict[str, Any]] = []
    for candidate in data.get("candidates", ()):
        for part in candidate["content"].get("parts", ()):
            for piece in _pieces(part):
                content = {"role": "model", "parts": [piece]}
                pieces.append(
                    {**common, "candidates": [{"index": candidate["index"], "content": content}]}
                )
        last = {**candidate, "content": {"role": "model", "parts": [{"text": ""}]}}
        pieces.append({**common, "candidates": [last]})
    if not pieces:
        pieces = [{**common, "promptFeedback": data["promptFeedback"]}]
    pieces[-1]["usageMetadata"] = data["usageMetadata"]
    if call.argument("alt") != "sse":  # one JSON list, as the method gives without alt=sse
        return Reply(200, pieces)
    return restreamed(pieces)


def _pieces(part: dict[str, Any]) -> list[dict[str, Any]]:
    if "text" not in part:
        return [part]
    found: list[str] = [""]
    for letter in part["text"]:
        if letter == " " and found[-1].count(" ") >= LONGEST_STREAM_PIECE - 1:
            found.append("")
        found[-1] += letter
    return [{**part, "text": text} for text in found if text]


def _count(book: Book, call: Call) -> Reply:
    body = plain(call.json())
    contents = body.get("contents") or []
    tools = [
        one for tool in body.get("tools") or () for one in tool.get("functionDeclarations") or ()
    ]
    total = conversation_tokens(contents, body.get("systemInstruction"), tools)
    book.counted += 1
    return answer(
        {
            "totalTokens": total,
            "totalBillableCharacters": len("".join(json.dumps(contents).split())),
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}],
        }
    )
