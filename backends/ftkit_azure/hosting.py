"""Deployments at Azure. Their name is our key: a start that is repeated makes the same one, and never a second.

A deployment is charged from its creation on, asked or not, until it is deleted; Azure itself removes one of the developer
tier after a day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ftkit.backend import ModelRecord, NotSent, OutcomeUnknown, Refused, Running
from ftkit.catalogue import Catalogue, ModelFacts
from ftkit.errors import CapabilityError, ConfigError, NotFound, ProviderError
from ftkit.http.replies import ident, inner, optional_text, text
from ftkit_azure import tiers, wire
from ftkit_azure.control import Control

if TYPE_CHECKING:
    from ftkit_azure import AzureSettings

FREE_BASE, FREE_DEVELOPER = "base.hosting", "developer.hosting"
_ENDED = {"deleting", "deleted", "failed", "canceled", "disabled"}
_KEY = re.compile(r"ftk[a-z2-7]{13}[1-9][0-9]?")
_KEY_TAG, _BASE_TAG = "ftkit_key", "ftkit_base"
_DEVELOPER_LASTS = timedelta(hours=24)
_MEND = {
    "InsufficientQuota": "ask for more quota, lower `capacity`, or take another region; what a deployment held that was "
    "deleted a moment ago is free after some 20 seconds",
    "QuotaExceeded": "ask for more quota, lower `capacity`, or take another region; what a deployment held that was "
    "deleted a moment ago is free after some 20 seconds",
    "AuthorizationFailed": "deploying needs the role Foundry Owner on the resource",
}


class AzureHosting:
    """Hosting at Azure."""

    idempotent_start = True  # a PUT of the same name and body changes nothing

    def __init__(self, control: Control, settings: AzureSettings, catalogue: Catalogue) -> None:
        self.listing_lag_s = 0.0  # it is looked for by its name, not in the list
        self._control = control
        self._settings = settings
        self._catalogue = catalogue

    def rate_key(self, record: ModelRecord) -> str | None:
        """By the tier of the deployment; a base costs nothing by the hour. None where the settings name a deployment."""
        if self.named(record) is not None:
            return None
        facts, tier = self._facts(record.base), self._tier(record)
        return self._rate(record.tuned, facts, tier)

    def named(self, record: ModelRecord) -> str | None:
        """The deployment that the settings name for a model, by its id, its catalogue name or one of its aliases."""
        facts = None if record.tuned else self._facts(record.native)
        names = (record.native, *(facts.aliases if facts is not None else ()))
        return next(
            (self._settings.deployments[n] for n in names if n in self._settings.deployments), None
        )

    def start(self, record: ModelRecord, key: str) -> Running:
        """One PUT."""
        try:
            reply = self._control.deploy(key, self._body(record, key))
        except (CapabilityError, ConfigError) as error:
            raise NotSent(f"nothing was sent: {error}") from error
        except Refused as error:
            mend = _MEND.get(error.code)
            raise Refused(
                error.code, f"{error.message}; {mend}" if mend else error.message
            ) from None
        try:
            made = self._running(reply)
        except ProviderError as error:
            raise OutcomeUnknown(f"Azure has answered the start, but {error}") from error
        if made.id != key:
            raise OutcomeUnknown(
                f"Azure has answered the start with {made.id}, which is not the deployment that was asked for"
            )
        return made

    def find(self, key: str) -> list[Running]:
        """The deployment of that name, unless it has ended."""
        try:
            found = self._control.deployment(key)
        except NotFound:
            return []
        return [] if state(found) in _ENDED else [self._running(found)]

    def stop(self, id: str) -> None:
        """Delete it. Azure takes some seconds more to free its quota."""
        try:
            self._control.remove(id)
        except NotFound:
            return

    def running(self) -> list[Running]:
        """Every deployment of the resource that has not ended, also those that cost nothing by the hour."""
        return [
            self._running(one) for one in self._control.deployments() if state(one) not in _ENDED
        ]

    def serving(self, native: str) -> list[dict[str, Any]]:
        """Deployments of a model that answer or soon will, the best first: ready before begun, then the oldest."""
        found = [
            one
            for one in self._control.deployments()
            if state(one) not in _ENDED and tiers.native_of(_model(one)) == native
        ]
        return sorted(found, key=lambda one: (state(one) != "succeeded", since(one)))

    def _body(self, record: ModelRecord, key: str) -> dict[str, Any]:
        sku = {"name": tiers.sku(self._tier(record)), "capacity": self._settings.capacity}
        return {
            "sku": sku,
            "properties": {"model": dict(tiers.model_of(record.native, record.base))},
            "tags": {_KEY_TAG: key, _BASE_TAG: record.base},
        }

    def _tier(self, record: ModelRecord) -> str | None:
        asked = self._settings.deployment_tier
        if not record.tuned and asked == tiers.DEVELOPER:
            asked = None  # a tier for tuned models
        return tiers.deployment_tier(asked, self._settings.tier, self._facts(record.base))

    def _facts(self, name: str) -> ModelFacts | None:
        return self._catalogue.model(name)

    def _rate(self, tuned: bool, facts: ModelFacts | None, tier: str | None) -> str:
        if not tuned:
            return FREE_BASE
        if tier == tiers.DEVELOPER:
            return FREE_DEVELOPER
        if facts is None or tier is None or tier not in facts.tiers:
            return "unknown"
        return facts.at(tier).rates.get("hosting", "unknown")

    def _running(self, found: Mapping[str, Any]) -> Running:
        """A deployment; ProviderError names a field that is not as it should be."""
        model, name = _model(found), ident(found, "name")
        native, tags = tiers.native_of(model), found.get("tags")
        tags = tags if isinstance(tags, dict) else {}
        base = wire.base_name(native)
        if native.startswith(wire.CHECKPOINT):
            base = optional_text(tags, _BASE_TAG) or base
        tier = tiers.tier_of(text(inner(found, "sku"), "name"))
        tuned, begun = wire.is_tuned(native), since(found)
        key = optional_text(tags, _KEY_TAG) or (name if _KEY.fullmatch(name) else None)
        ends = begun + _DEVELOPER_LASTS if tier == tiers.DEVELOPER else None
        return Running(
            id=name,
            model=native,
            usd_per_hour=self._usd_per_hour(tuned, base, tier),
            since=begun.isoformat(),
            key=key,
            until=None if ends is None else ends.isoformat(),
        )

    def _usd_per_hour(self, tuned: bool, base: str, tier: str | None) -> Decimal | None:
        """None for what the catalogue does not price, such as reserved capacity."""
        if tier is None:
            return None
        return self._catalogue.rates[self._rate(tuned, self._facts(base), tier)].usd


def state(found: Mapping[str, Any]) -> str:
    """The deployment's provisioning state in lower case."""
    return text(inner(found, "properties"), "provisioningState").lower()


def since(found: Mapping[str, Any]) -> datetime:
    """When it was created."""
    said = text(inner(found, "systemData"), "createdAt")
    try:
        moment = datetime.fromisoformat(said)
    except ValueError as error:
        raise ProviderError("Azure's createdAt of a deployment is no time") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _model(found: Mapping[str, Any]) -> dict[str, Any]:
    model = inner(inner(found, "properties"), "model")
    text(model, "name")
    return model
