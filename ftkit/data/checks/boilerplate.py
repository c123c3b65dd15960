"""FT804: text that every prompt repeats, and what is paid for it at each call."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ftkit.data.checks.masking import quoted
from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView
from ftkit.data.example import Message
from ftkit.data.likeness.shared_text import frame
from ftkit.data.tokens import Renderer
from ftkit.errors import FtkitError

_SHORTEST = 100  # characters, some 25 tokens: less is not worth a run
_BYTES_PER_TOKEN = 4  # a common average for English, where no tokenizer is at hand
_QUOTED = 70


def repeated_text(data: DataView) -> Iterator[Finding]:
    """FT804: a system prompt, a beginning or an end of the user's turn, and tools that are the same in every row."""
    rows = [row.example for row in data.rows if row.example.prompt]
    if len(rows) < 2 or len(rows) < len(data.rows):
        return
    asked = [next((t.content for t in e.prompt if t.role == "user"), "") for e in rows]
    system = rows[0].system if len({example.system for example in rows}) == 1 else None
    shared = frame(asked)
    start, end = shared.start, shared.end
    tools = {json.dumps(list(example.tools)) for example in rows}
    schemas = tools.pop() if len(tools) == 1 and rows[0].tools else ""
    parts = {
        "system prompt": system or "",
        "beginning of the user's turn": start,
        "end of the user's turn": end,
        "tools": schemas,
    }
    parts = {name: text for name, text in parts.items() if text.strip()}
    repeated = sum(map(len, parts.values()))
    if repeated < _SHORTEST or len(set(asked)) < 2:
        return
    exact = (
        None if schemas else _tokens(data.renderer, rows[0].prompt, len(start), len(end), system)
    )
    tokens = exact if exact is not None else _estimate("".join(parts.values()))
    texts = [turn.content for example in rows for turn in example.prompt]
    share = repeated * len(rows) / max(1, sum(map(len, texts)) + len(schemas) * len(rows))
    about = "" if exact is not None else "about "
    yield Finding.on(
        [],
        "FT804",
        Severity.INFO,
        f"every prompt repeats {about}{tokens:,} tokens, {share:.0%} of what is read",
        detail="\n".join(f"{name}: {quoted(text, _QUOTED)}" for name, text in parts.items()),
        why=f"{about}{tokens * 1000:,} tokens are paid for in every 1,000 calls, and in every epoch of the training; a "
        "tuned model needs no text that is always the same, it learns what the text asks for",
        mend="train without it (a short system prompt is enough) and compare with the long one on held-out rows; "
        "a cached prefix costs a fraction at some providers: compare with that price",
    )


def _tokens(
    renderer: Renderer | None, prompt: Sequence[Message], start: int, end: int, system: str | None
) -> int | None:
    if renderer is None:
        return None
    short = []
    user_seen = False
    for turn in prompt:
        if turn.role == "system" and system is not None:
            continue
        if turn.role == "user" and not user_seen:
            user_seen = True
            turn = replace(turn, content=turn.content[start : len(turn.content) - end])
        short.append(turn)
    try:
        return len(renderer.prompt(prompt)) - len(renderer.prompt(short))
    except (FtkitError, ValueError):
        return None  # a template that wants a system message, or takes no such turn


def _estimate(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN
