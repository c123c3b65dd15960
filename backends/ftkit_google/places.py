"""Where an instance leads: its project, the location that tunes, the address of each location and of Cloud Storage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ftkit.catalogue import Catalogue
from ftkit.errors import AuthError, ConfigError, NotInstalled
from ftkit.http import HttpClient
from ftkit_google.credentials import Credentials
from ftkit_google.names import host_of

if TYPE_CHECKING:
    from ftkit_google import GoogleSettings

_DEFAULT_LOCATION = "us-central1"
_STORAGE = "https://storage.googleapis.com"


class Places:
    """Looked up at each use, in the settings and in Google's own variables."""

    def __init__(
        self, settings: GoogleSettings, catalogue: Catalogue, credentials: Credentials
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._tunes_in = {
            region
            for facts in catalogue.models.values()
            if facts.serving == "serverless"
            for region in facts.regions or ()
        }

    @property
    def project(self) -> str:
        """The project's id; ConfigError where nobody names one."""
        named = self._named_project or self._credentials.project
        if not named:
            raise ConfigError(
                "google: no project is named; set GOOGLE_CLOUD_PROJECT, or `project` in your configuration"
            )
        return named

    @property
    def location(self) -> str:
        """Where jobs run. GOOGLE_CLOUD_LOCATION is often "global", where no Gemini can be tuned."""
        if self._settings.location:
            return self._settings.location
        named = os.environ.get("GOOGLE_CLOUD_LOCATION", "")
        return named if named in self._tunes_in else _DEFAULT_LOCATION

    def address(self, location: str) -> str:
        """A location's address as it may be shown; raises ConfigError where it has a login or a query."""
        given = self._given_address
        url = given.replace("{location}", location) if given else host_of(location)
        return HttpClient(url, auth=None).address.rstrip("/")

    @property
    def storage(self) -> str:
        """Cloud Storage's address."""
        given = self._settings.storage_endpoint or os.environ.get("STORAGE_EMULATOR_HOST")
        return HttpClient(given or _STORAGE, auth=None).address.rstrip("/")

    def scope(self) -> str:
        """`google|host|project|location`; reads credentials only where nothing else names the project."""
        try:
            project = self.project
        except (AuthError, ConfigError, NotInstalled):
            project = "?"
        location = self.location
        return "|".join(("google", self.address(location).partition("://")[2], project, location))

    def place(self) -> tuple[str | None, str | None]:
        """What pools of connections are for."""
        return self._given_address, self._named_project

    @property
    def _named_project(self) -> str | None:
        return self._settings.project or os.environ.get("GOOGLE_CLOUD_PROJECT") or None

    @property
    def _given_address(self) -> str | None:
        return self._settings.endpoint or os.environ.get("GOOGLE_VERTEX_BASE_URL") or None
