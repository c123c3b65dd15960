"""What OpenAI does with every request: whose key it is, what the contract says, which headers come back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from email.utils import format_datetime
from typing import Any, ClassVar

from ..serving import endpoint as serving
from ..serving.endpoint import Handle
from ..serving.exchange import JSON, Call, Reply, stream
from . import sdk_types
from .book import Book
from .contract import Contract
from .deviations import DEVIATIONS
from .records import Account
from .refusals import Refusal, refusal


class Endpoint(serving.Endpoint):
    """One route; no contract: nothing is judged."""

    deviations: ClassVar[Mapping[str, str]] = DEVIATIONS
    refuse = Refusal

    def __init__(self, name: str, handle: Handle, book: Book, contract: Contract | None) -> None:
        super().__init__(name, handle, book)
        self._contract = contract

    def account(self, call: Call) -> Account:
        """Whom the key speaks for; the organisation and the project may be named too, then they must be the key's."""
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        account = self.book.accounts.get(key) if scheme == "Bearer" else None
        if account is None:
            raise Refusal(
                401,
                f"Incorrect API key provided: {key[:3]}***. You can find your API key at "
                "https://platform.openai.com/account/api-keys.",
                code="invalid_api_key",
            )
        for header, code, own in (
            ("openai-organization", "mismatched_organization", account.organisation),
            ("openai-project", "mismatched_project", account.project),
        ):
            if call.headers.get(header, own) != own:
                raise Refusal(401, f"{header} should match the API key.", code=code)
        return account

    def refusal(self, code: str, retry_after: str | None) -> Refusal:
        """By its code."""
        return refusal(code, retry_after)

    def broken(self) -> Refusal:
        """A server error."""
        return refusal("server_error")

    def restreamed(self, call: Call, parts: Any) -> Reply:
        """Chat completions end with [DONE], and events of responses bear their name."""
        named = sdk_types.room(call.path) is not None
        return stream([(one["type"] if named else None, one) for one in parts], not named)

    def answered(self, call: Call) -> None:
        """Judge what batches have read and written since, as if it had come alone."""
        rows, self.book.unjudged = self.book.unjudged, []
        for what, path, body in rows if self._contract else ():
            inner = replace(
                call,
                method="POST",
                path=path,
                route=f"POST {path}",
                query=(),
                headers={**call.headers, "content-type": JSON},
                body=json.dumps(body).encode(),
                form=None,
            )
            wrong = (
                self.request_fault(inner)
                if what == "request"
                else self.reply_fault(inner, Reply(200, body))
            )
            self.judge(inner, what, wrong)

    def request_fault(self, call: Call) -> str | None:
        """By the contract, or by the types of the SDK where that has no such path."""
        if self._contract is None:
            return None
        if sdk_types.room(call.path):
            return sdk_types.request(call)
        if not self._contract.has(call.method, call.path):
            return None
        return self._contract.request(call)

    def reply_fault(self, call: Call, reply: Reply) -> str | None:
        """By the contract, or by the types of the SDK where that has no such path."""
        if self._contract is None:
            return None
        room = sdk_types.room(call.path)
        if room:
            self.book.deviations[room] += 1
        if reply.status >= 400:
            return self._contract.reply(call, reply)
        if room:
            return sdk_types.reply(call, reply)
        if reply.media_type == "application/octet-stream" or "model_limits" in reply.deviates:
            return None
        return self._contract.reply(call, reply)

    def headers(self, call: Call) -> dict[str, str]:
        """An id of the request, and whose it was."""
        account = self.book.accounts.get(call.headers.get("authorization", "")[7:])
        headers = {
            "x-request-id": self.book.next_id("req"),
            "openai-version": "2020-10-01",
            "openai-processing-ms": "1",
            "date": format_datetime(call.now, usegmt=True),
        }
        return {**headers, "openai-organization": account.organisation} if account else headers


def unknown(book: Book, call: Call) -> Reply:
    """The answer to a path that does not exist."""
    raise Refusal(404, f"Invalid URL ({call.method} {call.path})", code="unknown_url")
