"""What Azure asks of a create beyond OpenAI's rules: trainingType, a narrower suffix, methods by base, its own dates.

A create without a trainingType gets the answer that misled many: that the base cannot be tuned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from ..openai import create_rules as openai
from .bases import SPELLINGS, Base
from .refusals import Refusal, unsupported

SUFFIX = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True)
class Asked(openai.Asked):
    """A body that is in order. `spelling` is that of the trainingType, `kind` what it means."""

    spelling: str = ""
    kind: str = ""


def read(body: dict[str, Any]) -> Asked:
    """The body's fields; Refusal (400) where one breaks a rule."""
    rest = {name: value for name, value in body.items() if name != "trainingType"}
    asked = openai.read(rest)
    if asked.suffix is not None and not SUFFIX.fullmatch(asked.suffix):
        raise Refusal(
            400,
            "The suffix may have at most 40 of the characters a-z, A-Z, 0-9, - and _.",
            code="invalidPayload",
        )
    spelling = body.get("trainingType")
    if spelling is None:
        raise unsupported()
    kind = SPELLINGS.get(spelling) if isinstance(spelling, str) else None
    if kind is None:
        raise Refusal(400, f"{spelling!r} is no trainingType.", code="invalidPayload")
    told = {entry.name: getattr(asked, entry.name) for entry in fields(openai.Asked)}
    return Asked(**told, spelling=spelling, kind=kind)


def tunable(base: Base | None, asked: Asked, existing: bool, now: datetime) -> Base:
    """The base with the price of the training asked for; refused where it cannot be trained so, or not any more.

    An existing customer trains longer than a new one where the schedule says so; whoever asks is `existing` or not.
    """
    if base is None or asked.method not in base.methods:
        raise unsupported()
    ends = base.closed_from if existing else min_date(base.closed_from, base.new_until)
    if ends is not None and now.date() >= ends:
        raise Refusal(
            400,
            f"The model {base.name} has been retired for fine-tuning on {ends.isoformat()}.",
            code="invalidPayload",
        )
    found = base.trained_as(asked.kind)
    if found.train is None:
        raise unsupported()
    return found


def min_date(*days: Any) -> Any:
    """The earliest of those that are known."""
    return min((day for day in days if day is not None), default=None)
