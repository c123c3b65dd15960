"""The only file that imports Anthropic's SDK, inside functions.

The SDK looks for credentials in many places (variables, profiles on disk, federation); it is given a stand-in for a key, so
that it looks nowhere, and the hooks put the real one into each request.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ftkit.errors import CapabilityError, FtkitError, NotInstalled, ProviderError
from ftkit.http import HttpClient
from ftkit.http.exchange import Lost, Seen
from ftkit.http.sdk import SdkClient
from ftkit.http.sdk.client import redacting
from ftkit.http.sdk.hooks import Journey
from ftkit.http.verdicts import Verdict
from ftkit.secrets import Secret
from ftkit_anthropic.verdicts import answer_verdict, create_verdict, read_verdict

if TYPE_CHECKING:
    from ftkit_anthropic import AnthropicSettings

DEFAULT_URL = "https://api.anthropic.com"

for _name in ("anthropic", "anthropic._base_client", "anthropic._response"):
    logging.getLogger(_name).addFilter(redacting)


class Client(SdkClient):
    """One account at one address."""

    _CLIENT, _ASYNC_CLIENT = "Anthropic", "AsyncAnthropic"

    def __init__(self, settings: AnthropicSettings) -> None:
        super().__init__(Secret(settings.api_key_env), settings.timeout_s)
        self._settings = settings

    @property
    def address(self) -> str:
        """Anthropic's address as it may be shown; raises ConfigError where it has a login or a query."""
        given = self._settings.base_url or os.environ.get("ANTHROPIC_BASE_URL") or DEFAULT_URL
        return HttpClient(given, auth=None).address.rstrip("/")

    def scope(self) -> str:
        """`anthropic|host|workspace`; which one a key belongs to Anthropic does not tell."""
        host = self.address.partition("://")[2]
        return "|".join(("anthropic", host, self._settings.workspace or "?"))

    def results(self, id: str) -> Iterator[bytes]:
        """The lines of an ended batch's results as they come, of whatever size; errors as for `read`.

        The SDK's own method goes where a reply says that they lie; here they come from the address that was set.
        """
        what, rest = "GET /v1/messages/batches/ID/results", b""
        self._sdk()
        try:
            with self._results(id) as told:
                for piece in told.iter_bytes():
                    *lines, rest = (rest + piece).split(b"\n")
                    yield from lines
                yield rest
            return
        except Exception as error:  # noqa: BLE001 - what it means is decided below
            found = self._of_read(self._named(what), self._outcome(error, Journey()))
        raise found if isinstance(found, FtkitError) else ProviderError(what)

    def _results(self, id: str) -> Any:
        import httpx2

        headers = {"Accept": "application/binary", "X-Stainless-Raw-Response": "stream"}
        path = f"/v1/messages/batches/{quote(id, safe='')}/results"
        sdk = self._client(None)
        return closing(sdk.get(path, cast_to=httpx2.Response, options={"headers": headers}))

    def _sdk(self) -> Any:
        if find_spec("anthropic") is None:
            raise NotInstalled(
                "Claude is reached through Anthropic's own package: pip install 'ftkit[anthropic]'"
            )
        import anthropic

        return anthropic

    def _options(self) -> dict[str, Any]:
        return {
            "api_key": "added-to-each-request",
            "webhook_key": "",  # a key of the environment that has no business here
            "base_url": self.address,
            "max_retries": 0,
            "timeout": self._timeout(),
            "open_telemetry": False,  # spans would carry what is asked to a third party
        }

    def _of_read(self, what: str, result: Seen | Lost) -> Verdict:
        return read_verdict(what, result)

    def _of_answer(self, what: str, result: Seen | Lost) -> Verdict:
        return answer_verdict(what, result)

    def _of_create(self, what: str, result: Seen | Lost) -> Verdict:
        return create_verdict(what, result)


def enforceable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as Anthropic enforces it: objects closed, bounds of values told in words only.

    Raises CapabilityError for one that it cannot enforce at all.
    """
    if find_spec("anthropic") is None:
        raise NotInstalled("pip install 'ftkit[anthropic]'")
    from anthropic import transform_schema

    try:
        return dict(transform_schema(dict(schema)))
    except (ValueError, TypeError, AttributeError, AssertionError) as error:
        raise CapabilityError(
            f"Anthropic cannot hold an answer to this schema: {error}; write types that it knows, or ask for JSON in words"
        ) from None
