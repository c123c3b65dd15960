"""Messages, whole or streamed, and the count of a prompt's tokens."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ..serving.exchange import Call, Reply, answer, stream
from . import message_rules, model_rules, sdk_types, tool_rules
from .answers import Said, context, say
from .book import Book
from .cache import Read
from .events import events
from .marks import mark
from .models import Model, known
from .prompt import Block, as_blocks, blocks
from .records import Account
from .refusals import APIRefusal, invalid, refusal
from .schemas import refuse_unless_closed

MESSAGES, COUNT = "POST /v1/messages", "POST /v1/messages/count_tokens"


def create(book: Book, call: Call) -> Reply:
    """POST /v1/messages"""
    if len(call.body) > book.settings.max_request_bytes:
        raise refusal("request_too_large")
    book.pace.take(call.scope.organisation, book.settings.requests_per_minute, call.now)
    version = call.headers["anthropic-version"]
    body = _typed(MESSAGES, call.body, version)
    message, said = complete(book, call.scope, body, call.now)
    if not body.get("stream"):
        if said.breaks is not None:
            raise refusal(said.breaks["code"])
        return answer(message)
    found = events(message, said.breaks)
    reply = stream([(event["type"], event) for event in found], done=False)
    reply.deviates = frozenset(("ping",))
    return reply


def count(book: Book, call: Call) -> Reply:
    """POST /v1/messages/count_tokens"""
    if len(call.body) > book.settings.max_request_bytes:
        raise refusal("request_too_large")
    body = _typed(COUNT, call.body, call.headers["anthropic-version"])
    model = serving(book, body["model"], call.now)
    prompt = _checked(book, call.scope, model, body)
    book.token_counts += 1
    return answer({"input_tokens": sum(block.tokens for block in prompt)})


def row(
    book: Book, account: Account, content: bytes, version: str, now: datetime
) -> dict[str, Any]:
    """The answer to a row of a batch; raises an APIRefusal."""
    body = _typed(MESSAGES, content, version)
    message, said = complete(book, account, body, now, batch=True)
    if said.breaks is not None:
        raise refusal(said.breaks["code"])
    return message


def complete(
    book: Book, account: Account, body: dict[str, Any], now: datetime, *, batch: bool = False
) -> tuple[dict[str, Any], Said]:
    """The message that answers a body, billed."""
    if book.settings.funds == "empty":
        raise refusal("billing_error")
    model = serving(book, body["model"], now)
    prompt = _checked(book, account, model, body)
    model_rules.check_output(body, model, batch=batch)
    for sequence in body.get("stop_sequences") or ():
        if not sequence.strip():
            raise invalid("stop_sequences: each stop sequence must contain non-whitespace")
    total = sum(block.tokens for block in prompt)
    if total > context(book, model):
        raise invalid(f"prompt is too long: {total} tokens > {context(book, model)} maximum")
    said = say(book, account, model, body, total)
    least = book.settings.cached_from or model.cached_from
    read = book.cache.take(account.owner, prompt, least, now)
    book.bill(model, read, said.written, batch=batch)
    book.pace.spend(account.organisation, read.total - read.read, said.written, now)
    book.messages += 1
    book.stop_reasons[said.reason] += 1
    return _message(book, model, said, read, batch), said


def serving(book: Book, id: str, now: datetime) -> Model:
    """The model of this name; 404 where there is none (any more)."""
    model = known(id, book.settings.retirements)
    if model is None or model.retired(now):
        raise APIRefusal(404, f"model: {id}")
    return model


def _typed(route: str, content: bytes, version: str) -> dict[str, Any]:
    """A body whose types are right."""
    if wrong := sdk_types.body(route, content, version):
        raise invalid(wrong)
    body: dict[str, Any] = json.loads(content)
    return body


def _checked(book: Book, account: Account, model: Model, body: dict[str, Any]) -> list[Block]:
    """The blocks of a body that breaks no rule."""
    _known(body)
    message_rules.check(body["messages"])
    if any(not block["text"] for block in as_blocks(body.get("system") or ())):
        raise invalid("system: text content blocks must be non-empty")
    model_rules.check(body, model)
    tool_rules.check(body, model)
    form = (body.get("output_config") or {}).get("format")
    if form:
        refuse_unless_closed(form["schema"], "output_config.format.schema")
    book.thoughts.check(account.owner, model, body)
    prompt = blocks(body, model)
    mark(prompt, body)
    return prompt


def _known(body: dict[str, Any]) -> None:
    """Refuse what costs or says something else here than on the service."""
    if body.get("container"):
        raise invalid("container: the emulator has none")
    if body.get("speed", "standard") == "fast":
        raise invalid("speed: the emulator has no fast mode")
    if body.get("inference_geo", "global") not in (None, "global"):
        raise invalid("inference_geo: the emulator has one place")


def _message(book: Book, model: Model, said: Said, read: Read, batch: bool) -> dict[str, Any]:
    return {
        "id": book.next_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": model.id,
        "content": said.content,
        "stop_reason": said.reason,
        "stop_sequence": said.stop_sequence,
        "stop_details": said.stop_details,
        "container": None,
        "usage": {
            "input_tokens": read.input,
            "cache_creation_input_tokens": read.write_5m + read.write_1h,
            "cache_read_input_tokens": read.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": read.write_5m,
                "ephemeral_1h_input_tokens": read.write_1h,
            },
            "output_tokens": said.written,
            "output_tokens_details": {"thinking_tokens": said.thought},
            "service_tier": "batch" if batch else "standard",
            "inference_geo": "global",
        },
    }
