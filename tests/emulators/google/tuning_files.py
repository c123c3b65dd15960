"""What the service finds in a training file: billable tokens, what each row teaches, which rows it drops and why.

A row that is no example at all fails the job; one that is empty or too long is left out and named by its number, from 1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .bodies import plain
from .tokens import conversation_tokens, messages_tokens

ROLES = ("user", "model", "function", "tool")


@dataclass(slots=True)
class TuningFile:
    """`fault` is what makes the job fail; `tokens` are billable, one epoch; `rows` those that are trained on.

    `dropped` are (number, reason); `answers` by the last text of the user; `sizes` are the tokens of each row.
    """

    lines: int = 0
    rows: int = 0
    tokens: int = 0
    characters: int = 0
    dropped: list[tuple[int, str]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    fault: str | None = None


def read(content: bytes, method: str, limit: int, *, open_model: bool, cut: bool) -> TuningFile:
    """Read a file of the method "supervised" or "preference"; `cut` trains the start of a row over the limit."""
    read = TuningFile(characters=len(content))
    try:
        lines = content.decode("utf-8").removeprefix("\ufeff").split("\n")
    except UnicodeDecodeError:
        read.fault = "The dataset is not encoded in UTF-8."
        return read
    for line in lines:
        if not line.strip():
            continue
        read.lines += 1
        try:
            row = json.loads(line)
        except ValueError:
            read.fault = f"Row: {read.lines}. The row is not valid JSON."
            return read
        look = _open if open_model else _preference if method == "preference" else _supervised
        found = look(row)
        if isinstance(found, str):
            read.fault = f"Row: {read.lines}. {found}"
            return read
        _take(read, *found, limit, cut)
    if not read.rows:
        read.fault = "The dataset has no example that can be used."
    return read


def last_user_text(contents: list[Any]) -> str:
    """The text of the last turn of the user, its parts joined; "" where there is none."""
    for content in reversed(contents):
        if isinstance(content, dict) and content.get("role", "user") == "user":
            parts = content.get("parts") or ()
            texts = [str(part["text"]) for part in parts if "text" in part]
            if texts:
                return "".join(texts)
    return ""


def _take(
    read: TuningFile, asked: list[Any], taught: str, tokens: int, limit: int, cut: bool
) -> None:
    if not taught:
        read.dropped.append((read.lines, "The example has no response to learn from."))
        return
    if tokens > limit:
        read.dropped.append(
            (read.lines, f"The example has {tokens} tokens, more than the limit of {limit}.")
        )
        if not cut:
            return
        tokens = limit
    read.rows += 1
    read.tokens += tokens
    read.sizes.append(tokens)
    question = last_user_text(asked)
    read.answers.setdefault(question, taught)
    if len(read.asked) < 10:
        read.asked.append(next((one for one in asked if one.get("role") != "model"), asked[0]))


Found = tuple[list[Any], str, int]


def _supervised(row: Any) -> Found | str:
    row = plain(row)
    contents = row.get("contents") if isinstance(row, dict) else None
    if fault := contents_fault(contents):
        return fault
    assert isinstance(contents, list)
    if unknown := sorted(
        set(row) - {"contents", "systemInstruction", "tools", "toolConfig", "labels"}
    ):
        return f"The row has an unknown field {unknown[0]!r}."
    if contents[-1].get("role") != "model":
        return "The last turn of contents is not of the role 'model'."
    tokens = conversation_tokens(contents, row.get("systemInstruction"), row.get("tools"))
    return contents[:-1], said(contents[-1]), tokens


def _preference(row: Any) -> Found | str:
    row = plain(row)
    contents = row.get("contents") if isinstance(row, dict) else None
    if fault := contents_fault(contents):
        return fault
    assert isinstance(contents, list)
    pair = row.get("completions")
    if not isinstance(pair, list) or len(pair) != 2:
        return "A row must have two completions."
    scores = [one.get("score") if isinstance(one, dict) else None for one in pair]
    if sorted(scores, key=str) not in ([0, 1], [0.0, 1.0]):
        return "The scores of completions must be 1 for the preferred one and 0 for the other."
    for one in pair:
        if fault := contents_fault([one.get("completion")]):
            return fault
        if one["completion"].get("role") != "model":
            return "A completion is not of the role 'model'."
    turns = [one["completion"] for one in pair]
    tokens = conversation_tokens(contents, row.get("systemInstruction"), row.get("tools"))
    return contents, said(turns[scores.index(1)]), tokens + conversation_tokens(turns)


def _open(row: Any) -> Found | str:
    if not isinstance(row, dict):
        return "The row is not an object."
    if isinstance(row.get("prompt"), str) and isinstance(row.get("completion"), str):
        messages = [
            {"role": "user", "content": row["prompt"]},
            {"role": "assistant", "content": row["completion"]},
        ]
    else:
        messages = row.get("messages")  # type: ignore[assignment]
    if not isinstance(messages, list) or not messages:
        return "The row has neither messages nor prompt and completion."
    if messages[-1].get("role") != "assistant":
        return "The last message is not of the role 'assistant'."
    asked = [
        {"role": one.get("role"), "parts": [{"text": str(one.get("content") or "")}]}
        for one in messages[:-1]
    ]
    return asked or [{}], str(messages[-1].get("content") or ""), messages_tokens(messages)


def contents_fault(contents: Any) -> str | None:
    """What is wrong with turns."""
    if not isinstance(contents, list) or not contents:
        return "contents must have at least one turn."
    for content in contents:
        if not isinstance(content, dict) or content.get("role", "user") not in ROLES:
            return "A turn has no valid role: it must be 'user' or 'model'."
        parts = content.get("parts")
        if not isinstance(parts, list) or not parts or not all(isinstance(x, dict) for x in parts):
            return "A turn must have at least one part."
        for part in parts:
            kinds = {"text", "inlineData", "fileData", "functionCall", "functionResponse"} & set(
                part
            )
            if len(kinds) != 1:
                return "A part must have exactly one kind of data."
    return None


def said(content: dict[str, Any]) -> str:
    """What a turn says: its text, or the call that it makes as JSON."""
    texts = [str(part["text"]) for part in content["parts"] if part.get("text")]
    calls = [
        json.dumps(part["functionCall"]) for part in content["parts"] if "functionCall" in part
    ]
    return "".join(texts) or "".join(calls)
