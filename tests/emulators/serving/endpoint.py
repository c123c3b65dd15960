"""The way of every API request: read, counted, judged, answered, judged again, sent; with faults where ordered.

A provider's own endpoint says whom a key speaks for, what its contract makes of a request and of an answer, and which
headers stand beside each answer.
"""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from .book import Book
from .connection import deliver, misbehave, ordered
from .exchange import Call, FormFile, Refusal, Reply
from .faults import Fault

Handle = Callable[[Any, Call], Reply]
_WITHOUT_ANSWER = ("close", "reset", "hang", "half", "raw")


class Endpoint(ABC):
    """An ASGI application for one route, `name` as in counts; `handle` is its room."""

    deviations: ClassVar[Mapping[str, str]] = {}  # where answers are not held to the contract
    lists: ClassVar[Collection[str]] = ("data",)  # under which names a page has its list
    refuse: ClassVar[type[Refusal]] = Refusal

    def __init__(self, name: str, handle: Handle, book: Any) -> None:
        self.name = name
        self.handle = handle
        self.book: Any = book

    @abstractmethod
    def account(self, call: Call) -> Any:
        """Whom the key speaks for; raises a Refusal."""

    @abstractmethod
    def request_fault(self, call: Call) -> str | None:
        """What the contract says against a request; None where it is fine."""

    @abstractmethod
    def reply_fault(self, call: Call, reply: Reply) -> str | None:
        """What the contract says against an answer; None where it is fine."""

    @abstractmethod
    def refusal(self, code: str, retry_after: str | None) -> Refusal:
        """The provider's error of this code."""

    @abstractmethod
    def broken(self) -> Refusal:
        """The provider's error 500."""

    @abstractmethod
    def restreamed(self, call: Call, parts: Any) -> Reply:
        """A stream of changed parts."""

    def headers(self, call: Call) -> dict[str, str]:
        """What the provider puts beside each of its answers."""
        return {}

    def answered(self, call: Call) -> None:  # noqa: B027  most have nothing more to judge
        """Called after each answer, before it is sent: what else is to be judged."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request to its end."""
        book: Book = self.book
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return  # it never arrived
        now = book.clock.now()
        call = await self._call(request, body, now)
        self._note(call)
        self.judge(call, "request", self.request_fault(call))
        fault = book.faults.strike(self.name, call.asked, now)
        reply = self._answer(call) if fault is None or fault.process else None
        if fault is not None:
            book.deviations["fault"] += 1
            if fault.action in _WITHOUT_ANSWER:
                await misbehave(fault, reply, scope, receive, send)
                return
            reply = self._faulty(call, fault, reply)
        assert reply is not None
        if fault is None or fault.action != "reply":  # that one may stand for a proxy's
            reply.headers |= self.headers(call)
        await deliver(reply, scope, receive, send)

    def judge(self, call: Call, what: str, wrong: str | None) -> None:
        """Keep what was found wrong."""
        if wrong is not None:
            self.book.violations.append(
                {"what": what, "route": call.route, "path": call.path, "wrong": wrong}
            )

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
            ids=dict(request.path_params),
            refuse=self.refuse,
        )

    def _note(self, call: Call) -> None:
        """Count and log it; of a form or a file only the size."""
        book: Book = self.book
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
            reply = self.handle(self.book, replace(call, account=self.account(call)))
        except Refusal as error:
            reply = error.reply()
        except Exception:  # noqa: BLE001  a fault of the emulator itself must be seen by the test
            self.judge(call, "emulator", traceback.format_exc())
            return self.broken().reply()
        for name in reply.deviates:
            assert name in self.deviations
            self.book.deviations[name] += 1
        self.judge(call, "answer", self.reply_fault(call, reply))
        self.answered(call)
        return reply

    def _faulty(self, call: Call, fault: Fault, reply: Reply | None) -> Reply:
        """What a fault lets the client see instead."""
        if fault.action == "reply":
            return ordered(fault)
        if fault.action == "refuse":
            refused = self.refusal(str(fault.code), fault.retry_after).reply()
            self.judge(call, "answer", self.reply_fault(call, refused))
            return refused
        assert reply is not None
        if reply.streamed is not None:
            changed = self.restreamed(call, fault.changed(reply.streamed, self.lists))
        elif reply.data is not None:
            data = fault.changed(reply.data, self.lists)
            changed = Reply(reply.status, data, headers=reply.headers)
        else:
            return reply
        if fault.judged:
            self.judge(call, "answer", self.reply_fault(call, changed))
        return changed


async def _field(value: Any) -> str | FormFile:
    if isinstance(value, UploadFile):
        return FormFile(value.filename or "", await value.read())
    return str(value)
