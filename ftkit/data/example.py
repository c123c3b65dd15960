"""One training example as ftkit sees it, whatever file it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ftkit.errors import DataError


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a user's turn: an https address, or a data URL that holds it. `detail` is low, high or auto."""

    url: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What the assistant asks a tool for. `arguments` is the JSON text that is learned, as it was written."""

    id: str
    name: str
    arguments: str


Part: TypeAlias = str | Image


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `role` is system, user, assistant or tool; `content` its text, "" where there is none.

    `parts` keeps the order of texts and images where there are images; `content` then is the texts joined. `trained` False
    leaves an assistant's turn out of what is learned; None leaves that to the settings of the run.
    """

    role: str
    content: str
    parts: tuple[Part, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    trained: bool | None = None

    @property
    def plain(self) -> bool:
        """True where role and text say all of it."""
        return self == Message(self.role, self.content) and self.role != "tool"

    @property
    def images(self) -> tuple[Image, ...]:
        """The pictures in it, in order."""
        return tuple(part for part in self.parts if isinstance(part, Image))


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation that ends in the answer to learn; `fields` are the row's other columns, never trained on.

    `tools` are the functions that the assistant may call, in the JSON shape of chat APIs. `rejected` is the worse of two
    answers, in the turns that it takes: a row that has one is a preference pair, and `messages` ends in the better one.
    """

    messages: tuple[Message, ...]
    fields: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[Mapping[str, Any], ...] = ()
    parallel_tool_calls: bool | None = None
    rejected: tuple[Message, ...] = ()

    @property
    def prompt(self) -> tuple[Message, ...]:
        """Everything before the last assistant turn."""
        return self.messages[: self._last_answer()]

    @property
    def answer(self) -> str:
        """The last assistant turn, or "" where there is none."""
        index = self._last_answer()
        return self.messages[index].content if index < len(self.messages) else ""

    @property
    def system(self) -> str | None:
        """The system message, if the row starts with one."""
        first = self.messages[0] if self.messages else None
        return first.content if first is not None and first.role == "system" else None

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text in it that goes to the model: turns, arguments of tool calls, and the tools as JSON."""
        turns = (*self.messages, *self.rejected)
        spoken = [turn.content for turn in turns if turn.content]
        called = [call.arguments for turn in turns for call in turn.tool_calls]
        return (*spoken, *called, *(json.dumps(tool, ensure_ascii=False) for tool in self.tools))

    def _last_answer(self) -> int:
        for index in range(len(self.messages) - 1, -1, -1):
            if self.messages[index].role == "assistant":
                return index
        return len(self.messages)


def as_dicts(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The wire shape that chat APIs and chat templates read; a turn that is only text has role and content."""
    return [_as_dict(message) for message in messages]


def only_text(messages: Sequence[Message]) -> None:
    """For renderers of text: raise DataError naming the first turn that holds more, which must not be dropped."""
    for number, message in enumerate(messages, start=1):
        if not message.plain:
            raise DataError(
                f"message {number} ({message.role}) holds a tool call, its result, an image, a weight or a name; only "
                "text can be rendered here"
            )


def digest(messages: Sequence[Message]) -> str:
    """SHA-256 of a conversation, equal for equal turns."""
    return _sha256([_essence(message) for message in messages])


def digest_of(example: Example) -> str:
    """SHA-256 of all that a row teaches: its turns, its tools, and the answer it rejects."""
    turns = [_essence(message) for message in example.messages]
    if not (example.tools or example.rejected or example.parallel_tool_calls is not None):
        return _sha256(turns)
    rejected = [_essence(message) for message in example.rejected]
    tools = [dict(tool) for tool in example.tools]
    return _sha256([turns, rejected, tools, example.parallel_tool_calls])


def _as_dict(message: Message) -> dict[str, Any]:
    content: Any = [_part(part) for part in message.parts] or message.content
    if message.tool_calls and not message.content:
        content = None
    extra: dict[str, Any] = {
        "name": message.name,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
        or None,
        "tool_call_id": message.tool_call_id,
        "weight": None if message.trained is None else int(message.trained),
    }
    given = {name: value for name, value in extra.items() if value is not None}
    return {"role": message.role, "content": content, **given}


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    address = {"url": part.url} | ({} if part.detail is None else {"detail": part.detail})
    return {"type": "image_url", "image_url": address}


def _essence(message: Message) -> list[Any]:
    """What tells one turn from another; short for the many that are only text."""
    plain = [message.role, message.content]
    wire = _as_dict(message)
    return plain if wire.keys() == {"role", "content"} and not message.parts else [*plain, wire]


def _sha256(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
