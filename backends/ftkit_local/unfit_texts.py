"""Texts of a row that no template may write: control tokens, halves of characters, and what has no place in a text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ftkit.data.example import Message
from ftkit.errors import DataError
from ftkit_local.tool_schemas import Tools


def refuse_unfit_texts(messages: Sequence[Message], tools: Tools, control: re.Pattern[str]) -> None:
    """Raise DataError naming the first message, and what in it is the matter; `control` finds control tokens."""
    for number, message in enumerate(messages, start=1):
        who = f"message {number} ({message.role})"
        _refuse_more(message, who)
        _refuse_text(message.content, who, control)
        for call in message.tool_calls:
            for text in (call.name, call.id, call.arguments, _decoded(call.arguments)):
                _refuse_text(text, who, control)
    if tools:
        written = json.dumps(list(tools), ensure_ascii=False)
        _refuse_text(written, "the row's list of tools", control)


def _refuse_more(message: Message, who: str) -> None:
    for held, what in (
        (bool(message.parts), "an image"),
        (message.name is not None, "a name"),
        (message.trained is not None, "a weight"),
    ):
        if held:
            raise DataError(f"{who} holds {what}, which cannot be rendered here; take it out")


def _refuse_text(text: str, who: str, control: re.Pattern[str]) -> None:
    found = control.search(text)
    if found:
        raise DataError(
            f"{who} holds the control token {found.group()!r}, which the model would read as structure; remove it or "
            "write it differently"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{who} holds half of a surrogate pair at character {error.start}, which is not text; remove it"
        ) from error


def _decoded(arguments: str) -> str:
    """The arguments without JSON's escapes, in which a control token can hide."""
    try:
        return json.dumps(json.loads(arguments), ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""  # refused where they are written
