"""The judge of the formats: no reader raises, none changes its row, and nothing that stands in a row gets lost.

It knows a format by its faults, its Examples and what is written of them. What must not get lost it takes from the row.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from ftkit.data import Example
from ftkit.data.formats import Format, row_of
from ftkit.errors import DataError, Fault

_WORD = re.compile(r"[a-z_-]{1,20}")
_KINDS = ("role", "from", "type")
_VERSIONS = ("schemaVersion",)  # one value stands in every row, and another is a fault


class Judge:
    """Looks at one row after the other; `seen` counts what became of them."""

    def __init__(self, format: Format) -> None:
        self.format = format
        self.seen: Counter[str] = Counter()

    def look(self, row: dict[str, Any]) -> None:
        """Raises AssertionError with what is wrong, or whatever the format raises."""
        before = repr(row)
        self.seen["rows"] += 1
        self.format.sniff(row)
        faults = list(self.format.faults(row))
        assert all(isinstance(fault, Fault) and fault.reason for fault in faults)
        if not faults:
            self.seen["read"] += 1
            self._read(row)
        assert repr(row) == before, "the row was changed"

    def _read(self, row: dict[str, Any]) -> None:
        example = self.format.example(row)
        assert isinstance(example, Example)
        try:
            written = row_of(example, self.format)
        except DataError as error:
            # a field: the format says what it cannot carry. None: the writer and the reader disagree
            assert all(fault.field for fault in error.faults), error.faults
            self.seen["not written"] += 1
            written = None
        # a text that was parted into turns is put together again where it is written
        kept = [] if written is None else list(_leaves(written, keys=False))
        lost = [value for value in missing(row, example) if value not in kept]
        assert not lost, f"read without a fault and dropped: {lost}"
        if written is None:
            return
        self.seen["written"] += 1
        again = json.loads(json.dumps(written))
        assert list(self.format.faults(again)) == []
        assert essence(self.format.example(again)) == essence(example), "read again it is another"

    def __str__(self) -> str:
        counts = (
            f"{self.seen[word]:>8,} {word}" for word in ("rows", "read", "written", "not written")
        )
        return f"{self.format.name:<20}{''.join(counts)}"


def essence(example: Example) -> str:
    """Everything in it; 1, 1.0 and true differ, the order of columns does not."""
    return repr(replace(example, fields=dict(sorted(example.fields.items()))))


def missing(row: dict[str, Any], example: Example) -> Iterator[Any]:
    """The texts and numbers of the row that are nowhere in the Example. Names of fields, roles and types do not count."""
    held = list(_leaves(asdict(example), keys=True))
    texts = [one for one in held if isinstance(one, str)]
    for value in _leaves(row, keys=False):
        if isinstance(value, bool) or value is None or value in (0, 1):
            continue
        if not (
            _text_in(value, texts) if isinstance(value, str) else _number_in(value, held, texts)
        ):
            yield value


def _leaves(value: Any, keys: bool) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if keys:
                yield key
            is_kind = key in _KINDS and isinstance(inner, str) and _WORD.fullmatch(inner)
            if keys or not (is_kind or key in _VERSIONS):
                yield from _leaves(inner, keys)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner, keys)
    else:
        yield value


def _text_in(text: str, texts: list[str]) -> bool:
    # as it is, or inside JSON text that was made of it
    forms = (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1])
    if any(form in one for one in texts for form in forms):
        return True
    inner = _parsed(text)
    return isinstance(inner, dict | list) and all(
        _text_in(one, texts) for one in _leaves(inner, keys=False) if isinstance(one, str)
    )


def _number_in(number: float, held: list[Any], texts: list[str]) -> bool:
    return any(type(one) is type(number) and one == number for one in held) or any(
        json.dumps(number) in one for one in texts
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
