"""Deployments of the stand-in provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ftkit.backend import ModelRecord, Running
from ftkit.catalogue import Catalogue
from ftkit.http.replies import ident, inner, optional_number, optional_text, text
from ftkit.testing.fake_backend.client import Client
from ftkit.testing.fake_backend.wire import iso, money

if TYPE_CHECKING:
    from ftkit.testing.fake_backend import FakeSettings


class FakeHosting:
    """Hosting of the stand-in provider."""

    idempotent_start = False

    def __init__(self, client: Client, settings: FakeSettings, catalogue: Catalogue) -> None:
        self.listing_lag_s = settings.listing_lag_s
        self.idempotent_start = settings.idempotent
        self._client = client
        self._catalogue = catalogue

    def rate_key(self, record: ModelRecord) -> str | None:
        """Only "dedicated" and what is tuned from it answers from a deployment."""
        facts = self._catalogue.model(record.base)
        return None if facts is None else facts.rates.get("hosting")

    def start(self, record: ModelRecord, key: str) -> Running:
        """One POST."""
        body = {"model": record.native, "metadata": {"key": key}}
        return _running(self._client.create("/v1/deployments", body, key))

    def find(self, key: str) -> list[Running]:
        """Running deployments with this key, oldest first."""
        return [_running(found) for found in self._client.pages("/v1/deployments", key=key)][::-1]

    def stop(self, id: str) -> None:
        """Stop; stopping twice is fine."""
        self._client.http.delete(f"/v1/deployments/{id}")

    def running(self) -> list[Running]:
        """Every running deployment of the account."""
        return [_running(found) for found in self._client.pages("/v1/deployments")]


def _running(reply: dict[str, Any]) -> Running:
    return Running(
        id=ident(reply, "id"),
        model=text(reply, "model"),
        usd_per_hour=money(reply, "usd_per_hour"),
        since=iso(reply, "created_at"),
        key=optional_text(inner(reply, "metadata"), "key"),
        until=None if optional_number(reply, "stops_at") is None else iso(reply, "stops_at"),
    )
