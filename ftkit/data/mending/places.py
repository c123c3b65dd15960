"""Where a text of a row ends up in its Example, found out by a mark put into it: so no format has to be known here.

A text that stands in several fields at once (both answers of a pair may repeat the conversation) is marked in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

from ftkit.data.example import Example
from ftkit.data.formats import Format
from ftkit.data.mending.spaces import WHITE

Path: TypeAlias = tuple[str | int, ...]
_MARK = "\ue000\uf8ffftkit\uf8ff\ue000"  # characters for private use: nobody's text


@dataclass(frozen=True, slots=True)
class Placed:
    """A text of the turns: the fields it stands in, whether each is an answer's, and which parts of the turn it is."""

    paths: tuple[Path, ...]
    text: str
    answers: bool
    starts: bool
    ends: bool
    whole: bool  # all of the row's last answer


def texts(values: Mapping[str, Any], columns: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Every text in these columns, keys aside."""
    for column in columns:
        if column in values:
            yield from _texts(values[column], (column,))


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))


def placed(
    values: Mapping[str, Any], format: Format, found: Sequence[tuple[Path, str]]
) -> Iterator[Placed]:
    """Those of the found texts that are texts of turns; roles, names, addresses, tools and calls are left out."""
    by_text: dict[str, list[Path]] = {}
    for path, text in found:
        by_text.setdefault(text, []).append(path)
    for text, paths in by_text.items():
        together: list[Path] = []
        for path in paths:
            place = _place(values, format, (path,), text)
            if place is not None:
                yield place
            else:
                together.append(path)
        if len(together) > 1 and (place := _place(values, format, together, text)) is not None:
            yield place


def _place(
    values: Mapping[str, Any], format: Format, paths: Sequence[Path], text: str
) -> Placed | None:
    content = text.rstrip(WHITE)
    marked = replaced(values, dict.fromkeys(paths, content + _MARK + text[len(content) :]))
    if any(True for _ in format.faults(marked)):
        return None
    example = format.example(marked)
    last = _last_answer(example)
    turns = [
        (turn, index == last)
        for index, turn in enumerate((*example.messages, *example.rejected))
        if _MARK in turn.content
    ]
    if not turns:
        return None
    parts = [turn.content.partition(_MARK) for turn, _ in turns]
    return Placed(
        tuple(paths),
        text,
        answers=all(turn.role == "assistant" for turn, _ in turns),
        starts=all(before.lstrip(WHITE) == content.lstrip(WHITE) for before, _, _ in parts),
        ends=all(not after.strip(WHITE) for _, _, after in parts),
        whole=len(turns) == 1 and turns[0][1] and parts[0][0] + parts[0][2] == text,
    )


def _last_answer(example: Example) -> int | None:
    roles = [turn.role for turn in example.messages]
    return len(roles) - 1 - roles[::-1].index("assistant") if "assistant" in roles else None


def replaced(values: Mapping[str, Any], edits: Mapping[Path, str]) -> dict[str, Any]:
    """A copy of a row with other texts in these fields."""
    copy: dict[str, Any] = deepcopy(dict(values))
    for path, text in edits.items():
        holder: Any = copy
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = text
    return copy


def written(path: Path) -> str:
    """A field for people: messages[0].content."""
    parts = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in path]
    return "".join(parts).removeprefix(".")
