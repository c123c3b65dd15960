"""The way of every API request: read, counted, judged, answered, judged again, sent; with faults where ordered."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from . import sdk_types
from .book import Book
from .connection import deliver, misbehave, ordered
from .contract import Contract
from .deviations import DEVIATIONS
from .faults import Fault
from .records import Account
from .refusals import refusal
from .replies import JSON, Call, FormFile, Refusal, Reply, stream

Handle = Callable[[Book, Call], Reply]


class Endpoint:
    """An ASGI application for one route, `name` as in counts; `handle` is its room."""

    def __init__(self, name: str, handle: Handle, book: Book, contract: Contract | None) -> None:
        self.name = name
        self._handle = handle
        self._book = book
        self._contract = contract

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request to its end."""
        book = self._book
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return  # it never arrived
        now = book.clock.now()
        call = await self._call(request, body, now)
        self._note(call)
        self._judge(call, "request", self._request_fault(call))
        fault = book.faults.strike(self.name, call.asked, now)
        reply = self._answer(call) if fault is None or fault.process else None
        if fault is not None:
            book.deviations["fault"] += 1
            if fault.action in ("close", "reset", "hang", "half", "raw"):
                await misbehave(fault, reply, scope, receive, send)
                return
            reply = self._faulty(call, fault, reply)
        assert reply is not None
        if fault is None or fault.action != "reply":  # that one may stand for a proxy's
            reply.headers |= self._headers(call)
        await deliver(reply, scope, receive, send)

    async def _call(self, request: Request, body: bytes, now: datetime) -> Call:
        """The request as rooms see it; a form is read here, because that waits."""
        form: dict[str, str | FormFile] | None = None
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            try:
                async with request.form() as fields:
                    form = {name: await _field(value) for name, value in fields.items()}
            except MultiPartException:
                form = None
        return Call(
            method=request.method,
            path=request.scope["path"],
            route=self.name,
            id=request.path_params.get("id", ""),
            query=tuple(request.query_params.multi_items()),
            headers={name: text for name, text in request.headers.items()},
            body=body,
            form=form,
            now=now,
        )

    def _note(self, call: Call) -> None:
        """Count and log it; of a form or a file only the size."""
        book = self._book
        book.requests[self.name] += 1
        try:
            data = call.json() if call.form is None and call.body else None
        except Refusal:
            data = None
        book.log.append(
            {
                "seq": len(book.log) + 1,
                "time": call.now.isoformat(),
                "method": call.method,
                "path": call.path,
                "route": self.name,
                "query": call.asked,
                "headers": {name.title(): text for name, text in call.headers.items()},
                "bytes": len(call.body),
                "json": data,
            }
        )

    def _answer(self, call: Call) -> Reply:
        """The room's answer, judged."""
        try:
            reply = self._handle(self._book, replace(call, account=self._account(call)))
        except Refusal as error:
            reply = error.reply()
        except Exception:  # noqa: BLE001  a fault of the emulator itself must be seen by the test
            self._judge(call, "emulator", traceback.format_exc())
            return refusal("server_error").reply()
        for name in reply.deviates:
            assert name in DEVIATIONS
            self._book.deviations[name] += 1
        self._judge(call, "answer", self._reply_fault(call, reply))
        self._judge_rows(call)
        return reply

    def _judge_rows(self, call: Call) -> None:
        """Judge what batches have read and written since, as if it had come alone."""
        rows, self._book.unjudged = self._book.unjudged, []
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
                self._request_fault(inner)
                if what == "request"
                else self._reply_fault(inner, Reply(200, body))
            )
            self._judge(inner, what, wrong)

    def _account(self, call: Call) -> Account:
        """Whom the key speaks for; the organisation and the project may be named too, then they must be the key's."""
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        account = self._book.accounts.get(key) if scheme == "Bearer" else None
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

    def _faulty(self, call: Call, fault: Fault, reply: Reply | None) -> Reply:
        """What a fault lets the client see instead."""
        if fault.action == "reply":
            return ordered(fault)
        if fault.action == "refuse":
            refused = refusal(str(fault.code), fault.retry_after).reply()
            self._judge(call, "answer", self._reply_fault(call, refused))
            return refused
        assert reply is not None
        if reply.streamed is not None:
            parts = fault.changed(reply.streamed)
            named = sdk_types.room(call.path) is not None
            changed = stream([(one["type"] if named else None, one) for one in parts], not named)
        elif reply.data is not None:
            changed = Reply(reply.status, fault.changed(reply.data), headers=reply.headers)
        else:
            return reply
        if fault.judged:
            self._judge(call, "answer", self._reply_fault(call, changed))
        return changed

    def _request_fault(self, call: Call) -> str | None:
        if self._contract is None:
            return None
        if sdk_types.room(call.path):
            return sdk_types.request(call)
        if not self._contract.has(call.method, call.path):
            return None
        return self._contract.request(call)

    def _reply_fault(self, call: Call, reply: Reply) -> str | None:
        if self._contract is None:
            return None
        room = sdk_types.room(call.path)
        if room:
            self._book.deviations[room] += 1
        if reply.status >= 400:
            return self._contract.reply(call, reply)
        if room:
            return sdk_types.reply(call, reply)
        if reply.media_type == "application/octet-stream" or "model_limits" in reply.deviates:
            return None
        return self._contract.reply(call, reply)

    def _judge(self, call: Call, what: str, wrong: str | None) -> None:
        if wrong is not None:
            self._book.violations.append(
                {"what": what, "route": call.route, "path": call.path, "wrong": wrong}
            )

    def _headers(self, call: Call) -> dict[str, str]:
        account = self._book.accounts.get(call.headers.get("authorization", "")[7:])
        headers = {
            "x-request-id": self._book.next_id("req"),
            "openai-version": "2020-10-01",
            "openai-processing-ms": "1",
            "date": format_datetime(call.now, usegmt=True),
        }
        return {**headers, "openai-organization": account.organisation} if account else headers


def unknown(book: Book, call: Call) -> Reply:
    """The answer to a path that does not exist."""
    raise Refusal(404, f"Invalid URL ({call.method} {call.path})", code="unknown_url")


async def _field(value: Any) -> str | FormFile:
    if isinstance(value, UploadFile):
        return FormFile(value.filename or "", await value.read())
    return str(value)
