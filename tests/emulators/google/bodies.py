"""What a request says, in one spelling: protobuf's JSON allows a field its own name (checkpoint_id) for its JSON name."""

from __future__ import annotations

import re
from typing import Any

# What users name themselves, or what is a value and no message.
OPEN = {
    "labels",
    "metadata",
    "args",
    "response",
    "parametersJsonSchema",
    "responseJsonSchema",
    "default",
    "example",
    "enum",
    "required",
    "propertyOrdering",
}
NAMED = {"properties", "defs"}  # their keys are the user's, their values are messages


def camel(name: str) -> str:
    """The JSON name of a field: checkpoint_id is checkpointId."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def plain(data: Any) -> Any:
    """The same message with every field under its JSON name."""
    if isinstance(data, list):
        return [plain(one) for one in data]
    if not isinstance(data, dict):
        return data
    found = {}
    for key, value in data.items():
        name = camel(key)
        if name in OPEN:
            found[name] = value
        elif name in NAMED and isinstance(value, dict):
            found[name] = {one: plain(inner) for one, inner in value.items()}
        else:
            found[name] = plain(value)
    return found


def whole(value: Any) -> int | None:
    """A whole number, which JSON may carry as text; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d+", value) else None
