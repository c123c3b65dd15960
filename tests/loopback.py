"""A provider of a few lines on a loopback socket: it answers as told, misbehaves as told, and counts what came in."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request as it arrived; `connection` numbers the connections from 1."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


Answer = Callable[[socket.socket, Request], bool]  # True keeps the connection


class Loopback:
    """Listens from the start; `answer` may be replaced at any time, `requests` holds all that was read."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.connections = 0
        self.released = threading.Event()  # what hangs waits for this
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def url(self) -> str:
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}"

    def close(self) -> None:
        self.released.set()
        if self._socket.fileno() >= 0:
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed already
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            number = self.connections
            self._start(lambda c=connection, n=number: self._serve(c, n))  # type: ignore[misc]

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection:
            try:
                while request := _read(connection, number):
                    self.requests.append(request)
                    if not self.answer(connection, request):
                        return
            except OSError:
                return  # the client has gone


def _read(connection: socket.socket, number: int) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        chunk = connection.recv(65536)
        if not chunk:
            return None
        body += chunk
    method, target, _ = first.split(" ", 2)
    return Request(method, target, headers, body, number)


def raw(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An answer as bytes; underscores in header names become hyphens."""
    lines = [
        f"HTTP/1.1 {status} Status",
        *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()),
    ]
    if "Content_Length" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def answers(status: int, value: Any = None, *, zipped: bool = False, **headers: str) -> Answer:
    """Answer with JSON, or with bytes as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    if zipped:
        body, headers = gzip.compress(body), {**headers, "Content_Encoding": "gzip"}

    def answer(connection: socket.socket, request: Request) -> bool:
        connection.sendall(raw(status, body, **headers))
        return True

    return answer


def sends(data: bytes) -> Answer:
    """Send these bytes and close."""

    def answer(connection: socket.socket, request: Request) -> bool:
        connection.sendall(data)
        return False

    return answer


def resets(connection: socket.socket, request: Request) -> bool:
    """Read the request, then reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False
