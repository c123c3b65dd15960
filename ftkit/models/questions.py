"""From what a caller may ask to the call that a backend answers.

The system prompt that was frozen at training time is put in front here, so that a tuned model is always asked the way it
was trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit.backend import Call, ModelRecord
from ftkit.data import Example, Message
from ftkit.errors import CapabilityError, DataError

Question = str | Example | Sequence[Message | Mapping[str, Any]]
ROLES = ("system", "user", "assistant")


def conversation(
    question: Question, record: ModelRecord, override_system: bool
) -> tuple[Message, ...]:
    """Messages to answer: the question, with the model's frozen system prompt in front."""
    if isinstance(question, str):
        messages: tuple[Message, ...] = (Message("user", question),)
    elif isinstance(question, Example):
        messages = question.prompt
    else:
        messages = tuple(_message(part, index) for index, part in enumerate(question, start=1))
    if not messages:
        raise DataError("there is nothing to answer: the list of messages is empty")
    if record.system is None:
        return messages
    if messages[0].role != "system":
        return (Message("system", record.system), *messages)
    if messages[0].content != record.system and not override_system:
        raise CapabilityError(
            f"{record.id} was trained under the system prompt {_short(record.system)!r} and answers best under it; leave "
            f"the system message out, or pass override_system=True"
        )
    return messages


def call(messages: tuple[Message, ...], options: Mapping[str, Any]) -> Call:
    """A checked call from keyword options."""
    stop = options.get("stop") or ()
    made = Call(
        messages=messages,
        **{
            **{key: value for key, value in options.items() if value is not None},
            "stop": (stop,) if isinstance(stop, str) else tuple(stop),
        },
    )
    if made.max_tokens < 1:
        raise DataError(f"max_tokens must be at least 1, got {made.max_tokens}")
    if made.temperature < 0 or not 0 < made.top_p <= 1:
        raise DataError(
            f"temperature must be 0 or more and top_p above 0 and at most 1, got {made.temperature} and {made.top_p}"
        )
    return made


def _message(part: Message | Mapping[str, Any], number: int) -> Message:
    if isinstance(part, Message):
        return part
    if not isinstance(part, Mapping):
        raise DataError(
            f"message {number} is {type(part).__name__}; write {{'role': ..., 'content': ...}}"
        )
    role, content = part.get("role"), part.get("content")
    extra = set(part) - {"role", "content"}
    if role not in ROLES or not isinstance(content, str) or extra:
        raise DataError(
            f"message {number}: needs role (one of {', '.join(ROLES)}) and content (text)"
            + (f"; {', '.join(sorted(extra))} is not supported yet" if extra else "")
        )
    return Message(role, content)


def _short(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
