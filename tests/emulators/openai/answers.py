"""What a model says: what a test has scripted, else what it was trained to say, else the question back.

A tuned model repeats the answer of the training row whose last user message it is asked again. A schema is answered by
its smallest instance unless the trained answer is JSON already; a tool is called where the caller insists or its
name is in the question.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .book import Book
from .models import Served
from .tokens import PRIMING, conversation_tokens
from .training_files import last_user_text


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in the terms that chat and responses share. `must_call` names a tool, or "" for any."""

    messages: list[Any]
    tools: list[dict[str, Any]]  # name, parameters
    must_call: str | None = None
    may_call: bool = True
    schema: dict[str, Any] | None = None
    json_object: bool = False
    stop: list[str] = field(default_factory=list)
    max_tokens: int | None = None


@dataclass(slots=True)
class Answer:
    """What was said, and its tokens."""

    content: str | None
    tool_calls: list[tuple[str, str]]
    refusal: str | None
    finish_reason: str
    read: int
    written: int


def say(book: Book, model: Served, asked: Asked) -> Answer:
    """One answer; a scripted one is used up."""
    read = conversation_tokens(asked.messages, asked.tools, book.count) + PRIMING
    scripted = book.scripted.pop(0) if book.scripted else None
    if scripted is not None:
        calls = [(one["name"], _text(one["arguments"])) for one in scripted.get("tool_calls", ())]
        content, refusal = scripted.get("content"), scripted.get("refusal")
    else:
        calls, refusal = _calls(asked), None
        content = None if calls else _content(model, asked)
    reason = "tool_calls" if calls else "stop"
    for stop in asked.stop:
        content = content.split(stop)[0] if content is not None else None
    if content is not None and asked.max_tokens is not None:
        cut = _cut(book, content, asked.max_tokens)
        reason, content = ("length", cut) if cut != content else (reason, content)
    written = book.count(content or refusal or "")
    written += sum(book.count(name) + book.count(arguments) for name, arguments in calls)
    if scripted is not None:
        reason = scripted.get("finish_reason", reason)
    return Answer(content, calls, refusal, reason, read, written)


def bill(book: Book, model: Served, answer: Answer, *, batch: bool = False) -> None:
    """Charge a call; a model whose price is not known costs nothing here."""
    rates = model.base.rates(model.job is not None, batch)
    if rates is not None:
        book.call_usd += rates.usd(answer.read, answer.written)


def smallest(schema: Any, root: Any = None) -> Any:
    """The smallest value that a JSON schema allows, as far as the kinds that strict schemas may use."""
    root = schema if root is None else root
    if not isinstance(schema, dict):
        return None
    if "$ref" in schema:
        found = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return smallest(found, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return smallest(schema[choice][0], root)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        return {name: smallest(one, root) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [smallest(schema.get("items"), root)] * int(schema.get("minItems", 0))
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return {"string": "", "boolean": False}.get(str(kind))


def _content(model: Served, asked: Asked) -> str:
    question = last_user_text(asked.messages)
    trained = model.job.trained if model.job else None
    text = trained.answers.get(question) if trained else None
    if asked.schema is not None or asked.json_object:
        if text is not None and _is_object(text):
            return text
        return json.dumps(smallest(asked.schema) if asked.schema is not None else {})
    return text if text is not None else f"You said: {question}"


def _calls(asked: Asked) -> list[tuple[str, str]]:
    if not asked.tools or not asked.may_call:
        return []
    question = last_user_text(asked.messages)
    last = asked.messages[-1]
    answered = isinstance(last, dict) and last.get("role") == "tool"
    for tool in asked.tools:
        wanted = asked.must_call in ("", tool["name"])
        if wanted or (asked.must_call is None and not answered and tool["name"] in question):
            return [(tool["name"], json.dumps(smallest(tool.get("parameters") or {})))]
    return []


def _cut(book: Book, text: str, tokens: int) -> str:
    """As many words from the start as the limit allows."""
    if book.count(text) <= tokens:
        return text
    words = text.split()
    while words and book.count(" ".join(words)) > tokens:
        words.pop()
    return " ".join(words)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)
