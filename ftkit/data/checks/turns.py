"""FT1xx: who speaks when. A chat template trains the answer after a user's turn; other orders render into nonsense."""

from __future__ import annotations

from collections.abc import Iterator

from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView
from ftkit.data.example import Message

_EXAMPLES = 3  # rows explained in the detail


def role_order(data: DataView) -> Iterator[Finding]:
    """FT101: system first or never, then user and assistant in turn, an answer at the end."""
    broken = {
        row.number: complaint
        for row in data.rows
        if _has_both(row.example.messages) and (complaint := _complaint(row.example.messages))
    }
    if broken:
        yield Finding.on(
            list(broken),
            "FT101",
            Severity.ERROR,
            "turns are out of order",
            detail="\n".join(f"row {n}: {text}" for n, text in list(broken.items())[:_EXAMPLES]),
            why="chat templates refuse such a row or render something the model never sees in use",
            mend="one system message at most and first, then user and assistant in turn, "
            "ending with the assistant; join neighbouring turns of one role",
        )


def empty_answer(data: DataView) -> Iterator[Finding]:
    """FT102: an assistant turn without text."""
    rows = [
        row.number
        for row in data.rows
        if any(m.role == "assistant" and not m.content.strip() for m in row.example.messages)
    ]
    if rows:
        yield Finding.on(
            rows,
            "FT102",
            Severity.ERROR,
            "an answer is empty or only white space",
            why="the model learns to say nothing",
            mend="write the answer, or remove the row",
        )


def missing_turn(data: DataView) -> Iterator[Finding]:
    """FT103: nothing to learn, or nothing to learn it from."""
    rows, lacking = [], set()
    for row in data.rows:
        if not _has_both(row.example.messages):
            rows.append(row.number)
            roles = {message.role for message in row.example.messages}
            lacking |= {"user", "assistant"} - roles
    if rows:
        yield Finding.on(
            rows,
            "FT103",
            Severity.ERROR,
            f"rows have no turn of the {' or no turn of the '.join(sorted(lacking))}",
            why="a row teaches the assistant's answer to a user's turn; it needs both",
            mend="add the turn that is missing, or remove the row",
        )


def _has_both(messages: tuple[Message, ...]) -> bool:
    roles = {message.role for message in messages}
    return "user" in roles and "assistant" in roles


def _complaint(messages: tuple[Message, ...]) -> str:
    turns = messages[1:] if messages[0].role == "system" else messages
    skipped = len(messages) - len(turns)
    for position, message in enumerate(turns):
        place = f"message {position + skipped + 1}"
        if message.role == "system":
            return f"{place} is a system message, which may only be the first"
        wanted = "assistant" if position % 2 else "user"
        if message.role != wanted:
            if position == 0:
                return f"{place} is the assistant's, but a conversation starts with the user"
            return f"{place} is a second turn of the {message.role} in a row"
    return (
        "" if turns[-1].role == "assistant" else "it ends with the user, so the end has no answer"
    )
