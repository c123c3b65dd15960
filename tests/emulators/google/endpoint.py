"""What Google does with every request: whose token it is, what the documents say, which headers come back.

A resource's name says where it lies, the host says whom one asks: where the two differ there is nothing (404). An API key
stands for no project: a tuned model is not found with it, and jobs want a token.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from email.utils import format_datetime
from typing import Any, ClassVar

from ..serving import endpoint as serving
from ..serving.endpoint import Handle
from ..serving.exchange import Call, Refusal, Reply
from .book import Book
from .contract import Contract
from .deviations import DEVIATIONS
from .generate_routes import restreamed
from .records import Account
from .refusals import Refused, StorageRefused, refusal

NOBODY = Account("", "")
REQUEST, RESPONSE = "GenerateContentRequest", "GenerateContentResponse"


class Endpoint(serving.Endpoint):
    """One route of the platform; no contract: nothing is judged."""

    deviations: ClassVar[Mapping[str, str]] = DEVIATIONS
    lists: ClassVar[Collection[str]] = ("tuningJobs", "batchPredictionJobs", "items")
    refuse: ClassVar[type[Refusal]] = Refused

    def __init__(self, name: str, handle: Handle, book: Book, contract: Contract | None) -> None:
        super().__init__(name, handle, book)
        self._contract = contract

    def account(self, call: Call) -> Account:
        """Whom the token speaks for, and whether the name in the path is theirs and lies here."""
        account = self._caller(call)
        if account.express:
            if "/endpoints/" in call.path:
                raise Refused(404, "Requested entity was not found.")
            if "region" in call.ids:
                raise Refused(
                    401,
                    "API keys are not supported by this API. Expected OAuth2 access token or other authentication "
                    "credentials that assert a principal.",
                )
            return account
        if "project" in call.ids and self.book.project(call.ids["project"]) != account.project:
            place = call.path.partition("/projects/")[2]
            raise Refused(
                403,
                f"Permission denied on resource '//aiplatform.googleapis.com/projects/{place}' (or it may not exist).",
            )
        if "region" in call.ids and call.ids["region"] != call.ids["location"]:
            raise Refused(
                404,
                f"There is nothing of {call.ids['region']} at the host of {call.ids['location']}.",
            )
        if wrong := self.request_fault(call):  # the service takes no field that it does not know
            raise Refused(400, f"Invalid JSON payload received. {wrong}")
        return account

    def refusal(self, code: str, retry_after: str | None) -> Refusal:
        """By its code."""
        return refusal(code, retry_after)

    def broken(self) -> Refusal:
        """A server error."""
        return refusal("INTERNAL")

    def restreamed(self, call: Call, parts: Any) -> Reply:
        """As Google streams."""
        return restreamed(parts)

    def request_fault(self, call: Call) -> str | None:
        """By the documents."""
        if self._contract is None:
            return None
        return self._contract.request(call, self.seen(call))

    def reply_fault(self, call: Call, reply: Reply) -> str | None:
        """By the documents; an error by the form that errors have."""
        if reply.status >= 400:
            self.book.deviations["errors"] += 1
        if self._contract is None:
            return None
        return self._contract.reply(call, self.seen(call), reply)

    def seen(self, call: Call) -> str:
        """The path as Google would see it."""
        return (
            call.path.removeprefix(f"/at/{call.ids['location']}")
            if "location" in call.ids
            else call.path
        )

    def answered(self, call: Call) -> None:
        """Judge the rows of batches that were read and written since."""
        rows, self.book.unjudged = self.book.unjudged, []
        for what, data in rows if self._contract else ():
            name = REQUEST if what == "request" else RESPONSE
            full = f"GoogleCloudAiplatformV1beta1{name}"
            assert self._contract is not None
            wrong = self._contract.schema("v1beta1", full, data, asked=what == "request")
            self.judge(call, what, wrong)

    def headers(self, call: Call) -> dict[str, str]:
        """The date is the emulator's."""
        return {"date": format_datetime(call.now, usegmt=True), "vary": "Origin, X-Origin, Referer"}

    def _caller(self, call: Call) -> Account:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if token:
            account: Account | None = self.book.whose(token, call.now)
            if scheme == "Bearer" and account is not None:
                return account
            raise self.refusal("UNAUTHENTICATED", None)
        key = call.headers.get("x-goog-api-key") or call.argument("key")
        if key is None:
            raise self.refusal("UNAUTHENTICATED", None)
        if key != self.book.api_key:
            raise Refused(400, "API key not valid. Please pass a valid API key.")
        return Account("", "", express=True)


class StorageEndpoint(Endpoint):
    """One route of Cloud Storage, which has one host for all locations and errors of its own form."""

    refuse: ClassVar[type[Refusal]] = StorageRefused

    def account(self, call: Call) -> Account:
        """Whom the token speaks for."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        account: Account | None = self.book.whose(token, call.now) if scheme == "Bearer" else None
        if account is None:
            raise StorageRefused(401, "Invalid Credentials")
        return account

    def refusal(self, code: str, retry_after: str | None) -> Refusal:
        """By its code, in the form of Cloud Storage."""
        return refusal(code, retry_after, storage=True)

    def broken(self) -> Refusal:
        """A server error."""
        return refusal("INTERNAL", storage=True)


class SessionEndpoint(StorageEndpoint):
    """The session of an upload: its address is the permission, and no document describes it but the object at its end."""

    def account(self, call: Call) -> Account:
        """Nobody is asked for."""
        return NOBODY

    def request_fault(self, call: Call) -> str | None:
        """Judged by the room."""
        return None

    def reply_fault(self, call: Call, reply: Reply) -> str | None:
        """The object that it made."""
        if reply.status >= 400 and reply.body is None:
            return super().reply_fault(call, reply)
        if self._contract is None or reply.data is None:
            return None
        return self._contract.schema("storage", "Object", reply.data, asked=False)


class TokenEndpoint(Endpoint):
    """The token endpoint: what comes in is judged by the room."""

    def account(self, call: Call) -> Account:
        """The assertion says it."""
        return NOBODY

    def request_fault(self, call: Call) -> str | None:
        """A form, and no JSON."""
        kind = call.headers.get("content-type", "").partition(";")[0]
        if kind != "application/x-www-form-urlencoded":
            return f"a token is asked for by a form, not by {kind or 'nothing'}"
        return None

    def reply_fault(self, call: Call, reply: Reply) -> str | None:
        """Two forms there are."""
        names = {"access_token", "expires_in", "token_type"} if reply.status == 200 else {"error"}
        missing = names - set(reply.data or ())
        return f"the token's answer lacks {sorted(missing)}" if missing else None


class MisnamedEndpoint(Endpoint):
    """A tuned model called by its own name: no method at all, but clients do it, and the service says what it is."""

    def request_fault(self, call: Call) -> str | None:
        """It is refused, and counted as a deviation."""
        self.book.deviations["misnamed model"] += 1
        return None


class UnknownEndpoint(Endpoint):
    """A path that is served by nobody here: that is a violation in itself."""

    def account(self, call: Call) -> Account:
        """Whoever it is."""
        return NOBODY

    def request_fault(self, call: Call) -> str | None:
        """Whether the documents have it says where the slip is."""
        path = call.path
        if path.startswith("/at/"):
            path = f"/{path.split('/', 3)[-1]}"
        known = self._contract is not None and self._contract.has(call, path)
        return f"{call.method} {path} is {'not served by the emulator' if known else 'no method'}"


def unknown(book: Book, call: Call) -> Reply:
    """The answer to a path that does not exist."""
    raise Refused(404, f"The requested URL {call.path} was not found on this server.")
