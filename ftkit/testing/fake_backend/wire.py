"""Between the stand-in provider's JSON and the contract: pure functions."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ftkit.backend import Event, JobStatus, Remote
from ftkit.errors import ProviderError
from ftkit.http.replies import ident, inner, optional_number, optional_text, text, whole

_STATUS = {
    "queued": JobStatus.QUEUED,
    "running": JobStatus.RUNNING,
    "paused": JobStatus.PAUSED,
    "succeeded": JobStatus.SUCCEEDED,
    "failed": JobStatus.FAILED,
    "cancelled": JobStatus.CANCELLED,
}


def remote(reply: dict[str, Any]) -> Remote:
    """A job object; raises ProviderError naming the field that is not what it should be."""
    word = text(reply, "status")
    finished = optional_number(reply, "finished_at")
    steps = whole(reply, "steps")
    return Remote(
        id=ident(reply, "id"),
        status=_STATUS.get(word, JobStatus.OTHER),
        raw_status=word,
        model=optional_text(reply, "fine_tuned_model"),
        error=optional_text(reply, "error"),
        progress=(whole(reply, "step"), steps) if steps else None,
        key=optional_text(inner(reply, "metadata"), "key"),
        base=text(reply, "model"),
        usd=money(reply, "usd"),
        created_at=iso(reply, "created_at"),
        finished_at=None if finished is None else iso(reply, "finished_at"),
    )


def event(reply: dict[str, Any], steps: int) -> Event:
    """An event object; a step carries `steps` as the contract's events do."""
    data = inner(reply, "data")
    kind = text(reply, "type")
    return Event(
        id=whole(reply, "id"),
        at=iso(reply, "created_at"),
        type=kind,
        message=text(reply, "message"),
        data={**data, "steps": steps} if kind == "step" else data,
    )


def money(reply: dict[str, Any], field: str) -> Decimal:
    """An amount of USD written as text."""
    said = text(reply, field)
    try:
        amount = Decimal(said)
    except InvalidOperation as error:
        raise ProviderError(f"the provider's {field} is not an amount of USD") from error
    if not amount.is_finite():
        raise ProviderError(f"the provider's {field} is not an amount of USD")
    return amount


def iso(reply: dict[str, Any], field: str) -> str:
    """Epoch seconds as ISO time in UTC."""
    seconds = optional_number(reply, field)
    try:
        if seconds is None:
            raise ValueError(field)
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise ProviderError(f"the provider's {field} is not a time") from error
