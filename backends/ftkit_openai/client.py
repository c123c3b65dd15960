"""The only file that imports OpenAI's SDK, inside functions."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ftkit.errors import NotInstalled
from ftkit.http import HttpClient
from ftkit.http.exchange import Lost, Seen
from ftkit.http.sdk import SdkClient
from ftkit.http.sdk.client import redacting
from ftkit.http.verdicts import Verdict
from ftkit.secrets import Secret
from ftkit_openai.verdicts import create_verdict, read_verdict

if TYPE_CHECKING:
    from ftkit_openai import OpenAISettings

DEFAULT_URL = "https://api.openai.com/v1"

for _name in ("openai._base_client", "openai._legacy_response", "openai._response"):
    logging.getLogger(_name).addFilter(redacting)


class Client(SdkClient):
    """One account at one address."""

    _CLIENT, _ASYNC_CLIENT = "OpenAI", "AsyncOpenAI"
    _emptied = ("OpenAI-Organization", "OpenAI-Project")

    def __init__(self, settings: OpenAISettings) -> None:
        super().__init__(Secret(settings.api_key_env), settings.timeout_s)
        self._settings = settings

    @property
    def address(self) -> str:
        """OpenAI's address as it may be shown; raises ConfigError where it has a login or a query."""
        given = self._settings.base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL
        return HttpClient(given, auth=None).address.rstrip("/")

    @property
    def account(self) -> tuple[str | None, str | None]:
        """The organisation and the project that the settings or OpenAI's own variables name."""
        settings = self._settings
        organisation = settings.organisation or os.environ.get("OPENAI_ORG_ID") or None
        return organisation, settings.project or os.environ.get("OPENAI_PROJECT_ID") or None

    def fingerprint(self) -> int:
        """A number of this process's own, which changes with the key, the address and the account."""
        return hash((self._secret.reveal(), self.address, self.account))

    def _sdk(self) -> Any:
        if find_spec("openai") is None:
            raise NotInstalled(
                "OpenAI is reached through its own package: pip install 'ftkit[openai]'"
            )
        import openai

        return openai

    def _options(self) -> dict[str, Any]:
        organisation, project = self.account
        return {
            # the key is added to each request on its way, and other keys of the environment have no business here
            "api_key": "added-to-each-request",
            "admin_api_key": "",
            "webhook_secret": "",
            "base_url": self.address,
            "organization": organisation,
            "project": project,
            "max_retries": 0,
            "timeout": self._timeout(),
        }

    def _place(self) -> str:
        return "|".join((self.address, *(piece or "" for piece in self.account)))

    def _of_read(self, what: str, result: Seen | Lost) -> Verdict:
        return read_verdict(what, result)

    def _of_create(self, what: str, result: Seen | Lost) -> Verdict:
        return create_verdict(what, result)
