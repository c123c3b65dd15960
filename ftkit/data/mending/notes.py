"""The log of changes: a line of JSON each, excerpts in bounds, and no excerpt of a text that holds a secret.

What is a secret is what FT401 to FT404 say of the text before or after the change. A row that is dropped stands in the log
with all its bytes, as base64: nothing is lost.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from ftkit.data.checks.damage import UNSEEN
from ftkit.data.checks.leaked_keys import masked, random_looking
from ftkit.data.checks.personal import masked_contacts, masked_numbers

_AROUND = 20  # characters before and after a change
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Change:
    """One mend of one text, or of a row or the file. `at` is the first character that changed, counted from 0.

    `before` and `after` are excerpts around it. `row` and `field` are None where the change is not about one.
    """

    row: int | None
    line: int | None
    field: str | None
    mend: str
    code: str
    at: int | None
    before: str
    after: str
    detail: str = ""
    offset: int | None = None
    data: bytes | None = None

    def to_dict(self) -> dict[str, Any]:
        """As it is logged; what is not known or empty is left out."""
        values: dict[str, Any] = {
            "row": self.row,
            "line": self.line,
            "offset": self.offset,
            "field": self.field,
            "mend": self.mend,
            "code": self.code or None,
            "at": self.at,
        }
        if self.field is not None:
            values |= {"before": self.before, "after": self.after}
        values["detail"] = self.detail or None
        if self.data is not None:
            values["bytes_base64"] = base64.b64encode(self.data).decode("ascii")
        return {name: value for name, value in values.items() if value is not None}

    def to_line(self) -> bytes:
        """The line of the log."""
        return json.dumps(self.to_dict(), ensure_ascii=False).encode("utf-8") + b"\n"

    def __str__(self) -> str:
        place = "the file" if self.row is None else f"row {self.row}"
        if self.line is not None and self.line != self.row:
            place += f" (line {self.line})"
        if self.field is None:
            return f"{place}: {self.mend}: {self.detail}"
        return f"{place}, {self.field}: {self.mend}: {self.before!r} -> {self.after!r}"


def withheld(*texts: str) -> str:
    """What is shown instead of an excerpt where any of these texts holds a secret; "" where none does."""
    # a hole in a secret that nobody sees does not hide it here
    plain = [UNSEEN.sub("", text) for text in texts]
    for text in dict.fromkeys((*texts, *plain)):
        for look in (masked, masked_numbers, masked_contacts, random_looking):
            if found := look(text):
                return f"[not shown: {', '.join(found[:3])}]"
    return ""


def excerpts(before: str, after: str) -> tuple[int, str, str]:
    """Where two texts begin to differ, and a piece of each from there."""
    at = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        at += 1
    tail = 0
    most = min(len(before), len(after)) - at
    while tail < most and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return at, _piece(before, at, tail), _piece(after, at, tail)


def _piece(text: str, at: int, tail: int) -> str:
    start = max(0, at - _AROUND)
    end = min(len(text), len(text) - tail + _AROUND, start + _SHOWN)
    return ("..." if start else "") + text[start:end] + ("..." if end < len(text) else "")
