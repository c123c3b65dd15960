"""What a model says: what a test has scripted, else what it was tuned to say, else the question back.

A tuned model repeats the response of the row whose last user text it is asked again. JSON is answered by the smallest
instance of the schema unless the learned response is JSON already; where JSON mode makes it forget (a setting), it is the
smallest instance at any rate. A function is called where the caller insists or its name is in the question.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from .book import Book
from .served import Served
from .tokens import conversation_tokens, words
from .tuning_files import contents_fault, last_user_text


@dataclass(slots=True)
class Answer:
    """What was said, and its tokens. `blocked` is the word of a prompt that was not answered at all."""

    parts: list[dict[str, Any]]
    reason: str
    read: int
    written: int
    thoughts: int
    blocked: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is in order."""

    contents: list[Any]
    system: Any
    tools: list[dict[str, Any]]
    mode: str
    allowed: tuple[str, ...]
    schema: Any
    json: bool
    stop: tuple[str, ...]
    most: int | None
    thinking: dict[str, Any] = field(default_factory=dict)

    @property
    def thinks(self) -> bool:
        """True unless thinking was turned off or to its least."""
        budget, level = self.thinking.get("thinkingBudget"), self.thinking.get("thinkingLevel")
        return budget != 0 and level != "MINIMAL"


def say(book: Book, model: Served, asked: Asked) -> Answer:
    """One answer; a scripted one is used up."""
    read = conversation_tokens(asked.contents, asked.system, asked.tools)
    scripted = book.scripted.pop(0) if book.scripted else None
    thoughts = book.settings.thoughts if asked.thinks else 0
    if scripted is not None and scripted.get("block_reason"):
        return Answer([], "", read, 0, 0, scripted["block_reason"])
    text, calls = _said(book, model, asked, scripted)
    reason = "STOP"
    for stop in asked.stop:
        text = text.split(stop)[0] if text is not None else None
    if text is not None and asked.most is not None and words(text) + thoughts > asked.most:
        text = " ".join(text.split()[: max(0, asked.most - thoughts)])
        reason = "MAX_TOKENS"
    thoughts = min(thoughts, asked.most) if asked.most is not None else thoughts
    parts: list[dict[str, Any]] = [{"text": text}] if text else []
    for name, args in calls:
        part: dict[str, Any] = {"functionCall": {"name": name, "args": args}}
        if model.base.newer:
            part["thoughtSignature"] = base64.b64encode(f"signature of {name}".encode()).decode()
        parts.append(part)
    if asked.thinking.get("includeThoughts") and thoughts:
        parts.insert(0, {"text": "It thinks.", "thought": True})
    written = words(text or "") + sum(words(f"{name} {json.dumps(args)}") for name, args in calls)
    if scripted is not None:
        reason = scripted.get("finish_reason", reason)
        if reason not in ("STOP", "MAX_TOKENS") and not scripted.get("content"):
            parts, written = [], 0
    return Answer(parts, reason, read, written, thoughts)


def bill(book: Book, model: Served, answer: Answer, *, batch: bool = False) -> None:
    """Charge a call: thoughts at the price of what is written, a batch half."""
    written = answer.written + answer.thoughts
    usd = model.base.usd(answer.read, written, tuned=model.tuned, location=model.location)
    book.call_usd += usd / 2 if batch else usd


def smallest(schema: Any, root: Any = None) -> Any:
    """The smallest value that a schema allows, Google's kind of schema or JSON Schema."""
    root = schema if root is None else root
    if not isinstance(schema, dict):
        return None
    if "$ref" in schema or "ref" in schema:
        found = root
        path = schema.get("$ref") or schema["ref"]
        for name in path.removeprefix("#/").split("/"):
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
    kind = str(kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object" or "properties" in schema:
        return {name: smallest(one, root) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [smallest(schema.get("items"), root)] * int(schema.get("minItems", 0))
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return {"string": "", "boolean": False}.get(kind)


def question_fault(contents: Any) -> str | None:
    """What is wrong with a prompt."""
    fault = contents_fault(contents)
    if fault is not None:
        return fault
    if contents[-1].get("role", "user") == "model":
        return "Please ensure that multiturn requests end with a user role or a function response."
    return None


def _said(
    book: Book, model: Served, asked: Asked, scripted: dict[str, Any] | None
) -> tuple[str | None, list[tuple[str, Any]]]:
    if scripted is not None:
        calls = [(one["name"], one["arguments"]) for one in scripted.get("tool_calls", ())]
        return scripted.get("content"), calls
    if calls := _calls(asked):
        return None, calls
    question = last_user_text(asked.contents)
    learned = model.job.read.answers.get(question) if model.job and model.job.read else None
    if not asked.json:
        return learned if learned is not None else f"You said: {question}", []
    forgets = book.settings.json_mode == "always" or (
        book.settings.json_mode == "thinking" and asked.thinks
    )
    if learned is not None and _is_json(learned) and not (model.tuned and forgets):
        return learned, []
    return json.dumps(smallest(asked.schema) if asked.schema is not None else {}), []


def _calls(asked: Asked) -> list[tuple[str, Any]]:
    if not asked.tools or asked.mode == "NONE":
        return []
    question = last_user_text(asked.contents)
    answered = any("functionResponse" in part for part in asked.contents[-1]["parts"])
    for tool in asked.tools:
        if asked.allowed and tool["name"] not in asked.allowed:
            continue
        if asked.mode == "ANY" or (not answered and tool["name"] in question):
            schema = tool.get("parametersJsonSchema") or tool.get("parameters") or {}
            return [(tool["name"], smallest(schema) or {})]
    return []


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
