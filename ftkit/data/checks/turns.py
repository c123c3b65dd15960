"""FT1xx: who speaks when. A chat template trains the answer after a user's turn; other orders render into nonsense."""

from __future__ import annotations

from collections.abc import Iterator

from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView
from ftkit.data.example import Message

_EXAMPLES = 3  # rows explained in the detail


def role_order(data: DataView) -> Iterator[Finding]:
    """FT101: system first or never, then user and assistant in turn, tool calls answered, an answer at the end."""
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
        if any(_says_nothing(m) for m in (*row.example.messages, *row.example.rejected))
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


def undeclared_tool(data: DataView) -> Iterator[Finding]:
    """FT104: a call of a tool that the row does not declare."""
    called = {
        row.number: {c.name for m in row.example.messages for c in m.tool_calls}
        - {tool["function"]["name"] for tool in row.example.tools}
        for row in data.rows
    }
    rows = [number for number, names in called.items() if names]
    if rows:
        names = sorted(set().union(*called.values()))
        yield Finding.on(
            rows,
            "FT104",
            Severity.ERROR,
            f"rows call tools that they do not declare: {', '.join(names[:_EXAMPLES])}",
            why="the model learns to call what it was never shown, and in use it is shown other tools",
            mend="put the tools' schemas into the row's 'tools'",
        )


def equal_answers(data: DataView) -> Iterator[Finding]:
    """FT105: a preference pair whose two answers are one."""
    rows = [
        row.number
        for row in data.rows
        if (rejected := row.example.rejected) and row.example.messages[-len(rejected) :] == rejected
    ]
    if rows:
        yield Finding.on(
            rows,
            "FT105",
            Severity.ERROR,
            "the preferred answer and the other one are the same",
            why="the pair says nothing about what is better, and costs as much as one that does",
            mend="remove the row, or write the worse answer",
        )


def _says_nothing(message: Message) -> bool:
    return message.role == "assistant" and not message.content.strip() and not message.tool_calls


def _complaint(messages: tuple[Message, ...]) -> str:
    turns = messages[1:] if messages[0].role == "system" else messages
    skipped = len(messages) - len(turns)
    before = ""
    open_calls: set[str] = set()
    for position, message in enumerate(turns):
        place = f"message {position + skipped + 1}"
        if message.role == "system":
            return f"{place} is a system message, which may only be the first"
        if open_calls and message.role != "tool":
            return f"{place} comes before the result of the tool call {min(open_calls)!r}"
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                return f"{place} is the result of a tool call that was answered before"
            open_calls.discard(message.tool_call_id)
        elif not before and message.role == "assistant":
            return f"{place} is the assistant's, but a conversation starts with the user"
        elif message.role == before:
            return f"{place} is a second turn of the {message.role} in a row"
        elif message.role == "user" and before == "tool":
            return f"{place} is the user's, but the assistant has not said what it made of the tool's result"
        open_calls |= {call.id for call in message.tool_calls}
        before = message.role
    if before == "assistant":
        return ""
    return f"it ends with the {before}, so the end has no answer"
