"""Whose account a key leads to, as OpenAI itself says it: a key belongs to one organisation and one project."""

from __future__ import annotations

from collections.abc import Mapping

from ftkit.http.replies import items
from ftkit.http.shown import one_line
from ftkit_openai.client import Client


class Account:
    """The scope of one client. Asked for once for each key, address and setting."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: tuple[int, str] | None = None

    def scope(self) -> str:
        """`openai|host|organisation|project`, "?" for what is not known.

        What OpenAI says comes before the settings: two machines must give one account one name, or each starts a job of
        its own.
        """
        account = self._client.fingerprint()
        if self._known is None or self._known[0] != account:
            reply, heard = self._client.heard(
                "GET /fine_tuning/jobs",
                lambda sdk: sdk.fine_tuning.jobs.with_raw_response.list(limit=1),
            )
            items(reply, "data")  # what is no list was not said by OpenAI, and names no account
            organisation, project = self._client.account
            pieces = (
                "openai",
                self._client.address.partition("://")[2],
                _piece(heard, "openai-organization") or organisation or "?",
                _piece(heard, "openai-project") or project or "?",
            )
            self._known = (account, "|".join(pieces))
        return self._known[1]


def _piece(heard: Mapping[str, str], name: str) -> str:
    return one_line(heard.get(name, ""), 100).replace("|", "-").strip()
