"""Azure's data plane through OpenAI's SDK: another address, another header, and names of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ftkit.backend import LostReply
from ftkit.errors import AuthError, ConfigError, FtkitError, NotFound
from ftkit.http import HttpClient
from ftkit.http.exchange import Lost, Seen
from ftkit.http.verdicts import Verdict
from ftkit.secrets import Secret
from ftkit_azure.identity import DATA_SCOPE, Identity
from ftkit_openai.client import Client

if TYPE_CHECKING:
    from ftkit_azure import AzureSettings

_V1 = "/openai/v1"
_HOSTS = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
NOT_READY = frozenset({"DeploymentNotReady", "DeploymentNotFound"})

MENDS: Mapping[str, str] = {
    "insufficient_quota": "the resource's quota is used up; raise it in the portal, then try again",
    "Unauthorized": "is the key that of this resource?",
    "PermissionDenied": "training needs the role Foundry User on the resource",
    "rate_limit_exceeded": "wait for one of the running jobs to end, then submit again",
    "model_not_available": "this base cannot be tuned (any more)",
}


class NotServed(NotFound):
    """No deployment of this name answers; `loading` where Azure says that there is one, and that it is not ready."""

    def __init__(self, message: str, *, loading: bool = False) -> None:
        self.loading = loading
        super().__init__(message)


class AzureClient(Client):
    """One resource. The address and the key are looked up at each use."""

    name = "azure"
    title = "Azure"
    mends = MENDS

    def __init__(self, settings: AzureSettings) -> None:
        super().__init__(settings)
        self._given = settings
        entra = settings.auth == "entra"
        self.identity = Identity(
            DATA_SCOPE, None if entra else Secret(settings.api_key_env), Secret(settings.token_env)
        )
        self._only_key = settings.auth == "key"

    @property
    def address(self) -> str:
        """The resource's or project's address up to /openai/v1; AuthError where none is named."""
        given = self._given.base_url or os.environ.get("AZURE_OPENAI_BASE_URL")
        if given is None:
            named = self._given.endpoint or os.environ.get("AZURE_OPENAI_ENDPOINT")
            if not named:
                raise AuthError(
                    "AZURE_OPENAI_ENDPOINT is not set; export it (https://RESOURCE.openai.azure.com), or name the endpoint "
                    "in [providers.azure]"
                )
            given = named.rstrip("/")
            if not given.endswith(_V1):
                given += _V1
        shown = HttpClient(given, auth=None).address.rstrip("/")
        if not urlsplit(shown).path.rstrip("/").endswith("/v1"):
            raise ConfigError(
                f"{shown} is no address of Azure's v1 API, which ends in {_V1} and takes no api-version; "
                "set endpoint to https://RESOURCE.openai.azure.com alone"
            )
        return shown

    @property
    def account(self) -> tuple[str | None, str | None]:
        """Azure knows neither organisations nor OpenAI's projects: the SDK's own variables have no business here."""
        return "", ""

    @property
    def resource(self) -> str:
        """The resource by the first label of its host; another host (a gateway) as it is, with its port."""
        where = urlsplit(self.address)
        host = (where.hostname or "").lower()
        return host.partition(".")[0] if host.endswith(_HOSTS) else where.netloc.lower()

    @property
    def project(self) -> str | None:
        """The project whose route this is; None on the resource's own."""
        _, _, after = urlsplit(self.address).path.partition("/api/projects/")
        return after.partition("/")[0] or None

    def scope(self) -> str:
        """`azure|resource|project`, "-" for the resource's own route."""
        return f"{self.name}|{self.resource}|{self.project or '-'}"

    async def aask(self, what: str, call: Callable[[Any], Awaitable[Any]]) -> dict[str, Any]:
        """`ask` without blocking the event loop."""
        await self._token()
        return await super().aask(what, call)

    async def astream(
        self, what: str, call: Callable[[Any], Awaitable[Any]]
    ) -> AsyncIterator[dict[str, Any]]:
        """`stream` without blocking the event loop."""
        await self._token()
        async for piece in super().astream(what, call):
            yield piece

    async def _token(self) -> None:
        """Let a token be fetched in a thread, so that the request finds it in its cache."""
        if self.identity.fetches:
            with suppress(FtkitError):  # the request itself meets it again
                await asyncio.to_thread(self._auth)

    def _auth(self) -> Mapping[str, str]:
        if self._only_key:
            return {"api-key": Secret(self._given.api_key_env).reveal()}
        return self.identity()

    def _hidden(self) -> tuple[str, ...]:
        return self.identity.hidden()

    def _of_answer(self, what: str, result: Seen | Lost) -> Verdict:
        """Not ready and not there are one thing to whoever asks: nothing was made of the question, and nothing is billed."""
        verdict = super()._of_answer(what, result)
        if isinstance(result, Seen) and result.code in NOT_READY and not isinstance(verdict, dict):
            said = verdict.message if isinstance(verdict, LostReply) else str(verdict)
            return NotServed(said, loading=result.code == "DeploymentNotReady")
        return verdict
