"""Under which name a model answers now: Azure takes the name of a deployment where OpenAI takes that of a model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ftkit import clock
from ftkit.backend import ModelRecord
from ftkit.catalogue import Catalogue
from ftkit.errors import NotDeployed, NotFound, ProviderError
from ftkit.patience import patiently
from ftkit_azure.client import NotServed
from ftkit_azure.control import Control
from ftkit_azure.hosting import AzureHosting, since, state

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 30.0


class Directory:
    """Deployments by model: those that the settings name, else those that the control plane lists."""

    def __init__(self, control: Control, hosting: AzureHosting, catalogue: Catalogue) -> None:
        self.hosting = hosting
        self._control = control
        self._catalogue = catalogue
        self._known: dict[str, str] = {}

    def name(self, record: ModelRecord) -> str:
        """The deployment to ask; raises NotDeployed with the price per hour where there is none."""
        named = self.hosting.named(record) or self._known.get(record.native)
        if named is not None:
            return named
        found = self._serving(record)
        if not found:
            raise self.not_deployed(record)
        name = self._known[record.native] = str(found[0]["name"])
        return name

    def looked_up(self, record: ModelRecord) -> Mapping[str, Any] | None:
        """The deployment anew, as the control plane has it; None where it cannot be asked. Raises NotDeployed."""
        self._known.pop(record.native, None)
        if not self._control.configured:
            return None
        named = self.hosting.named(record)
        try:
            found = [self._control.deployment(named)] if named else self._serving(record)
        except NotFound as error:
            raise NotDeployed(
                f"the settings name the deployment {named} for {record.id}, and there is none of that name"
            ) from error
        if not found:
            raise self.not_deployed(record)
        return found[0]

    def not_deployed(self, record: ModelRecord) -> NotDeployed:
        """The error of a model that no deployment serves."""
        rate = self.hosting.rate_key(record)
        usd = None if rate is None else self._catalogue.rates[rate].usd
        price = "an unknown price an hour" if usd is None else f"{usd:.2f} USD an hour"
        hint = (
            "use `with model.deployed(max_cost_usd=...)`, which starts and stops it, or `ftkit deploy MODEL --hours N`"
            if self._control.configured
            else "name a deployment that is there in `deployments`, or set subscription and resource_group, so that ftkit "
            "finds and makes them"
        )
        return NotDeployed(f"{record.id} answers only while it is deployed, for {price}; {hint}")

    def _serving(self, record: ModelRecord) -> list[dict[str, Any]]:
        if not self._control.configured:
            return []
        return self.hosting.serving(record.native)


class Readiness:
    """One answer's patience with one deployment: one that is new may not answer yet, one that is not new will not."""

    def __init__(self, directory: Directory, record: ModelRecord, loading_s: float) -> None:
        self._directory = directory
        self._record = record
        self._loading = timedelta(seconds=loading_s)
        self._until: datetime | None = None
        self._pause_s = _FIRST_PAUSE_S

    def pause_s(self, error: NotFound) -> float:
        """Seconds until the deployment may answer; raises where there is nothing to wait for (any more)."""
        if not isinstance(error, NotServed):
            raise error
        record = self._record
        found = patiently(record.instance, lambda: self._directory.looked_up(record))
        if found is not None:
            self._until = since(found) + self._loading
        elif not error.loading:
            raise self._directory.not_deployed(record) from error
        elif self._until is None:
            self._until = clock.now() + self._loading
        assert self._until is not None
        left = (self._until - clock.now()).total_seconds()
        if left <= 0:
            raise ProviderError(self._stuck(found, error)) from error
        pause, self._pause_s = self._pause_s, min(2 * self._pause_s, _LONGEST_PAUSE_S)
        return min(pause, left)

    def _stuck(self, found: Mapping[str, Any] | None, error: NotFound) -> str:
        told = "" if found is None else f"{found['name']} is {state(found)}, and yet "
        return (
            f"{told}{self._record.id} has not answered for {self._loading.total_seconds() / 60:.0f} minutes: delete the "
            f"deployment (it goes on costing money), wait 5 minutes and deploy it again ({error})"
        )
