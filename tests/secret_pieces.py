"""Looks for a planted secret, or a telling piece of it, in a text that should show none; imports nothing from ftkit."""

from __future__ import annotations

import re

from tests.faults.planted_secrets import Planted

_SHORTEST = 6  # characters; fewer stand in any text by chance
_PASSWORD = re.compile(
    r"(?:://[^:]*:|Password=)([^@;]+)[@;]"
)  # the rest of an address is no secret


def shown_of(one: Planted, text: str) -> str | None:
    """What of the secret the text shows: all of it, or the end of its longest drawn piece; None for nothing."""
    if one.secret in text:
        return one.secret
    password = _PASSWORD.search(one.secret)
    drawn = password.group(1) if password else one.secret
    piece = max(drawn.replace("-", " ").replace("_", " ").split(), key=len)[-_SHORTEST:]
    return piece if len(piece) == _SHORTEST and piece in text else None
