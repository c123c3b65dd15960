"""A whole answer that came through a provider's own SDK, as the same value that a request of our own ends in."""

from __future__ import annotations

from collections.abc import Mapping

from ftkit import clock
from ftkit.http.exchange import Seen
from ftkit.http.replies import NotJson, error_words, parse
from ftkit.http.retry_after import retry_after_s
from ftkit.http.shown import one_line

_ERROR_BYTES = 1024 * 1024
_MESSAGE, _EXCERPT = 500, 200


def seen(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    hidden: tuple[str, ...] = (),
    *,
    flaw: str = "",
) -> Seen:
    """A whole answer; its texts are redacted, and `hidden` are values that must not show in them."""
    success = 200 <= status < 300
    value = None
    if not flaw:
        try:
            value = parse(body if success else body[:_ERROR_BYTES])
        except NotJson as error:
            flaw = one_line(str(error), _EXCERPT, hidden)
    if success and not flaw and not isinstance(value, dict):
        flaw = "is JSON, but not an object"
    words = None if success or flaw else error_words(value)
    plain = success and not flaw
    excerpt = "" if plain else body[:16_384].decode("utf-8", "replace")
    return Seen(
        status=status,
        reply=value if plain else None,
        flaw=flaw,
        empty=not body,
        code=one_line(words[0], 80, hidden) if words else None,
        message=one_line(words[1], _MESSAGE, hidden) if words else None,
        excerpt=one_line(excerpt, _EXCERPT, hidden),
        retry_after_s=retry_after_s(headers.get("retry-after"), clock.now()),
    )
