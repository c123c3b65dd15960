"""Models: list, retrieve, delete. Each says in `shutdown_date` when it ends; a tuned one ends with its base."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..serving.clock import unix
from ..serving.exchange import Call, Reply, answer
from .book import Book
from .models import find, gone, tuned, unknown
from .prices import Base


def listing(book: Book, call: Call) -> Reply:
    """GET /v1/models"""
    data = [_base(base) for base in book.bases.values() if not gone(base, call.now)]
    data += [
        _shown(name, unix(job.finished or job.created), job.organisation, job.base)
        for name, job in tuned(book, call.scope, call.now).items()
        if not gone(job.base, call.now)
    ]
    return answer({"object": "list", "data": data})


def retrieve(book: Book, call: Call) -> Reply:
    """GET /v1/models/ID"""
    found = find(book, call.scope, call.id, call.now)
    if found.job is None:
        return answer({**_base(found.base), "id": call.id})
    made = unix(found.job.finished or found.job.created)
    return answer(_shown(call.id, made, found.job.organisation, found.base))


def delete(book: Book, call: Call) -> Reply:
    """DELETE /v1/models/ID"""
    if call.id not in tuned(book, call.scope, call.now):
        raise unknown(call.id)
    book.deleted_models.add(call.id)
    return answer({"id": call.id, "object": "model", "deleted": True})


def _base(base: Base) -> dict[str, Any]:
    made = datetime.combine(base.created, datetime.min.time(), UTC)
    return _shown(base.name, unix(made), "system", base)


def _shown(id: str, created: int, owner: str, base: Base) -> dict[str, Any]:
    return {
        "id": id,
        "object": "model",
        "created": created,
        "owned_by": owner,
        "shutdown_date": base.shutdown.isoformat() if base.shutdown else None,
    }
