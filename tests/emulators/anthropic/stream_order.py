"""The order of a stream's events, which no type says: one message, blocks one after the other, one end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FITS = {
    "text": {"text_delta", "citations_delta"},
    "tool_use": {"input_json_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
}


def out_of_order(events: Sequence[dict[str, Any]]) -> str | None:
    """What is wrong with the order; an `error` may come anywhere, and ends it."""
    if not events or events[0]["type"] != "message_start":
        return "a stream begins with message_start"
    blocks, kind, closed, ended = 0, None, False, False
    for event in events[1:]:
        name = event["type"]
        if ended:
            return f"{name} after message_stop"
        if name == "error":
            return None if event is events[-1] else "an error is the last event"
        if name == "ping":
            continue
        if closed and name != "message_stop":
            return f"{name} after message_delta"
        if name == "message_start":
            return "a stream has one message_start"
        if name == "content_block_start":
            if kind is not None or event["index"] != blocks:
                return f"block {event['index']} starts out of turn"
            kind = event["content_block"]["type"]
        elif name in ("content_block_delta", "content_block_stop"):
            if kind is None or event["index"] != blocks:
                return f"{name} of block {event['index']}, which is not open"
            if name == "content_block_stop":
                kind, blocks = None, blocks + 1
            elif event["delta"]["type"] not in FITS.get(kind, ()):
                return f"{event['delta']['type']} in a block of {kind}"
        elif kind is not None:
            return f"{name} while a block is open"
        elif name == "message_stop" and not closed:
            return "message_stop without message_delta"
        closed = closed or name == "message_delta"
        ended = name == "message_stop"
    return None if ended else "a stream ends with message_stop"
