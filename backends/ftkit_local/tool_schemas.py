"""Whether a template passes on the tools of a row whole: altering any word of a schema has to alter the text.

Most templates write the schemas as JSON, and then all of it is there. gpt-oss rewrites them as TypeScript and leaves out
what has no form there: such a row is refused by the place of what would be lost.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Tools = Sequence[Mapping[str, Any]]
_OWN_NAMES = ("properties", "$defs", "definitions", "patternProperties")
_SHOWN = 3


def written_whole(text: str, tools: Tools) -> bool:
    """True where the JSON of every tool stands in the text, in one of the forms that templates give it."""
    return all(any(form in text for form in _forms(tool)) for tool in tools)


def lost(tools: Tools, text_of: Callable[[Tools], str]) -> list[str]:
    """Places in the schemas that can be altered with no effect on the text."""
    text = text_of(tools)
    return [place for place, altered in _alterations(list(tools)) if text_of(altered) == text]


def described(places: Sequence[str]) -> str:
    """The first places, for a message."""
    more = len(places) - _SHOWN
    return ", ".join(places[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _forms(tool: Mapping[str, Any]) -> Iterator[str]:
    for value in (tool, tool.get("function", tool)):
        for indent in (None, 4, 2):
            yield json.dumps(value, ensure_ascii=False, indent=indent)


def _alterations(tools: list[Mapping[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
    for path in _paths(tools, ()):
        changed = copy.deepcopy(tools)
        holder: Any = changed
        for step in path[:-1]:
            holder = holder[step]
        last = path[-1]
        value = holder[last]
        if isinstance(value, dict | list):
            del holder[last]
        else:
            holder[last] = _other(value)
        yield _place(path), changed
        if len(path) > 1 and path[-2] in _OWN_NAMES and isinstance(holder, dict):
            renamed = copy.deepcopy(tools)
            holder = renamed
            for step in path[:-1]:
                holder = holder[step]
            items = list(holder.items())
            holder.clear()
            holder.update({f"{key}x" if key == last else key: one for key, one in items})
            yield f"the name of {_place(path)}", renamed


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """To every value that says something: leaves, and properties by their names."""
    steps: Iterator[tuple[Any, Any]] | None = None
    if isinstance(value, dict) and value:
        steps = iter(value.items())
    elif isinstance(value, list) and value:
        steps = iter(enumerate(value))
    if steps is None:
        if not _says_nothing(path, value):
            yield path
        return
    if len(path) > 1 and path[-2] in _OWN_NAMES:
        yield path
    for step, one in steps:
        yield from _paths(one, (*path, step))


def _says_nothing(path: tuple[Any, ...], value: Any) -> bool:
    """The only values that there can be: a tool is a function, its parameters are an object, which may have none."""
    if path[1:] == ("type",) and value == "function":
        return True
    if path[1:] == ("function", "parameters", "type") and value == "object":
        return True
    return path[-1:] in (("required",), ("properties",), ("parameters",)) and not value


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value}x" if isinstance(value, str) else "x"


def _place(path: tuple[Any, ...]) -> str:
    return "tools" + "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in path)
