"""The only file that imports OpenAI's SDK, inside functions."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ftkit.errors import NotInstalled
from ftkit.http import HttpClient
from ftkit.http.exchange import Lost, Seen
from ftkit.http.sdk import SdkClient
from ftkit.http.sdk.client import redacting
from ftkit.http.verdicts import Verdict
from ftkit.secrets import Secret
from ftkit_openai.verdicts import MENDS, create_verdict, read_verdict

if TYPE_CHECKING:
    from ftkit_openai import FamilySettings

DEFAULT_URL = "https://api.openai.com/v1"

for _name in ("openai._base_client", "openai._legacy_response", "openai._response"):
    logging.getLogger(_name).addFilter(redacting)


class Client(SdkClient):
    """One account at one address.

    Another provider of the family is a subclass: `name` is its backend's, in records and scopes, `title` its name in
    sentences, `mends` what to do by the code of a refusal.
    """

    name = "openai"
    title = "OpenAI"
    mends: Mapping[str, str] = MENDS

    _CLIENT, _ASYNC_CLIENT = "OpenAI", "AsyncOpenAI"
    _emptied = ("OpenAI-Organization", "OpenAI-Project")

    def __init__(self, settings: FamilySettings) -> None:
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
        organisation, project = (
            getattr(self._settings, name, None) for name in ("organisation", "project")
        )
        organisation = organisation or os.environ.get("OPENAI_ORG_ID") or None
        return organisation, project or os.environ.get("OPENAI_PROJECT_ID") or None

    def fingerprint(self) -> int:
        """A number of this process's own, which changes with the key, the address and the account."""
        return hash((self._secret.reveal(), self.address, self.account))

    def _sdk(self) -> Any:
        if find_spec("openai") is None:
            raise NotInstalled(
                f"{self.title} is reached through the package openai: pip install 'ftkit[{self.name}]'"
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
        return read_verdict(what, result, self.mends)

    def _of_create(self, what: str, result: Seen | Lost) -> Verdict:
        return create_verdict(what, result, self.mends)
