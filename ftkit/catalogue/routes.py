"""What a refusal to tune is made of: the ways on which it was possible once, and what works instead."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict


class Route(BaseModel):
    """A way on which a model was once tuned: since `closed` it takes no new job, on `ended` its base was switched off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    as_of: date
    closed: date | None = None
    ended: date | None = None
    said: str = ""


class Instead(BaseModel):
    """What does work where nothing can be tuned: `what` in three words, `how` in a sentence, with what it rests on.

    In `how` {model} is the model that was asked for, {replacements} are the bases that its row names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    how: str
    source: str = ""
    as_of: date | None = None
