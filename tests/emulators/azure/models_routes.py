"""Models as the data plane lists them: with their ends in seconds, and without any word on where they are deployed.

The fields beyond OpenAI's are those of Azure's older API; that v1 has them too is not verified.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from ..openai.models import tuned, unknown
from ..serving.clock import unix
from ..serving.exchange import Call, Reply, answer
from .bases import Base
from .book import Book
from .tuned_models import base_of, maker


def listing(book: Book, call: Call) -> Reply:
    """GET /openai/v1/models"""
    rows = [_base(base) for base in book.tuned_bases.values()]
    for name, job in tuned(book, call.scope, call.now).items():
        rows.append(
            _shown(name, unix(job.finished or job.created), book.tuned_bases[job.base.name])
        )
    return answer({"object": "list", "data": rows})


def retrieve(book: Book, call: Call) -> Reply:
    """GET /openai/v1/models/ID"""
    if call.id in book.tuned_bases:
        return answer(_base(book.tuned_bases[call.id]))
    found = maker(book, call.id, call.now)
    if found is None:
        raise unknown(call.id)
    name, job = found
    return answer(_shown(name, unix(job.finished or job.created), base_of(book, job), tuned=True))


def delete(book: Book, call: Call) -> Reply:
    """DELETE /openai/v1/models/ID: deployments of it go on, and cost."""
    if call.id not in tuned(book, call.scope, call.now):
        raise unknown(call.id)
    book.deleted_models.add(call.id)
    return answer({"id": call.id, "object": "model", "deleted": True})


def _base(base: Base) -> dict[str, Any]:
    return _shown(base.name, _moment(base.created), base)


def _shown(id: str, created: int, base: Base, *, tuned: bool = False) -> dict[str, Any]:
    ends = {
        "fine_tune": _end(base.closed_from),
        "inference": _end(base.tuned_end if tuned else base.shutdown),
    }
    return {
        "id": id,
        "object": "model",
        "created": created,
        "created_at": created,
        "owned_by": "azure",
        "status": "succeeded",
        "capabilities": {"fine_tune": base.format == "OpenAI", "inference": tuned},
        "lifecycle_status": "generally-available",
        "deprecation": {name: end for name, end in ends.items() if end is not None},
    }


def _end(day: date | None) -> int | None:
    return _moment(day) if day else None


def _moment(day: date) -> int:
    return unix(datetime.combine(day, datetime.min.time(), UTC))
