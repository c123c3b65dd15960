"""How an answer reaches the client, or does not: whole, in parts, cut in half, or as the end of the connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .exchange import JSON, Reply
from .faults import Fault

_TRANSPORTS: dict[tuple[str, int], asyncio.Transport] = {}


class Protocol(H11Protocol):
    """uvicorn's protocol, which also remembers the transport of each client: ASGI itself cannot hang up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember it. asyncio leaves Nagle's algorithm on for a socket it did not make: 40 ms an answer."""
        super().connection_made(transport)
        connection: Any = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.client is not None:
            _TRANSPORTS[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self.client is not None:
            _TRANSPORTS.pop(self.client, None)
        super().connection_lost(exc)


async def deliver(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a whole answer; a stream goes event by event, without a length."""
    content = reply.content()
    await _start(send, reply, None if reply.events is not None else len(content))
    for event in reply.events or ():
        await send({"type": "http.response.body", "body": event, "more_body": True})
    rest = b"" if reply.events is not None else content
    await send({"type": "http.response.body", "body": rest, "more_body": False})


async def misbehave(
    fault: Fault, reply: Reply | None, scope: Scope, receive: Receive, send: Send
) -> None:
    """Do what "close", "reset", "hang", "half" and "raw" say."""
    if fault.action == "half" and reply is not None:
        content = reply.content()
        await _start(send, reply, None if reply.events is not None else len(content))
        half = content[: len(content) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
    if fault.action == "raw" and (transport := _TRANSPORTS.get(tuple(scope["client"]))):
        transport.write(_raw(fault))
    if fault.action == "hang":
        await asyncio.sleep(fault.seconds)
    await _hang_up(scope, receive, reset=fault.action == "reset")


def ordered(fault: Fault) -> Reply:
    """The answer that a "reply" fault holds."""
    headers = {name.lower(): text for name, text in fault.headers.items()}
    kind = headers.pop("content-type", JSON)
    return Reply(fault.status, body=fault.body, media_type=kind, headers=headers)


def _raw(fault: Fault) -> bytes:
    """Head and body of an answer that no HTTP library would send."""
    headers = {"Content-Type": JSON, "Connection": "close"}
    bodyless = fault.status in (204, 304)
    body = b"" if bodyless else fault.body
    named = {name.lower() for name in fault.headers}
    if not bodyless and named.isdisjoint(("content-length", "transfer-encoding")):
        headers["Content-Length"] = str(len(body))
    headers = {name: text for name, text in headers.items() if name.lower() not in named}
    lines = [
        f"HTTP/1.1 {fault.status} Told",
        *(f"{k}: {v}" for k, v in (headers | fault.headers).items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body[: int(len(body) * fault.part)]


async def _start(send: Send, reply: Reply, length: int | None) -> None:
    headers = {"content-type": reply.media_type, **reply.headers}
    if length is not None:
        headers["content-length"] = str(length)
    listed = [(name.encode(), text.encode("latin-1")) for name, text in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": listed})


async def _hang_up(scope: Scope, receive: Receive, *, reset: bool) -> None:
    transport = _TRANSPORTS.get(tuple(scope["client"]))
    if transport is not None:
        if reset:
            connection: Any = transport.get_extra_info("socket")
            linger = struct.pack("ii", 1, 0)  # closing then sends RST
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        else:
            transport.close()
    # uvicorn would answer 500 for a room that said nothing to a client it still believes in.
    while (await receive())["type"] != "http.disconnect":
        pass
