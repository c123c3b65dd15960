"""Turns that are lists of blocks, as Google, Anthropic and Bedrock have them: what they share, whatever a block looks like.

A format turns its blocks into pieces and back. The result of a tool call is a block of the user's turn there, and a turn of its
own here; the user's words behind results stand in the same turn as these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ftkit.data.example import Example, Image, Message, Part, ToolCall
from ftkit.data.formats.features import DATA_URL
from ftkit.data.formats.layout import empty
from ftkit.data.strict_json import kind_of
from ftkit.errors import Fault


class Result(NamedTuple):
    """What a tool answered, in one or more texts."""

    call_id: str
    texts: tuple[str, ...]


Piece = str | Image | ToolCall | Result


@dataclass(slots=True)
class Conversation:
    """Messages and tools as they are gathered from a row, with what is wrong in it."""

    messages: list[Message] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _asked: set[str] = field(default_factory=set)

    def fault(self, reason: str, path: str) -> None:
        """Something is wrong there."""
        self.faults.append(Fault(reason, field=path))

    def system(self, texts: Iterable[str]) -> None:
        """The system message, in front of all others."""
        self.messages.insert(0, _message("system", tuple(texts)))

    def turn(self, role: str, pieces: Sequence[tuple[Piece, str]], path: str) -> None:
        """A turn of user or assistant: its pieces, each with its place."""
        parts: list[Part] = []
        calls: list[ToolCall] = []
        for piece, place in pieces:
            if isinstance(piece, Result):
                self._result(role, piece, place, first=not parts)
            elif isinstance(piece, ToolCall):
                if role != "assistant":
                    self.fault("only the assistant calls tools", place)
                self._asked.add(piece.id)
                calls.append(piece)
            elif calls:
                self.fault(
                    "stands behind a call of a tool, where no place can be kept for it", place
                )
            elif isinstance(piece, Image) and role != "user":
                self.fault(f"only a user's turn holds images, this is the {role}'s", place)
            else:
                parts.append(piece)
        if parts or calls:
            self.messages.append(_message(role, tuple(parts), tuple(calls)))
        elif not pieces:
            self.fault("holds nothing", path)

    def tool(self, name: Any, description: Any, parameters: Any, path: str) -> None:
        """A function that may be called; `parameters` is its schema, None where there is none."""
        function: dict[str, Any] = {"name": name}
        if not isinstance(name, str) or not name:
            self.fault(f"must be text, is {kind_of(name)}", f"{path}.name")
        elif any(tool["function"]["name"] == name for tool in self.tools):
            self.fault(f"there are two tools named {name!r}", f"{path}.name")
        if description is not None:
            function["description"] = description
            if not isinstance(description, str):
                self.fault(f"must be text, is {kind_of(description)}", f"{path}.description")
        if parameters is not None:
            function["parameters"] = parameters
        self.tools.append({"type": "function", "function": function})

    def only(self, known: Iterable[str], holder: Mapping[str, Any], path: str) -> None:
        """Everything else in this object would be lost."""
        for key, value in holder.items():
            if key not in known and not empty(value):
                self.fault("unknown field; it cannot be carried", f"{path}.{key}")

    def text(self, value: Any, path: str) -> str:
        """A text, or a fault and no text."""
        if not isinstance(value, str):
            self.fault(f"must be text, is {kind_of(value)}", path)
            return ""
        return value

    def name(self, value: Any, path: str) -> str:
        """A text that is not empty."""
        if value == "":
            self.fault("must not be empty", path)
        return self.text(value, path)

    def image(self, kind: Any, data: Any, path: str) -> Image:
        """An image from its kind, such as image/png, and its bytes in base64."""
        image = Image(f"data:{kind};base64,{data}")
        if not isinstance(data, str) or not DATA_URL.fullmatch(image.url):
            self.fault("must be png, jpeg, gif or webp, and its bytes in base64", path)
        return image

    def address(self, url: Any, path: str) -> Image:
        """An image by its address."""
        if not isinstance(url, str) or not url.startswith("https://"):
            self.fault(
                "an image has an https address; what lies in a bucket (gs://, s3://) is not read: put its bytes into "
                "the row",
                path,
            )
        return Image(str(url))

    def add_system(self, system: str | None, path: str) -> None:
        """The message of `system=`, where the row has none; another one in the row is a fault."""
        if system is None:
            return
        if not self.messages or self.messages[0].role != "system":
            self.system([system])
        elif self.messages[0].content != system:
            self.fault(
                "the row has another system message than system=; leave one of them out", path
            )

    def example(self, fields: Mapping[str, Any], rejected: Sequence[Message] = ()) -> Example:
        """What was gathered, of a row without faults."""
        return Example(
            tuple(self.messages), fields, tools=tuple(self.tools), rejected=tuple(rejected)
        )

    def _result(self, role: str, result: Result, place: str, *, first: bool) -> None:
        if role != "user":
            self.fault("the result of a tool call stands in a turn of the user", place)
        elif not first:
            self.fault("results of tool calls come first in a turn", place)
        elif result.call_id not in self._asked:
            said = f"answers the tool call {result.call_id!r}, which no earlier turn makes"
            self.fault(said, place)
        message = _message("tool", result.texts or ("",))
        self.messages.append(
            Message("tool", message.content, message.parts, tool_call_id=result.call_id)
        )


def sides(messages: Iterable[Message]) -> Iterator[tuple[str, list[Piece]]]:
    """The turns of user and assistant, each with its pieces."""
    found: list[tuple[str, list[Piece]]] = []
    for message in messages:
        texts: list[Piece] = list(message.parts) or [message.content]
        if message.role == "assistant":
            if message.tool_calls and not message.parts and not message.content:
                texts = []
            found.append(("assistant", [*texts, *message.tool_calls]))
            continue
        if message.role == "tool":
            only_text = tuple(text for text in texts if isinstance(text, str))
            texts = [Result(message.tool_call_id or "", only_text)]
        last = found[-1] if found else ("", [])
        if last[0] == "user" and isinstance(last[1][-1], Result):
            last[1].extend(texts)
        else:
            found.append(("user", texts))
    yield from found


def system_of(messages: Sequence[Message]) -> tuple[tuple[str, ...], Sequence[Message]]:
    """The texts of the system message, and the turns behind it."""
    if messages[0].role != "system":
        return (), messages
    texts = messages[0].parts or (messages[0].content,)
    return tuple(text for text in texts if isinstance(text, str)), messages[1:]


def kind_and_data(image: Image) -> tuple[str, str] | None:
    """Which of png, jpeg, gif and webp an image is, and its base64; None for an address."""
    found = DATA_URL.fullmatch(image.url)
    return (found[1], found[2]) if found else None


def _message(role: str, parts: tuple[Part, ...], calls: tuple[ToolCall, ...] = ()) -> Message:
    content = "".join(part for part in parts if isinstance(part, str))
    return Message(role, content, () if parts in ((), (content,)) else parts, tool_calls=calls)
