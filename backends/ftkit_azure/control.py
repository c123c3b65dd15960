"""The control plane (Azure Resource Manager): deployments of one resource, and what its region says of models.

Plain HTTP instead of its SDK, so that the outcome of a paid PUT is ours to tell; no request is repeated here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ftkit.errors import ConfigError, ProviderError
from ftkit.http import HttpClient, pages
from ftkit.http.replies import items, optional_text, text
from ftkit.secrets import Secret
from ftkit_azure.client import AzureClient
from ftkit_azure.identity import ARM_SCOPE, Identity

if TYPE_CHECKING:
    from ftkit_azure import AzureSettings

_VERSION = {"api-version": "2024-10-01"}


class Control:
    """The resource that the data plane's address leads to, or the account that the settings name."""

    def __init__(self, settings: AzureSettings, client: AzureClient) -> None:
        self._settings = settings
        self._client = client
        self._http = HttpClient(
            settings.arm_url,
            auth=Identity(ARM_SCOPE, None, Secret(settings.arm_token_env)),
            timeout_s=settings.timeout_s,
        )

    @property
    def configured(self) -> bool:
        """True where the settings or Azure's own variables say where the resource lies."""
        return bool(self._subscription and self._group)

    def deployments(self) -> Iterator[dict[str, Any]]:
        """Every deployment of the resource, whatever its state."""
        return self._pages(f"{self._account()}/deployments")

    def deployment(self, name: str) -> dict[str, Any]:
        """One deployment; raises NotFound."""
        found = self._http.get(f"{self._account()}/deployments/{name}", _VERSION)
        if text(found, "name") != name:
            raise ProviderError(
                f"Azure was asked for the deployment {name}, and answered with another one"
            )
        return found

    def deploy(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create it or, where there is one of that name, make it so; raises what a paid call raises, and ConfigError."""
        path = f"{self._account()}/deployments/{name}"
        return self._http.create(path, body, params=_VERSION, method="PUT")

    def remove(self, name: str) -> None:
        """Delete a deployment; raises NotFound."""
        self._http.delete(f"{self._account()}/deployments/{name}", _VERSION)

    def listed_model(self, name: str, version: str) -> dict[str, Any] | None:
        """What the resource's region says of a model now; None where it does not list it."""
        location = text(self._http.get(self._account(), _VERSION), "location")
        place = "".join(location.split()).lower()
        path = (
            f"/subscriptions/{self._subscription}/providers/Microsoft.CognitiveServices"
            f"/locations/{place}/models"
        )
        for one in self._pages(path):
            model = one.get("model")
            if isinstance(model, dict) and (model.get("name"), model.get("version")) == (
                name,
                version,
            ):
                return model
        return None

    @property
    def _subscription(self) -> str:
        return self._settings.subscription or os.environ.get("AZURE_SUBSCRIPTION_ID", "").strip()

    @property
    def _group(self) -> str:
        return self._settings.resource_group or os.environ.get("AZURE_RESOURCE_GROUP", "").strip()

    def _account(self) -> str:
        if not self.configured:
            raise ConfigError(
                "Azure deploys through its control plane: set subscription and resource_group in [providers.azure], or "
                "AZURE_SUBSCRIPTION_ID and AZURE_RESOURCE_GROUP"
            )
        account = self._settings.account or self._client.resource
        return (
            f"/subscriptions/{self._subscription}/resourceGroups/{self._group}"
            f"/providers/Microsoft.CognitiveServices/accounts/{account}"
        )

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        def fetch(link: str | None) -> tuple[list[dict[str, Any]], str | None]:
            reply = self._http.get(path, _VERSION) if link is None else self._http.get(link)
            return items(reply, "value"), self._inside(optional_text(reply, "nextLink"))

        yield from (one for page in pages(fetch, what=f"GET {path}") for one in page)

    def _inside(self, link: str | None) -> str | None:
        """The next page as a path of this host: a link elsewhere would take the token there."""
        if not link:
            return None
        base = self._http.address.rstrip("/")
        if not link.startswith(f"{base}/"):
            raise ProviderError("Azure's list goes on at another host, where nothing was sent")
        return link.removeprefix(base)
