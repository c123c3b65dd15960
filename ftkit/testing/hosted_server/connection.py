"""One client's connection: reads requests, counts each before anything else happens, and strikes with ordered faults.

Faults act on the socket itself, so that a client sees what a broken network or proxy shows: silence, a reset, half a
reply.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import Any
from urllib.parse import parse_qsl

from .book import Book
from .faults import Fault
from .replies import Call, Refusal, Reply, refused
from .routing import API, CONTROL, route_of

ECHOED_BYTES = 200
UNAVAILABLE = refused(Refusal(503, "unavailable", "the service is not available"))


class Server(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1; `stopping` ends it, and every hang with it."""

    daemon_threads = True
    request_queue_size = 512  # many clients connect at the same moment

    def __init__(self, book: Book) -> None:
        self.book = book
        self.stopping = Event()
        super().__init__(("127.0.0.1", 0), Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is what tests are about; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Connection(BaseHTTPRequestHandler):
    """Serves the requests of one connection, one after another."""

    protocol_version = "HTTP/1.1"
    server: Server

    def serve(self) -> None:
        """Answer one request, by the API or by the fault that hits it."""
        path, _, query = self.path.partition("?")
        route, id = route_of(self.command, path)
        book = self.server.book
        control = path.startswith("/_control/")
        if not control:
            with book.lock:
                self._count(route, path, query)
        body = self._read_body()
        with book.lock:
            call = Call(
                method=self.command,
                path=path,
                query=dict(parse_qsl(query, keep_blank_values=True)),
                headers={name.lower(): text for name, text in self.headers.items()},
                body=body,
                now=book.clock.now(),
                id=id,
            )
            book.end_deployments(call.now)
            fault = None if control else book.faults.strike(route, call.now)
            unseen = fault is not None and not fault.process
            reply = UNAVAILABLE if unseen else self._reply(route, call, query)
        if fault is None:
            self._send(reply)
        else:
            self._strike(fault, reply)
        if book.stopped:
            self.server.stopping.set()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed; the log is read at /_control/log."""

    def _count(self, route: str, path: str, query: str) -> None:
        book = self.server.book
        book.requests[route] += 1
        book.log.append(
            {
                "seq": len(book.log) + 1,
                "time": book.clock.now().isoformat(),
                "method": self.command,
                "path": path,
                "query": query,
                "headers": {
                    "-".join(part.capitalize() for part in name.split("-")): text
                    for name, text in self.headers.items()
                },
            }
        )

    def _read_body(self) -> bytes:
        """The request's body, by its length or by chunks; a client that stops in the middle has asked nothing."""
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self._read(int(self.headers.get("Content-Length", "0")))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self._read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return b"".join(parts)

    def _read(self, size: int) -> bytes:
        content = self.rfile.read(size)
        if len(content) < size:
            raise ConnectionAbortedError("the client stopped in the middle of its request")
        return content

    def _reply(self, route: str, call: Call, query: str) -> Reply:
        book = self.server.book
        function = API.get(route) or CONTROL.get(route)
        credentials = call.headers.get("authorization", "")
        try:
            if route in CONTROL and function:
                return function(book, call)
            scheme, _, key = credentials.partition(" ")
            if scheme.lower() != "bearer" or key not in book.accounts:
                raise Refusal(401, "invalid_api_key", "the API key is missing or unknown")
            if function is None:
                raise Refusal(404, "no_route", f"there is no {call.method} {call.path}")
            return function(book, replace(call, organisation=book.accounts[key]))
        except Refusal as refusal:
            start = call.body[:ECHOED_BYTES].decode(errors="replace")
            echo = f" (Authorization: {credentials}; query: {query}; request: {start})"
            return refused(refusal, echo if book.echo else "")

    def _strike(self, fault: Fault, reply: Reply) -> None:
        """Let the client see the fault instead of, or in, `reply`."""
        if fault.action == "patch":
            if not reply.pieces:  # a stream is no JSON and goes out as it is
                value = {**json.loads(reply.body), **fault.fields}
                reply = replace(reply, body=json.dumps(value).encode())
            self._send(reply)
            return
        if fault.action in ("reply", "half"):
            replaced = fault.action == "reply" or fault.body is not None
            shown = Reply(
                status=fault.status or (200 if replaced else reply.status),
                body=(fault.body or b"") if replaced else reply.body,
                headers={**({} if replaced else reply.headers), **fault.headers},
            )
            self._send(shown, part=0.5 if fault.action == "half" else 1.0, last=True)
        elif fault.action == "hang":
            self.server.stopping.wait(fault.seconds)
        elif fault.action == "reset":
            self._reset()
        self.close_connection = True

    def _reset(self) -> None:
        """Close with RST: linger of 0 s. The descriptor is taken away first, as the server would end it politely."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def _send(self, reply: Reply, part: float = 1.0, last: bool = False) -> None:
        """Send head and body at once: in two packets the second one may wait for the first's acknowledgement."""
        headers = dict(reply.headers)
        named = {name.lower() for name in headers}
        if "content-type" not in named:
            headers["Content-Type"] = "application/json"
        bodyless = reply.status in (204, 304) or 100 <= reply.status < 200
        body = b"" if bodyless else reply.body
        if reply.pieces:
            headers["Transfer-Encoding"] = "chunked"
        elif not bodyless and named.isdisjoint(("content-length", "transfer-encoding")):
            headers["Content-Length"] = str(len(body))
        if last and "connection" not in named:
            headers["Connection"] = "close"
        known = reply.status in HTTPStatus.__members__.values()
        reason = HTTPStatus(reply.status).phrase if known else "Unknown"
        lines = [f"HTTP/1.1 {reply.status} {reason}", *(f"{k}: {v}" for k, v in headers.items())]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", errors="replace")
        if not reply.pieces:
            self.wfile.write(head + body[: int(len(body) * part)])
            return
        self.wfile.write(head)
        for piece in (*reply.pieces, b""):
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
