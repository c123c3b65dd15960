"""The line of a TOML file on which a value stands: the parser of the standard library keeps no positions."""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any


def line_of(text: str, place: Sequence[str]) -> int:
    """The 1-based line of the value at `place`, or of the deepest table above it that is there.

    The value begins on the last line of the shortest beginning of the file in which it is there.
    """
    lines = text.splitlines(keepends=True)
    numbers = range(1, len(lines) + 1)
    for depth in range(len(place), 0, -1):
        found = bisect_left(numbers, True, key=lambda number: _there(lines, number, place[:depth]))
        if found < len(lines):
            return numbers[found]
    return 1


def _there(lines: Sequence[str], number: int, place: Sequence[str]) -> bool:
    value: Any = None
    for end in range(number, len(lines) + 1):  # further where a value goes on over several lines
        try:
            value = tomllib.loads("".join(lines[:end]))
            break
        except tomllib.TOMLDecodeError:
            continue
    for part in place:
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return False
    return True
