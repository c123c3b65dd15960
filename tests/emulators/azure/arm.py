"""What all rooms of ARM share: whose path it is, versions of the API, links, and lists in pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from ..serving.exchange import Call, Reply, answer
from .book import Book
from .refusals import Refusal

VERSIONS = re.compile(r"20\d\d-\d\d-\d\d(-preview)?")
SINCE = "2023-05-01"  # older versions have no SKU in a deployment


def check_path(book: Book, call: Call) -> None:
    """Refused where the subscription, the group or the resource is another's, or the api-version is missing.

    ARM compares names without regard to case.
    """
    site, ids = book.site, call.ids
    for part, own, code in (
        ("subscription", site.subscription, "SubscriptionNotFound"),
        ("group", site.resource_group, "ResourceGroupNotFound"),
        ("account", site.account, "ResourceNotFound"),
        ("location", site.location, "LocationNotFound"),
    ):
        if part in ids and ids[part].lower() != own.lower():
            raise Refusal(404, f"The {part} '{ids[part]}' could not be found.", code=code)
    version = call.argument("api-version")
    if version is None:
        raise Refusal(
            400,
            "The api-version query parameter (?api-version=) is required for all requests.",
            code="MissingApiVersionParameter",
        )
    if not VERSIONS.fullmatch(version) or version < SINCE:
        raise Refusal(
            400, f"The api-version '{version}' is not supported.", code="InvalidApiVersionParameter"
        )


def link(book: Book, call: Call, path: str, **query: str) -> str:
    """An address at this server as the client reached it."""
    host = call.headers.get("host", "")
    scheme = "https" if host == book.settings.https_host else "http"
    arguments = {"api-version": call.argument("api-version") or "", **query}
    return f"{scheme}://{host}{path}?" + "&".join(f"{k}={v}" for k, v in arguments.items())


def listed(book: Book, call: Call, rows: list[dict[str, Any]]) -> Reply:
    """One page of them, with the link to the next."""
    token = call.argument("$skipToken") or "0"
    if not token.isdigit():
        raise Refusal(400, f"The $skipToken '{token}' is not valid.", code="InvalidSkipToken")
    start, size = int(token), book.settings.page_size
    page: dict[str, Any] = {"value": rows[start : start + size]}
    if start + size < len(rows):
        skip = {"$skipToken": str(start + size)}
        page["nextLink"] = link(book, call, call.path, **skip)
    return answer(page)


def time_of(moment: datetime) -> str:
    """A time as ARM writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def system_data(created: datetime, changed: datetime) -> dict[str, Any]:
    """Who made something and when."""
    who = {"createdBy": "someone@example.com", "createdByType": "User"}
    last = {"lastModifiedBy": who["createdBy"], "lastModifiedByType": "User"}
    return {**who, "createdAt": time_of(created), **last, "lastModifiedAt": time_of(changed)}
