"""What a conversation must be beyond its types: who begins, what is empty, which result answers which call.

Turns of one role in a row are no fault: the service makes one turn of them. The texts of refusals are the service's own
where they are public.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from .prompt import as_blocks
from .refusals import invalid

STARTS = {
    "image/png": b"\x89PNG",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
}
LARGEST_PICTURE = 5 * 1024 * 1024
MOST_PICTURES = 600
OF_SERVER_TOOLS = ("server_tool_use", "_tool_result")


def check(messages: Sequence[dict[str, Any]]) -> None:
    """Refuse a conversation that the service would not read."""
    if not messages:
        raise invalid("messages: at least one message is required")
    if messages[0]["role"] == "assistant":
        raise invalid('messages: first message must use the "user" role')
    pictures = 0
    for at, message in enumerate(messages):
        content = as_blocks(message["content"])
        _not_empty(messages, at, content)
        for inner, block in enumerate(content):
            pictures += _block(f"messages.{at}.content.{inner}", message["role"], block)
    if pictures > MOST_PICTURES:
        raise invalid(f"messages: too many images: {pictures} > {MOST_PICTURES}")
    _pairs(messages)


def turns(messages: Sequence[dict[str, Any]]) -> list[tuple[int, str, list[dict[str, Any]]]]:
    """Messages with those of one role in a row made one: the first one's place, the role, all blocks."""
    found: list[tuple[int, str, list[dict[str, Any]]]] = []
    for at, message in enumerate(messages):
        if found and found[-1][1] == message["role"]:
            found[-1][2].extend(as_blocks(message["content"]))
        else:
            found.append((at, message["role"], list(as_blocks(message["content"]))))
    return found


def calls(messages: Sequence[dict[str, Any]]) -> bool:
    """True where tools were used so far."""
    return any(
        block["type"] in ("tool_use", "tool_result")
        for message in messages
        for block in as_blocks(message["content"])
    )


def _not_empty(messages: Sequence[dict[str, Any]], at: int, content: Sequence[Any]) -> None:
    role = messages[at]["role"]
    final = role == "assistant" and at == len(messages) - 1
    if not content or messages[at]["content"] == "":
        if not final:
            raise invalid(
                f"messages.{at}: {role} messages must have non-empty content except for the "
                "optional final assistant message"
            )
        return
    for block in content:
        if block["type"] == "text" and not block["text"]:
            raise invalid("messages: text content blocks must be non-empty")
        if block["type"] == "text" and not block["text"].strip():
            raise invalid("messages: text content blocks must contain non-whitespace text")
    if (
        final
        and content[-1]["type"] == "text"
        and content[-1]["text"] != content[-1]["text"].rstrip()
    ):
        raise invalid("messages: final assistant content cannot end with trailing whitespace")


def _block(where: str, role: str, block: dict[str, Any]) -> int:
    """Refuse a block in the wrong place; how many pictures it holds."""
    kind = block["type"]
    if kind == "tool_use" and role != "assistant":
        raise invalid(f"{where}: `tool_use` blocks can only be in `assistant` messages")
    if kind == "tool_result" and role != "user":
        raise invalid(f"{where}: `tool_result` blocks can only be in `user` messages")
    if kind == "thinking" and role != "assistant":
        raise invalid(f"{where}: `thinking` blocks can only be in `assistant` messages")
    if kind in ("image", "document") and role != "user":
        raise invalid(f"{where}: `{kind}` blocks are not permitted in `{role}` messages")
    if kind == "text" and role == "user" and block.get("citations"):
        raise invalid(f"{where}.citations: citations are not permitted in `user` messages")
    if kind == "image":
        _picture(f"{where}.image", block["source"])
        return 1
    if kind == "tool_result" and isinstance(content := block.get("content"), list):
        for at, one in enumerate(content):
            if one["type"] == "image":
                _picture(f"{where}.tool_result.content.{at}.image", one["source"])
        return sum(one["type"] == "image" for one in content)
    return 0


def _picture(where: str, source: dict[str, Any]) -> None:
    if source["type"] != "base64":
        return
    try:
        data = base64.b64decode(source["data"], validate=True)
    except (ValueError, binascii.Error) as error:
        raise invalid(f"{where}.source.base64: invalid base64 data") from error
    if len(data) > LARGEST_PICTURE:
        raise invalid(
            f"{where}.source.base64: image exceeds 5 MB maximum: {len(data)} bytes > "
            f"{LARGEST_PICTURE} bytes"
        )
    start = STARTS[source["media_type"]]
    if not data.startswith(start) or (start == b"RIFF" and data[8:12] != b"WEBP"):
        known = any(data.startswith(one) for one in STARTS.values())
        raise invalid(
            f"{where}.source.base64.data: Image does not match the provided media type "
            f"{source['media_type']}"
            if known
            else f"{where}: Could not process image"
        )


def _pairs(messages: Sequence[dict[str, Any]]) -> None:
    """Each call is answered in the next turn, each result answers a call of the turn before; results come first."""
    joined = turns(messages)
    for number, (at, _, content) in enumerate(joined):
        asked = [block["id"] for block in content if block["type"] == "tool_use"]
        if len(set(asked)) != len(asked):
            raise invalid(f"messages.{at}: `tool_use` ids must be unique")
        following = joined[number + 1][2] if number + 1 < len(joined) else []
        given = [block["tool_use_id"] for block in following if block["type"] == "tool_result"]
        if missing := [id for id in asked if id not in given]:
            raise invalid(
                f"messages.{at}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(missing)}. Each `tool_use` block must have a "
                "corresponding `tool_result` block in the next message."
            )
        before = joined[number - 1][2] if number else []
        known = [block["id"] for block in before if block["type"] == "tool_use"]
        results = [block for block in content if block["type"] == "tool_result"]
        for inner, block in enumerate(content):
            if block["type"] == "tool_result" and block["tool_use_id"] not in known:
                raise invalid(
                    f"messages.{at}.content.{inner}: unexpected `tool_use_id` found in "
                    f"`tool_result` blocks: {block['tool_use_id']}. Each `tool_result` block must "
                    "have a corresponding `tool_use` block in the previous message."
                )
        ids = [block["tool_use_id"] for block in results]
        if len(set(ids)) != len(ids):
            raise invalid(
                f"messages.{at}: each tool_use must have a single result. Found multiple "
                "`tool_result` blocks with one id"
            )
        if results and content[: len(results)] != results:
            raise invalid(f"messages.{at}: `tool_result` blocks come before any other content")


def ends_in_server_tools(message: dict[str, Any]) -> bool:
    """True for a paused turn that is handed back."""
    content = as_blocks(message["content"])
    return bool(content) and str(content[-1]["type"]).endswith(OF_SERVER_TOOLS)
