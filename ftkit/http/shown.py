"""A stranger's text in an error message: one line, nothing that steers a terminal, no credential, not long."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from ftkit.secrets import redact

_LOOKED_AT = 8192  # characters; what lies behind is never shown
_LONGEST_KEY = 1024
# CSI and OSC sequences to their ends, then any other two-character escape
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b.?",
    re.DOTALL,
)
_STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format (bidi), half surrogates, separators


def one_line(text: str, width: int, hidden: Iterable[str] = ()) -> str:
    """At most `width` (up to 500) characters; `hidden` are values that must not show, beside those of `redact`.

    Redacted before and after cleaning: a key may hold a space, and an escape sequence may stand inside a key.
    """
    hidden = tuple(hidden)
    start = _ESCAPES.sub("", redact(text[:_LOOKED_AT], hidden))
    plain = "".join(
        character
        for character in " ".join(start.split())
        if " " <= character <= "~" or unicodedata.category(character) not in _STEERING
    )
    shown = redact(plain, hidden)
    if len(text) > _LOOKED_AT:
        shown = shown[:-_LONGEST_KEY]  # a key that was cut in two is not recognised
    return shown if len(shown) <= width else shown[: width - 3] + "..."
