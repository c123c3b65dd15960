"""How long a model can be trained and used, by the dates of its row. Time zone of all dates: the provider's, so the day is UTC's."""

from __future__ import annotations

from datetime import date, timedelta

from ftkit.catalogue.schema import ModelFacts

RETIRING = timedelta(
    days=90
)  # what is switched off so soon is trained only by somebody who says so


def closed(name: str, facts: ModelFacts, today: date) -> str | None:
    """Why no job may be started on it whatever is allowed; None where one may."""
    if facts.training_until is not None and today > facts.training_until:
        first = facts.training_until + timedelta(days=1)
        return f"{name} takes no new training jobs since {first} {told(facts)}"
    if facts.shutdown is not None and today >= facts.shutdown:
        return switched_off(name, facts.shutdown, told(facts))
    return None


def switched_off(name: str, day: date, basis: str) -> str:
    """The sentence about a model that is gone."""
    return f"{name} was switched off on {day} {basis}"


def retires(day: date, today: date) -> bool:
    """Whether a model that is switched off on that day must be allowed by name."""
    return day - today <= RETIRING


def ends(name: str, day: date, today: date) -> str:
    """The sentence about a model that will be gone."""
    return f"{name} is switched off on {day}, in {(day - today).days} days, and what is tuned from it with it"


def told(facts: ModelFacts) -> str:
    """The tail of a sentence: on what it rests, and what to take instead."""
    return f"({facts.basis}){facts.instead}"
