"""From what a caller may ask to the call that a backend answers.

The system prompt that was frozen at training time is put in front here, so that a tuned model is always asked the way it
was trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from ftkit.backend import Call, ModelRecord
from ftkit.data import Example, Message
from ftkit.data.example import as_dicts
from ftkit.data.formats.turns import tool_faults, turn_faults, turns
from ftkit.errors import CapabilityError, DataError
from ftkit.models.schemas import json_schema

_OPTIONS = tuple(field.name for field in fields(Call) if field.name != "messages")

Question = str | Example | Sequence[Message | Mapping[str, Any]]


def conversation(
    question: Question, record: ModelRecord, override_system: bool
) -> tuple[Message, ...]:
    """Messages to answer: the question, with the model's frozen system prompt in front."""
    if isinstance(question, str):
        messages: tuple[Message, ...] = (Message("user", question),)
    elif isinstance(question, Example):
        messages = question.prompt
    else:
        messages = _messages(question)
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


def asked(
    question: Question, record: ModelRecord, override_system: bool, options: Mapping[str, Any]
) -> Call:
    """A checked call from a question and keyword options; an Example brings its own tools."""
    for name in options:
        if name not in _OPTIONS:
            raise TypeError(f"there is no option {name!r}; known: {', '.join(_OPTIONS)}")
    messages = conversation(question, record, override_system)
    stop, given = options.get("stop") or (), options.get("tools")
    own = question.tools if isinstance(question, Example) else ()
    tools = own if given is None else tuple(given)
    faults = list(tool_faults(list(tools)))
    if faults:
        raise DataError("the tools cannot be sent", faults)
    made = Call(
        messages=messages,
        **{
            **{key: value for key, value in options.items() if value is not None},
            "stop": (stop,) if isinstance(stop, str) else tuple(stop),
            "tools": tools,
            "schema": json_schema(options.get("schema")),
        },
    )
    if made.max_tokens < 1:
        raise DataError(f"max_tokens must be at least 1, got {made.max_tokens}")
    if made.temperature < 0 or not 0 < made.top_p <= 1:
        raise DataError(
            f"temperature must be 0 or more and top_p above 0 and at most 1, got {made.temperature} and {made.top_p}"
        )
    return made


def needs(call: Call) -> Iterator[str]:
    """What a backend must be able to do to answer it, by the words of `lacks`."""
    if call.tools or any(turn.tool_calls or turn.role == "tool" for turn in call.messages):
        yield "tools"
    if any(turn.parts for turn in call.messages):
        yield "images"
    if call.schema is not None:
        yield "schema"


def chosen(options: Mapping[str, Any]) -> Iterator[str]:
    """Ways of sampling that the caller names, by the words of `lacks`: a default is not asked for."""
    yield from (name for name in ("temperature", "top_p", "seed") if options.get(name) is not None)


def _messages(question: Sequence[Message | Mapping[str, Any]]) -> tuple[Message, ...]:
    """Any mixture of messages and dicts, judged as rows of a file are."""
    wire = [as_dicts([part])[0] if isinstance(part, Message) else part for part in question]
    faults = list(turn_faults(wire, "messages")) if wire else []
    if faults:
        raise DataError("the messages cannot be sent", faults)
    return turns(wire)


def _short(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
