"""HTTP to the stand-in provider: its address and key, its account, and its pages."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ftkit.errors import ConfigError, ProviderError
from ftkit.http import HttpClient, KeyHeader, pages
from ftkit.http.replies import flag, items, text
from ftkit.secrets import Secret

if TYPE_CHECKING:
    from ftkit.testing.fake_backend import FakeSettings

_PAGE = 100


class Client:
    """One account at one address. The address is looked up at the first request."""

    def __init__(self, settings: FakeSettings) -> None:
        self._settings = settings
        self._secret = Secret(settings.api_key_env)
        self._http: HttpClient | None = None
        self._http_url = ""
        self._scope: str | None = None

    @property
    def url(self) -> str:
        """The provider's address as it was given, unchecked; raises ConfigError where none is known."""
        url = self._settings.url or os.environ.get(self._settings.url_env)
        if not url:
            raise ConfigError(
                f"the address of the provider is not known: set {self._settings.url_env}, or url in [providers] of your "
                "user configuration"
            )
        return url.rstrip("/")

    @property
    def http(self) -> HttpClient:
        """The client that makes requests."""
        if self._http is None or self._http_url != self.url:
            self._http = HttpClient(
                self.url, auth=KeyHeader(self._secret), timeout_s=self._settings.timeout_s
            )
            self._http_url = self.url
        return self._http

    @property
    def address(self) -> str:
        """The provider's address as it may be shown; raises ConfigError where it has a login or a query."""
        return self.http.address

    def scope(self) -> str:
        """`fake|host|organisation|region`; the organisation is read once where the settings lack it."""
        if self._settings.organisation is not None:
            organisation = self._settings.organisation
        else:
            if self._scope is None:
                self._scope = text(self.http.get("/v1/account"), "organisation")
            organisation = self._scope
        return "|".join(
            ("fake", self.address.partition("://")[2], organisation, self._settings.region)
        )

    def create(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        """A paid POST; the key goes along as a token where the provider heeds it."""
        headers = {"Idempotency-Key": key} if self._settings.idempotent else None
        return self.http.create(path, body, headers=headers)

    def pages(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Every object of a list, newest first."""

        def fetch(cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
            after = {} if cursor is None else {"after": cursor}
            reply = self.http.get(path, {"limit": _PAGE, **query, **after})
            found = items(reply, "data")
            if not flag(reply, "has_more"):
                return found, None
            if not found:  # taken for the end, it would say that a job is not there
                raise ProviderError(f"GET {path}: an empty page says that more follow")
            return found, text(found[-1], "id")

        return [found for page in pages(fetch, what=f"GET {path}") for found in page]
