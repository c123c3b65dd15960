"""Texts of rows as a report may show them: what FT401 to FT404 look for stands there as its kind and length.

A text is masked before it is cut: half a key has no shape any more, and is half a key given away.
"""

from __future__ import annotations

import re

from ftkit.data.checks.leaked_keys import credentials, drawn_strings
from ftkit.data.checks.personal import contacts_in, numbers_in
from ftkit.data.checks.sighting import Sighting

_LOOKED_AT = (
    30_000  # characters of a text that is going to be cut; the longest private keys have fewer
)
_KEY_GOES_ON = re.compile(r"[A-Za-z0-9_+/=-]*")  # a key that is longer than its shape allows
_WRITTEN = re.compile(r"\\[nrt]")
_BOUNDARY = 1_000  # characters at the end of what is looked at in which a secret may have been cut


def without_secrets(text: str) -> str:
    """The text with every secret and every personal number or address replaced by `[kind (length)]`."""
    found = _found(text)
    if "\\" in text:  # line ends as JSON or a repr writes them: what follows begins after one
        found += _found(_WRITTEN.sub("\n\n", text))
    if not found:
        return text
    pieces: list[str] = []
    end = 0
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        stop = _KEY_GOES_ON.match(text, one.end)
        if one.start >= end:
            pieces += [text[end : one.start], f"[{one.mask}]"]
        end = max(end, one.end, stop.end() if stop else 0)
    return "".join([*pieces, text[end:]])


def _found(text: str) -> list[Sighting]:
    return [*credentials(text), *drawn_strings(text), *numbers_in(text), *contacts_in(text)]


def excerpt(text: str, most: int) -> str:
    """The start of a text, masked, at most `most` characters and an ellipsis."""
    masked = without_secrets(text[: max(_LOOKED_AT, most + _BOUNDARY)])
    return masked if len(masked) <= most else masked[:most] + "…"


def last_words(text: str, most: int) -> str:
    """The end of a text, masked, at most `most` characters."""
    return without_secrets(text[-_LOOKED_AT:])[-most:]


def quoted(text: str, most: int = 60) -> str:
    """A text for a line of a finding: masked, in quotes, on one line where it is cut."""
    masked = without_secrets(text[:_LOOKED_AT])
    if len(masked) > most:
        masked = " ".join(masked.split())
    return repr(masked if len(masked) <= most else masked[: most - 3] + "...")


def quoted_from(piece: str, whole: str, most: int = 60) -> str:
    """A piece of a text in quotes; in words only where it is, or is part of, what the whole must not show."""
    masked = without_secrets(whole[:_LOOKED_AT])
    if masked != whole[:_LOOKED_AT] and piece not in masked:
        return "(personal or secret, not shown)"
    return quoted(piece, most)
