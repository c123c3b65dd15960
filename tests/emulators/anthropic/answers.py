"""What a model says: what a test has scripted, else its tool, the smallest instance of its schema, or the question back.

A tool is called where the caller insists or its name is in the question. A model that thinks begins with a block of
thinking, whose tokens count against max_tokens: a small one may leave no room for a word.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .book import Book
from .message_rules import turns
from .model_rules import thinks
from .models import Model
from .prompt import as_blocks
from .records import Account
from .tokens import block_tokens, words


@dataclass(slots=True)
class Said:
    """An answer: its blocks, why it ended, its tokens; `breaks` is where a stream of it ends in an error."""

    content: list[dict[str, Any]] = field(default_factory=list)
    reason: str = "end_turn"
    stop_sequence: str | None = None
    stop_details: dict[str, Any] | None = None
    written: int = 0
    thought: int = 0
    breaks: dict[str, Any] | None = None


def say(book: Book, account: Account, model: Model, body: dict[str, Any], read: int) -> Said:
    """One answer to a body that the rules let through; a scripted one is used up. `read` are the prompt's tokens."""
    if body["max_tokens"] == 0:
        return Said(reason="max_tokens")
    script = book.scripted.pop(0) if book.scripted else None
    said = Said(breaks=(script or {}).get("breaks"))
    room = min(body["max_tokens"], context(book, model) - read)
    limit = "max_tokens" if room == body["max_tokens"] else "model_context_window_exceeded"
    if thinks(body, model) and book.settings.thinking_tokens:
        said.content.append(
            book.thoughts.give(account.owner, model, body, (script or {}).get("thinking"))
        )
        said.thought = min(room, book.settings.thinking_tokens)
        room -= said.thought
    if room:
        _speak(book, said, script if script is not None else _unscripted(body), body, room, limit)
    else:
        said.reason = limit
    said.written += said.thought
    if script is not None and "stop_reason" in script:
        said.reason = script["stop_reason"]
    return said


def context(book: Book, model: Model) -> int:
    """How many tokens a conversation may have with its answer."""
    return int(book.settings.context_tokens or model.context)


def smallest(schema: Any, root: Any = None) -> Any:
    """The smallest value that a JSON schema allows, as far as the kinds that closed schemas may use."""
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
    for choice in ("anyOf", "allOf"):
        if schema.get(choice):
            return smallest(schema[choice][0], root)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        return {name: smallest(one, root) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [smallest(schema.get("items"), root)] * int(schema.get("minItems", 0))
    if kind in ("integer", "number"):
        return 0
    return {"string": "", "boolean": False}.get(str(kind))


def _unscripted(body: dict[str, Any]) -> dict[str, Any]:
    """What is said when nobody has scripted it."""
    question, answered = _question(body["messages"])
    if calls := _calls(body, question, answered):
        return {"tool_calls": calls}
    form = (body.get("output_config") or {}).get("format")
    if form:
        return {"content": json.dumps(smallest(form["schema"]))}
    return {"content": f"You said: {question}"}


def _question(messages: Sequence[dict[str, Any]]) -> tuple[str, bool]:
    """The text of the last user turn, and whether it brings results of tools."""
    users = [content for _, role, content in turns(messages) if role == "user"]
    asked = users[-1] if users else []
    text = " ".join(block["text"] for block in asked if block["type"] == "text")
    results = [block for block in asked if block["type"] == "tool_result"]
    if not text and results:
        parts = as_blocks(results[-1].get("content") or "")
        text = " ".join(part["text"] for part in parts if part["type"] == "text")
    return text, bool(results)


def _calls(body: dict[str, Any], question: str, answered: bool) -> list[dict[str, Any]]:
    choice = body.get("tool_choice") or {"type": "auto"}
    if choice["type"] == "none":
        return []
    for tool in body.get("tools") or ():
        forced = choice["type"] == "any" or choice.get("name") == tool["name"]
        mentioned = choice["type"] == "auto" and not answered and tool["name"] in question
        if forced or mentioned:
            return [{"name": tool["name"], "arguments": smallest(tool["input_schema"])}]
    return []


def _speak(
    book: Book, said: Said, words_: dict[str, Any], body: dict[str, Any], room: int, limit: str
) -> None:
    """Add text and calls as far as the room goes."""
    if words_.get("refusal") is not None:
        said.reason = "refusal"
        said.stop_details = {
            "type": "refusal",
            "category": words_.get("category"),
            "explanation": words_["refusal"],
        }
        return
    text = words_.get("content")
    if text is not None:
        text, said.stop_sequence = _stopped(text, body.get("stop_sequences") or ())
        if said.stop_sequence is not None:
            said.reason = "stop_sequence"
        cut = _cut(text, room)
        if cut != text:
            text, said.reason, said.stop_sequence = cut, limit, None
        if text:
            said.content.append({"type": "text", "text": text, "citations": None})
        said.written += words(text)
        if said.reason != "end_turn":
            return
    for asked in words_.get("tool_calls") or ():
        block = {
            "type": "tool_use",
            "id": book.next_id("toolu"),
            "name": asked["name"],
            "input": asked["arguments"],
        }
        tokens = block_tokens(block)
        if said.written + tokens > room:
            # Cut in the middle of its arguments: what there is of them is no JSON yet.
            said.content.append({**block, "input": {}})
            said.written, said.reason = room, limit
            return
        said.content.append(block)
        said.written += tokens
        said.reason = "tool_use"


def _stopped(text: str, sequences: Sequence[str]) -> tuple[str, str | None]:
    """The text before the first of the sequences that comes, and which it was."""
    found = [(text.index(one), one) for one in sequences if one in text]
    if not found:
        return text, None
    at, sequence = min(found)
    return text[:at], sequence


def _cut(text: str, tokens: int) -> str:
    """As many words from the start as the limit allows."""
    return text if words(text) <= tokens else " ".join(text.split()[:tokens])
