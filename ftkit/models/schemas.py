"""Structured answers: a JSON schema, or a pydantic class that has one, and the answer read back through it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ftkit.errors import DataError, ProviderError

_SHOWN = 200


def json_schema(schema: Any) -> Mapping[str, Any] | None:
    """The JSON schema of what a caller passed as `schema`; raises DataError for anything else."""
    if schema is None or isinstance(schema, Mapping):
        return schema
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema.model_json_schema()
    raise DataError(
        f"schema is a JSON schema (a dict) or a pydantic class, not {type(schema).__name__}"
    )


def parse(text: str, schema: Any, finish_reason: str) -> Any:
    """The answer as the class, or as JSON; raises ProviderError where it does not fulfil the schema."""
    import jsonschema
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            return schema.model_validate_json(text)
        value = json.loads(text)
        # with a registry of its own the library fetches nothing that a schema refers to
        jsonschema.validate(value, schema, registry=Registry())
        return value
    except Unresolvable as error:
        raise DataError(
            f"the schema refers to {error.ref!r}, which is not in it; nothing is fetched: write it into '$defs'"
        ) from error
    except (ValueError, jsonschema.ValidationError) as error:  # pydantic's is a ValueError
        cut = " (it was cut: raise max_tokens)" if finish_reason == "length" else ""
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        raise ProviderError(f"the answer does not fulfil the schema{cut}: {shown!r}") from error
