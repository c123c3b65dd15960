"""Settings of a request that stand in a row: what decides how the model answers, and cannot be carried, is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ftkit.data.formats.layout import empty
from ftkit.errors import Fault

SETTINGS = (
    "tool_choice",
    "parallel_tool_calls",
    "thinking",
    "functions",
    "function_call",
    "tool_calls",
    "toolConfig",
    "tool_config",
    "cachedContent",
    "cached_content",
    "weight",
)


def setting_faults(
    name: str, values: Mapping[str, Any], read: tuple[str, ...] = ()
) -> Iterator[Fault]:
    """A fault for each setting in the row that is not among those that are read."""
    for key in SETTINGS:
        if key not in read and not empty(values.get(key)):
            yield Fault(f"{name!r} cannot carry {key!r}; remove it", field=key)
