"""The frozen record of a model as plain values: in the ledger, in adapter folders and in saved files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from ftkit.backend import ModelRecord
from ftkit.errors import DataError


def to_dict(record: ModelRecord) -> dict[str, Any]:
    """Fields without the empty ones."""
    return {name: value for name, value in asdict(record).items() if value not in (None, "")}


def from_dict(values: Mapping[str, Any]) -> ModelRecord:
    """The record again; fields that this version does not know are an error, not dropped."""
    known = {field.name for field in fields(ModelRecord)}
    unknown = set(values) - known
    if unknown or not {"instance", "native", "base"} <= set(values):
        raise DataError(
            f"not a model record of this version of ftkit: {', '.join(sorted(unknown)) or 'fields are missing'}"
        )
    return ModelRecord(**values)
