"""Arguments of tool calls between two worlds: JSON text in chat APIs, objects elsewhere.

From an object the text is made in one spelling; only a text in that spelling comes back from an object as it was.
"""

from __future__ import annotations

import json
from typing import Any

from ftkit.data.strict_json import parse_value
from ftkit.errors import DataError

_ROOM = (
    10  # levels that a row puts around the arguments: within the limit of depth they must fit in it
)


def text_of(value: Any) -> str:
    """The one spelling: a space behind commas and colons, no escapes but those that JSON needs."""
    return json.dumps(value, ensure_ascii=False)


def object_of(text: str) -> dict[str, Any] | None:
    """The object that a text in this spelling stands for; None for any other text."""
    try:
        value = parse_value(text.encode("utf-8"))
        parse_value(("[" * _ROOM + text + "]" * _ROOM).encode("utf-8"))
    except (DataError, UnicodeEncodeError):
        return None
    return value if isinstance(value, dict) and text_of(value) == text else None
