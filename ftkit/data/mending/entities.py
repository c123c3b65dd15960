"""Entities of HTML as the characters that they stand for. Only by choice: a text about HTML means them.

All of a text or nothing: where one of them would become a tag, another entity or something unseen, the text stays.
"""

from __future__ import annotations

import html

from ftkit.data.checks.damage import ENTITY, TAG, markup_in

_NO_PRINT = frozenset("\t\n\u00a0")


def without_entities(text: str) -> str:
    """The text with characters instead."""
    if "&" not in text or not markup_in(text):
        return text
    chars = [html.unescape(found) for found in ENTITY.findall(text)]
    if not all(char.isprintable() or char in _NO_PRINT for char in chars) or "\ufffd" in chars:
        return text
    plain = ENTITY.sub(lambda found: html.unescape(found.group()), text)
    if ENTITY.search(plain) or len(TAG.findall(plain)) > len(TAG.findall(text)):
        return text
    return plain
