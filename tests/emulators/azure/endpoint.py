"""The three doors: the data plane, judged by OpenAI's contract with Azure's differences; ARM, judged by its own types;
and Entra.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from email.utils import format_datetime
from typing import Any, ClassVar

from ..openai import endpoint as openai
from ..openai.contract import Contract
from ..openai.records import Account
from ..serving import endpoint as serving
from ..serving.endpoint import Handle
from ..serving.exchange import Call, Reply
from . import arm, arm_schema
from .book import Book
from .differences import DEVIATIONS
from .refusals import Refusal, refusal

WRONG_KEY = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
DATA_AUDIENCES = ("https://cognitiveservices.azure.com", "https://ai.azure.com")
ARM_AUDIENCES = ("https://management.azure.com",)
DATED = re.compile(r"\d{4}-\d{2}-\d{2}")
ARM_ANSWERS = {
    "PUT deployments/NAME": "Deployment",
    "GET deployments/NAME": "Deployment",
    "GET deployments": "DeploymentListResult",
    "GET account": "Account",
    "GET locations/models": "ModelListResult",
}


class DataPlane(openai.Endpoint):
    """One route below /openai/v1; no contract: what it says is not judged, without `judging` nothing is."""

    deviations: ClassVar[Mapping[str, str]] = DEVIATIONS

    def __init__(
        self, name: str, handle: Handle, book: Book, contract: Contract | None, judging: bool
    ) -> None:
        super().__init__(name, _undated(handle), book, contract)
        self._judging = judging

    def account(self, call: Call) -> Account:
        """By the resource's key, in either header, or by a token of Entra for this audience."""
        book: Book = self.book
        key = call.headers.get("api-key")
        if key is None:
            key = _bearer(call)
            if key in book.handed_out:
                _check_token(book, call, key, DATA_AUDIENCES)
                return book.account
        if key != book.site.api_key:
            raise Refusal(401, WRONG_KEY, code="401")
        return book.account

    def refusal(self, code: str, retry_after: str | None) -> Refusal:  # type: ignore[override]
        """By its code."""
        return refusal(code, retry_after)

    def broken(self) -> Refusal:  # type: ignore[override]
        """A server error."""
        return refusal("InternalServerError")

    def restreamed(self, call: Call, parts: Any) -> Reply:
        """As OpenAI's."""
        return super().restreamed(_plain(call), parts)

    def request_fault(self, call: Call) -> str | None:
        """By the contract; a client also has one credential, not two."""
        if self._judging and "api-key" in call.headers and "authorization" in call.headers:
            return "the request carries an api-key and a bearer at once"
        return super().request_fault(_plain(call))

    def reply_fault(self, call: Call, reply: Reply) -> str | None:
        """By the contract."""
        return super().reply_fault(_plain(call), reply)

    def headers(self, call: Call) -> dict[str, str]:
        """An id of the request, and where it was answered."""
        return {
            "apim-request-id": self.book.next_id("req"),
            "x-ms-region": self.book.site.location,
            "date": format_datetime(call.now, usegmt=True),
        }


class ControlPlane(serving.Endpoint):
    """One route of ARM; without `judging` nothing is judged."""

    lists: ClassVar[Collection[str]] = ("value",)
    refuse = Refusal

    def __init__(self, name: str, handle: Handle, book: Book, judging: bool) -> None:
        super().__init__(name, handle, book)
        self._judging = judging

    def account(self, call: Call) -> Account:
        """By a token of Entra for ARM; the path must be this resource's."""
        book: Book = self.book
        _check_token(book, call, _bearer(call), ARM_AUDIENCES)
        arm.check_path(book, call)
        return book.account

    def refusal(self, code: str, retry_after: str | None) -> Refusal:
        """By its code."""
        return refusal(code, retry_after)

    def broken(self) -> Refusal:
        """A server error."""
        return refusal("InternalServerError")

    def restreamed(self, call: Call, parts: Any) -> Reply:
        """ARM streams nothing."""
        raise AssertionError(call.route)

    def request_fault(self, call: Call) -> str | None:
        """By ARM's types; only a PUT has a body."""
        if not self._judging:
            return None
        if call.method != "PUT":
            return "the request has a body" if call.body else None
        try:
            return arm_schema.wrong("Deployment", call.json(), asked=True)
        except Refusal as error:
            return error.message

    def reply_fault(self, call: Call, reply: Reply) -> str | None:
        """By ARM's types."""
        if not self._judging:
            return None
        kind = ARM_ANSWERS.get(call.route) if reply.status < 400 else "ErrorResponse"
        return arm_schema.wrong(kind, reply.data) if kind else None

    def headers(self, call: Call) -> dict[str, str]:
        """An id of the request, and its time."""
        id = self.book.next_id("req")
        return {"x-ms-request-id": id, "date": format_datetime(call.now, usegmt=True)}


class Entra(ControlPlane):
    """One route of the token service: nobody has a token yet."""

    def account(self, call: Call) -> Account:
        """Whoever asks."""
        found: Account = self.book.account
        return found

    def request_fault(self, call: Call) -> str | None:
        """A token is asked for with a form."""
        kind = call.headers.get("content-type", "").partition(";")[0]
        form = kind == "application/x-www-form-urlencoded" or call.method == "GET"
        return None if form or not self._judging else f"the body is {kind or 'empty'}, not a form"

    def reply_fault(self, call: Call, reply: Reply) -> str | None:
        """Judged by the client that reads it: azure-identity."""
        return None


def _plain(call: Call) -> Call:
    """The same as OpenAI would get it."""
    path, route = call.path.removeprefix("/openai"), call.route.replace(" /openai", " ")
    return replace(call, path=path, route=route)


def _undated(handle: Handle) -> Handle:
    """The room, behind the check that v1 has no dated versions."""

    def room(book: Book, call: Call) -> Reply:
        if DATED.match(call.argument("api-version") or ""):
            raise Refusal(400, "api-version query parameter is not allowed when using /v1 path")
        return handle(book, call)

    return room


def _bearer(call: Call) -> str:
    scheme, _, text = call.headers.get("authorization", "").partition(" ")
    return text if scheme == "Bearer" else ""


def _check_token(book: Book, call: Call, text: str, audiences: Collection[str]) -> None:
    """Refused (401) where it was not handed out, is over, or is for something else."""
    token = book.handed_out.get(text)
    if token is None:
        raise Refusal(
            401,
            "Authentication failed. The 'Authorization' header is missing or its token is invalid.",
            code="AuthenticationFailed" if not text else "InvalidAuthenticationToken",
        )
    if token.expires is not None and call.now >= token.expires:
        raise Refusal(401, "The access token expired.", code="ExpiredAuthenticationToken")
    if token.audience not in audiences:
        raise Refusal(
            401,
            f"The access token has been obtained for wrong audience or resource '{token.audience}'.",
            code="InvalidAuthenticationTokenAudience",
        )
