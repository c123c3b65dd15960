"""Between a batch of ours and Anthropic's: its state, the name of a row, a line of its results. Pure functions.

A batch has neither metadata nor a name. Our key stands in the `custom_id` of each row, `KEY-INDEX`, which is seen again only
in the results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ftkit.backend import Answer, BatchStatus, RemoteBatch
from ftkit.errors import ProviderError
from ftkit.http.replies import NotJson, ident, inner, optional_text, parse, text, whole

_ROW_NAME = re.compile(r"([a-z0-9]{1,54})-(0|[1-9][0-9]{0,8})")
_RUNNING = ("in_progress", "canceling")
_COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")
_NOT_REACHED = {
    "canceled": "not answered: the batch was cancelled before",
    "expired": "not answered: the day was over before",
}


def row_name(key: str, index: int) -> str:
    """The `custom_id` of a row."""
    return f"{key}-{index}"


def key_and_index(name: str) -> tuple[str, int] | None:
    """What a `custom_id` says, None where it is not of ours."""
    found = _ROW_NAME.fullmatch(name)
    return (found[1], int(found[2])) if found else None


def remote(reply: Mapping[str, Any], key: str | None = None) -> RemoteBatch:
    """A batch; ProviderError names a field that is not as it should be."""
    word = text(reply, "processing_status")
    counts = {name: whole(inner(reply, "request_counts"), name) for name in _COUNTS}
    return RemoteBatch(
        id=ident(reply, "id"),
        status=_status(reply, word, counts),
        raw_status=word,
        key=key,
        done=counts["succeeded"],
        failed=counts["errored"] + counts["canceled"] + counts["expired"],
        total=sum(counts.values()),
        created_at=optional_text(reply, "created_at"),
        expires_at=optional_text(reply, "expires_at"),
    )


def readable(reply: Mapping[str, Any]) -> bool:
    """True where an ended batch has results that are still kept."""
    return optional_text(reply, "results_url") is not None and reply.get("archived_at") is None


def line(content: bytes) -> dict[str, Any]:
    """One line of the results."""
    try:
        row = parse(content)
    except NotJson as error:
        raise ProviderError(f"a row of the batch's results {error}") from None
    if not isinstance(row, dict):
        raise ProviderError("a row of the batch's results is no object")
    return row


def answer(row: Mapping[str, Any], read: Callable[[Mapping[str, Any]], Answer]) -> Answer | str:
    """The answer of a row as `read` reads a message, or why there is none."""
    result = inner(row, "result")
    kind = text(result, "type")
    if kind in _NOT_REACHED:
        return _NOT_REACHED[kind]
    try:
        if kind == "succeeded":
            return read(inner(result, "message"))
    except ProviderError as error:
        return f"its answer cannot be read: {error}"
    told = result.get("error")
    told = told.get("error") if isinstance(told, dict) else None
    said = [told.get(name) for name in ("type", "message")] if isinstance(told, dict) else []
    words = ": ".join(one.strip() for one in said if isinstance(one, str) and one.strip())
    return f"Anthropic refused it: {words}" if words else f"Anthropic says only {kind!r} of it"


def _status(reply: Mapping[str, Any], word: str, counts: Mapping[str, int]) -> BatchStatus:
    if word in _RUNNING:
        return BatchStatus.RUNNING
    if word != "ended":
        return BatchStatus.OTHER
    if counts["canceled"]:
        return BatchStatus.CANCELLED
    return BatchStatus.EXPIRED if counts["expired"] else BatchStatus.SUCCEEDED
