"""What only OpenAI knows, read before anything is sent: until when a base lives, and how many jobs may run.

Whether an organisation may still tune at all cannot be asked: that is refused at the create, after the upload.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date
from typing import Any

from ftkit import clock
from ftkit.backend import Base, Refused
from ftkit.catalogue import Catalogue
from ftkit.errors import CapabilityError, LifecycleError, NotFound, ProviderError
from ftkit.http.replies import optional_text
from ftkit_openai.client import Client
from ftkit_openai.verdicts import Forbidden

log = logging.getLogger("ftkit")


def pass_checks(client: Client, catalogue: Catalogue, base: Base) -> date | None:
    """Raise LifecycleError or CapabilityError where a create would fail; AuthError and Unavailable pass through.

    Returns the day from which OpenAI says that the base does not answer.
    """
    day = _last_day(client, catalogue, base)
    if day is None or day > clock.now().date():  # of one that is gone the limits tell nothing
        _room(client, base)
    return day


def shutdown_date(model: Mapping[str, Any]) -> date | None:
    """The day from which a model does not answer, as OpenAI says; None where it says none."""
    said = optional_text(model, "shutdown_date")
    try:
        return None if said is None else date.fromisoformat(said[:10])
    except ValueError as error:
        raise ProviderError("OpenAI's shutdown_date is no date") from error


def _last_day(client: Client, catalogue: Catalogue, base: Base) -> date | None:
    facts = catalogue.model(base.id)
    instead = "" if facts is None else facts.instead
    try:
        model = client.read(
            "GET /models/ID", lambda sdk: sdk.models.with_raw_response.retrieve(base.id)
        )
    except NotFound as error:
        raise LifecycleError(
            f"OpenAI does not offer {base.id} to this account (any more){instead}"
        ) from error
    except Forbidden as error:
        log.debug("the key may not read models, so the catalogue's dates have to do: %s", error)
        return None
    return shutdown_date(model)


def _room(client: Client, base: Base) -> None:
    """An address that is described in a guide and in no reference: what it does not say is not held against anybody."""
    try:
        limits = client.get("/fine_tuning/model_limits")
    except (NotFound, Refused, Forbidden) as error:
        log.debug("OpenAI tells no limits: %s", error)
        return
    listed = limits.get("data")
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict) or one.get("model") != base.id:
            continue
        active, most = one.get("active_jobs"), one.get("max_concurrent_jobs")
        if isinstance(active, int) and isinstance(most, int) and active >= most:
            raise CapabilityError(
                f"{active} jobs on {base.id} wait or run at OpenAI, and the account allows {most}; wait for one to end"
            )
