"""What is frozen with a job's models: a provider gives back an id, not the prompt of the rows."""

from __future__ import annotations

from typing import Any

from ftkit.backend import Backend, ModelRecord
from ftkit.ledger import JobRow
from ftkit.models.record import from_dict


def frozen(row: JobRow) -> dict[str, Any]:
    """What the submitter froze with the model, as fields of its record."""
    record = dict(row.request.get("record", {}))
    known = {name: value for name, value in record.items() if value not in (None, "")}
    return {**known, "instance": row.instance, "job": row.id}


def before_the_end(row: JobRow, backend: Backend) -> ModelRecord:
    """The record of a job that has no model yet, `native` left open: what its checkpoints have in common."""
    _, _, base = (row.model or "").partition("/")
    known = {"base": base, "family": backend.name, "native": "", "tuned": True}
    return from_dict({**known, **frozen(row)})
