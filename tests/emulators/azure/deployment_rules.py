"""What a PUT of a deployment may hold: its name, its SKU, a model that there is, and quota for it.

The order is the name, the body, the SKU, the format (a wrong one is answered with 500), the model and its dates, quota.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..openai.jobs import Job
from . import arm_schema
from .bases import SKUS, Base
from .book import Book
from .refusals import Refusal, refusal
from .tuned_models import base_of, maker

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])")
TUNED_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Asked:
    """A body that is in order. `others` are properties beside the model."""

    sku: str
    capacity: int
    model: dict[str, Any]
    others: dict[str, Any]
    tags: dict[str, str] | None
    base: Base
    served: str
    job: Job | None


def read(book: Book, name: str, body: dict[str, Any], now: datetime) -> Asked:
    """The body of a PUT; refused where it breaks a rule."""
    if not NAME.fullmatch(name):
        raise _bad(
            "InvalidResourceName",
            f"The deployment name '{name}' must have 2 to 64 letters, digits, '-', '_' or '.', and begin and end with "
            "a letter or a digit.",
        )
    if found := arm_schema.wrong("Deployment", body, asked=True):
        raise _bad("InvalidRequestContent", f"The request content was invalid: {found}.")
    sku = body.get("sku") or {}
    if sku.get("name") not in SKUS:
        raise _bad("InvalidResourceProperties", f"The sku {sku.get('name')!r} is not supported.")
    capacity = sku.get("capacity", 1)
    if capacity < 1:
        raise _bad("InvalidResourceProperties", "The capacity must be at least 1.")
    properties = dict(body.get("properties") or {})
    model = properties.pop("model", None) or {}
    if not model.get("format") or not model.get("name"):
        raise _bad("InvalidResourceProperties", "The model needs a format and a name.")
    base, served, job = _served(book, model, now)
    _refuse_sku(base, job, sku["name"])
    return Asked(sku["name"], capacity, model, properties, body.get("tags"), base, served, job)


def refuse_by_quota(book: Book, name: str, asked: Asked, now: datetime) -> None:
    """Refused (429) where the resource has too many tuned deployments, or the region no capacity left."""
    others = [one for one in book.occupying(now) if one.name != name or one.ended]
    tuned = sum(one.job is not None for one in others)
    if asked.job is not None and tuned >= book.settings.tuned_deployments:
        raise Refusal(
            429,
            f"The resource has {tuned} deployments of tuned models already.",
            code="InsufficientQuota",
        )
    left = book.settings.capacity_quota - sum(one.capacity for one in others)
    if asked.capacity > left:
        raise Refusal(
            429,
            f"This operation requires {asked.capacity} new capacity in quota Tokens Per Minute (thousands), which is "
            f"bigger than the current available capacity {left}.",
            code="InsufficientQuota",
        )


def _served(book: Book, model: dict[str, Any], now: datetime) -> tuple[Base, str, Job | None]:
    """The base below, the name of what is served, and the job that made it."""
    name, version = model["name"], model.get("version")
    made = maker(book, name, now)
    if made is not None:
        served, job = made
        base = base_of(book, job)
        right, ends = version in (None, TUNED_VERSION), base.tuned_end
    else:
        found = [one for one in book.tuned_bases.values() if one.model == name]
        if not found:
            raise _unsupported(model)
        base, served, job = found[0], found[0].name, None
        right, ends = version in (None, base.version), base.shutdown
    if model["format"] != base.format:
        raise refusal("InternalServerError")
    if not right:
        raise _unsupported(model)
    if ends is not None and now.date() >= ends:
        raise _bad(
            "ServiceModelDeprecated",
            f"The model '{_said(model)}' has been deprecated since {ends.isoformat()}.",
        )
    return base, served, job


def _refuse_sku(base: Base, job: Job | None, sku: str) -> None:
    """Developer is for OpenAI's tuned models; open models are served globally or in a data zone."""
    developer, opened = sku == "DeveloperTier", base.format != "OpenAI"
    if (developer and (job is None or opened)) or (opened and sku == "Standard"):
        raise _bad(
            "InvalidResourceProperties", f"The sku {sku!r} is not supported for {base.name}."
        )


def _unsupported(model: dict[str, Any]) -> Refusal:
    return _bad(
        "DeploymentModelNotSupported",
        f"The model '{_said(model)}' of account deployment is not supported.",
    )


def _said(model: dict[str, Any]) -> str:
    version = model.get("version") or ""
    return f"Format: {model['format']}, Name: {model['name']}, Version: {version}"


def _bad(code: str, message: str) -> Refusal:
    return Refusal(400, message, code=code)
