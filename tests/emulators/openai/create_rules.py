"""The rules of a create: what the body may hold, and who may train what when. It says no before anything exists.

The order is the account's entitlement, the body, the base and its dates, the file, then quota and limits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .prices import Base
from .refusals import Refusal

HYPERPARAMETERS = {
    "supervised": ("n_epochs", "batch_size", "learning_rate_multiplier"),
    "dpo": ("n_epochs", "batch_size", "learning_rate_multiplier", "beta"),
}
FIELDS = {
    "model",
    "training_file",
    "validation_file",
    "method",
    "hyperparameters",
    "suffix",
    "seed",
    "metadata",
    "integrations",
}
CLOSED = (
    "Fine-tuning is not available for this organization. New fine-tuning jobs can no longer be created; see "
    "https://platform.openai.com/docs/deprecations."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A body that is in order. `hyperparameters` are as asked for, "auto" where not."""

    model: str
    training_file: str
    validation_file: str | None
    method: str
    hyperparameters: dict[str, Any]
    suffix: str | None
    seed: int | None
    metadata: dict[str, str] | None
    integrations: list[Any] | None


def read(body: dict[str, Any]) -> Asked:
    """The body's fields; Refusal (400) where one breaks a rule."""
    if unknown := sorted(set(body) - FIELDS):
        raise _bad(unknown[0], f"Unknown parameter: '{unknown[0]}'.", "unknown_parameter")
    for name in ("model", "training_file"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise _bad(name, f"Missing required parameter: '{name}'.", "missing_required_parameter")
    validation = body.get("validation_file")
    if validation is not None and not isinstance(validation, str):
        raise _bad("validation_file", "Invalid type for 'validation_file'.", "invalid_type")
    suffix = body.get("suffix")
    if suffix is not None and (not isinstance(suffix, str) or not 1 <= len(suffix) <= 64):
        raise _bad("suffix", "Invalid 'suffix': 1 to 64 characters expected.", "invalid_value")
    seed = body.get("seed")
    if seed is not None and not (_whole(seed) and 0 <= seed <= 2_147_483_647):
        raise _bad(
            "seed", "Invalid 'seed': integer from 0 to 2147483647 expected.", "invalid_value"
        )
    method, asked = _method(body)
    return Asked(
        model=body["model"],
        training_file=body["training_file"],
        validation_file=validation,
        method=method,
        hyperparameters=_hyperparameters(method, asked),
        suffix=suffix,
        seed=seed,
        metadata=metadata(body),
        integrations=body.get("integrations"),
    )


def metadata(body: dict[str, Any]) -> dict[str, str] | None:
    """At most 16 pairs, keys up to 64 and values up to 512 characters; refused otherwise."""
    pairs = body.get("metadata")
    if pairs is None:
        return None
    if not isinstance(pairs, dict) or len(pairs) > 16:
        raise _bad("metadata", "Invalid 'metadata': at most 16 pairs expected.", "invalid_value")
    for key, value in pairs.items():
        if len(key) > 64:
            raise _bad(
                "metadata", "Invalid 'metadata': a key is over 64 characters.", "invalid_value"
            )
        if not isinstance(value, str):
            raise _bad("metadata", f"Invalid type for 'metadata.{key}'.", "invalid_type")
        if len(value) > 512:
            raise _bad(
                f"metadata.{key}", f"'metadata.{key}' is over 512 characters.", "invalid_value"
            )
    return pairs


def refuse_by_date(base: Base | None, model: str, now: datetime) -> Base:
    """The base of a job, unless it never could be tuned, is gone, or takes no new jobs by now."""
    if base is None or base.train is None or (base.shutdown and now.date() >= base.shutdown):
        raise Refusal(
            400,
            f"Model {model} is not available for fine-tuning or does not exist.",
            code="model_not_available",
        )
    if base.closed_from and now.date() >= base.closed_from:
        raise closed()
    return base


def closed() -> Refusal:
    """403: this organisation trains no more, whatever the base."""
    return Refusal(403, CLOSED, code="training_not_available")


def resolved(asked: dict[str, Any], rows: int) -> dict[str, Any]:
    """No "auto" left in it. The rule for epochs is the cookbook's, the others are the emulator's own."""
    found = dict(asked)
    if found["n_epochs"] == "auto":
        epochs = 3
        if 3 * rows < 100:
            epochs = min(25, 100 // rows)
        elif 3 * rows > 25_000:
            epochs = max(1, 25_000 // rows)
        found["n_epochs"] = epochs
    if found["batch_size"] == "auto":
        found["batch_size"] = min(256, max(1, math.ceil(rows * 0.002)))
    if found["learning_rate_multiplier"] == "auto":
        found["learning_rate_multiplier"] = 1.8
    if found.get("beta") == "auto":
        found["beta"] = 0.1
    return found


def _method(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The method's name and the hyperparameters beside it, or those of the deprecated place."""
    method = body.get("method")
    if method is None:
        asked = body.get("hyperparameters") or {}
        return "supervised", asked if isinstance(asked, dict) else {"": asked}
    name = method.get("type") if isinstance(method, dict) else None
    if name == "reinforcement":
        raise _bad("method", "No model can be tuned by reinforcement any more.", "invalid_value")
    if name not in HYPERPARAMETERS:
        raise _bad("method.type", f"Invalid value for 'method.type': {name!r}.", "invalid_value")
    inner = method.get(name) or {}
    asked = (inner.get("hyperparameters") or {}) if isinstance(inner, dict) else {"": inner}
    return name, asked


def _hyperparameters(method: str, asked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(HYPERPARAMETERS[method], "auto")
    for name, value in asked.items():
        place = f"method.{method}.hyperparameters.{name}"
        if name not in found:
            raise _bad(place, f"Unknown parameter: '{place}'.", "unknown_parameter")
        if value != "auto" and not _in_range(name, value):
            raise _bad(place, f"Invalid '{place}': {value!r} is out of range.", "invalid_value")
        found[name] = value
    return found


def _in_range(name: str, value: Any) -> bool:
    if name == "n_epochs":
        return _whole(value) and 1 <= value <= 50
    if name == "batch_size":
        return _whole(value) and 1 <= value <= 256
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return 0 < value <= 2 if name == "beta" else 0 < value < math.inf


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _bad(param: str, message: str, code: str) -> Refusal:
    return Refusal(400, message, code=code, param=param)
