"""Whom a key speaks for, which version of the API is asked, and what the SDK's types make of it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import format_datetime
from typing import Any, ClassVar

from ..serving import endpoint as serving
from ..serving.exchange import Call, Refusal, Reply, stream
from . import sdk_types
from .batches_routes import lines
from .book import Book
from .deviations import DEVIATIONS
from .refusals import APIRefusal, invalid, refusal

VERSIONS = ("2023-06-01", "2026-10-21")
RESULTS = "GET /v1/messages/batches/ID/results"
PACED = ("POST /v1/messages",)


class Endpoint(serving.Endpoint):
    """An ASGI application for one route."""

    deviations: ClassVar[Mapping[str, str]] = DEVIATIONS
    refuse: ClassVar[type[Refusal]] = APIRefusal

    def __init__(self, name: str, handle: Callable[[Book, Call], Reply], book: Book) -> None:
        super().__init__(name, self._signed(handle), book)

    def account(self, call: Call) -> Any:
        """The account of `x-api-key`, or else of a bearer token, which is how the package sends a key."""
        key = _key(call)
        if key is None:
            raise self._sign(APIRefusal(401, "x-api-key header is required"))
        account = self.book.accounts.get(key)
        if account is None:
            raise self._sign(refusal("authentication_error"))
        version = call.headers.get("anthropic-version")
        if version is None:
            raise self._sign(invalid("anthropic-version: header is required"))
        if version not in VERSIONS:
            raise self._sign(invalid(f'anthropic-version: "{version}" is not a valid version'))
        workspace = call.headers.get("anthropic-workspace-id", account.workspace)
        if workspace != account.workspace:
            raise self._sign(refusal("permission_error"))
        return account

    def request_fault(self, call: Call) -> str | None:
        """By the types; the version is a header that every request needs."""
        if "anthropic-version" not in call.headers:
            return "anthropic-version: header is required"
        return sdk_types.request(call) if self.name in sdk_types.ANSWERS else None

    def reply_fault(self, call: Call, reply: Reply) -> str | None:
        """By the types."""
        return sdk_types.reply(call, reply)

    def refusal(self, code: str, retry_after: str | None) -> Refusal:
        """The error of this type."""
        return self._sign(refusal(code, {"retry-after": retry_after} if retry_after else None))

    def broken(self) -> Refusal:
        """500"""
        return self._sign(refusal("api_error"))

    def restreamed(self, call: Call, parts: Any) -> Reply:
        """Changed events, or changed lines of results."""
        if self.name == RESULTS:
            return lines(parts)
        return stream([(one.get("type"), one) for one in parts], done=False)

    def headers(self, call: Call) -> dict[str, str]:
        """The request's id, whose it was, and what is left of the minute."""
        told = {
            "request-id": self.book.request_id(),
            "date": format_datetime(call.now, usegmt=True),
        }
        account = self.book.accounts.get(_key(call) or "")
        if account is not None:
            told["anthropic-organization-id"] = account.organisation
            if self.name in PACED:
                limit = self.book.settings.requests_per_minute
                told |= self.book.pace.headers(account.organisation, limit, call.now)
        return told

    def _signed(self, handle: Callable[[Book, Call], Reply]) -> Callable[[Book, Call], Reply]:
        def signed(book: Book, call: Call) -> Reply:
            try:
                return handle(book, call)
            except APIRefusal as error:
                raise self._sign(error) from error

        return signed

    def _sign(self, error: APIRefusal) -> APIRefusal:
        """With the id of the request that it refuses."""
        error.request_id = self.book.request_id()
        return error


def unknown(book: Book, call: Call) -> Reply:
    """The answer to a path that does not exist."""
    raise refusal("not_found_error")


def _key(call: Call) -> str | None:
    """The key of a request; where both headers hold one, x-api-key counts."""
    if key := call.headers.get("x-api-key"):
        return key
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    return token if scheme == "Bearer" and token else None
