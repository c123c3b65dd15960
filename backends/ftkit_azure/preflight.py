"""What only Azure knows, read before anything is sent: whether a base may still be trained, and how many jobs there may be."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from ftkit import clock
from ftkit.backend import Base, JobStatus, Refused, Remote
from ftkit.catalogue import Catalogue
from ftkit.errors import AuthError, CapabilityError, LifecycleError, NotFound, ProviderError
from ftkit_azure import tiers
from ftkit_azure.control import Control
from ftkit_openai.client import Client
from ftkit_openai.verdicts import Forbidden

# by Azure's page of quotas, for one resource
MOST_QUEUED, MOST_JOBS = 20, 100

log = logging.getLogger("ftkit")


def pass_checks(
    client: Client, control: Control, catalogue: Catalogue, base: Base, jobs: Iterable[Remote]
) -> None:
    """Raise LifecycleError or CapabilityError where a create would fail; AuthError and Unavailable pass through."""
    _is_there(client, catalogue, base)
    if control.configured:
        _may_be_trained(control, catalogue, base)
    _room(jobs)


def _is_there(client: Client, catalogue: Catalogue, base: Base) -> None:
    facts = catalogue.model(base.id)
    instead = "" if facts is None else facts.instead
    try:
        told = client.read(
            "GET /models/ID", lambda sdk: sdk.models.with_raw_response.retrieve(base.id)
        )
    except NotFound as error:
        if not base.id.startswith("gpt-"):
            log.debug("the resource lists no %s, and may train it all the same: %s", base.id, error)
            return
        raise LifecycleError(
            f"the resource does not offer {base.id} (any more){instead}"
        ) from error
    except (Forbidden, Refused) as error:
        log.debug("the key may not read models, so the catalogue's dates have to do: %s", error)
        return
    _not_past(base, instead, told.get("deprecation"), "fine_tune")


def _may_be_trained(control: Control, catalogue: Catalogue, base: Base) -> None:
    facts = catalogue.model(base.id)
    instead = "" if facts is None else facts.instead
    try:
        model = tiers.model_of(base.id, base.id)
        told = control.listed_model(model["name"], model["version"])
    except (CapabilityError, AuthError, NotFound, Refused) as error:
        log.debug("the control plane tells no dates of %s: %s", base.id, error)
        return
    if told is None:
        log.debug("the resource's region does not list %s", base.id)
        return
    _not_past(base, instead, told.get("deprecation"), "fineTune")


def _not_past(base: Base, instead: str, told: Any, field: str) -> None:
    day = _day(told, field)
    if day is not None and day <= clock.now().date():
        raise LifecycleError(
            f"Azure trains no {base.id} any more: the last day was before {day}, by its own list of models{instead}"
        )


def _day(told: Any, field: str) -> date | None:
    """A date of a model's `deprecation`: ISO time at the control plane, epoch seconds at the other; None where none is told."""
    said = told.get(field) if isinstance(told, Mapping) else None
    try:
        if isinstance(said, int | float) and not isinstance(said, bool):
            return datetime.fromtimestamp(said, UTC).date()
        return date.fromisoformat(said[:10]) if isinstance(said, str) and said else None
    except (ValueError, OverflowError, OSError) as error:
        raise ProviderError(f"Azure's {field} of a model is no date") from error


def _room(jobs: Iterable[Remote]) -> None:
    """Three of them run at once, five of the developer tier; the others wait, and the queue has an end."""
    every = list(jobs)
    queued = sum(one.status is JobStatus.QUEUED for one in every)
    if queued >= MOST_QUEUED:
        raise CapabilityError(
            f"{queued} jobs wait at the resource already, and Azure lets {MOST_QUEUED} wait; wait for some to end"
        )
    if len(every) >= MOST_JOBS:
        raise CapabilityError(
            f"the resource keeps {len(every)} jobs, and Azure allows {MOST_JOBS} in all, ended ones too; delete some in the "
            "portal"
        )
