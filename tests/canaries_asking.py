"""A server that repeats whatever it was sent, and a client that asks it in every way: what of a secret comes out again."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from ftkit.errors import FtkitError
from tests.canaries_objects import put_error
from tests.canaries_search import Search, labelled
from tests.faults.canaries import Canary
from tests.loopback import Answer, Loopback, Request, answers, sends

Ways = Mapping[str, Callable[[Any], object]]


def repeats(shape: str, status: int, also: str) -> Answer:
    """An answer that repeats the headers of the request, or the bare secrets among them, and `also`."""

    def answer(connection: socket.socket, request: Request) -> bool:
        raw = "; ".join(f"{name}: {value}" for name, value in request.headers.items())
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        bare = f"{key}; {request.headers.get('x-gateway', '')}"
        said = f"{bare if shape == 'bare' else raw}; {also}"
        body: Any = {"error": {"message": said, "code": key, "type": key, "param": said}}
        if shape == "page":
            body = f"<html>{said}</html>".encode()
        location = f"http://other.invalid/?sent={quote(bare)}"
        return answers(status, body, Location=location, X_Seen=raw)(connection, request)

    return answer


TOLD = [
    ("error", 400),
    ("error", 401),
    ("bare", 404),
    ("bare", 429),
    ("error", 500),
    ("page", 200),
    ("page", 502),
    ("redirect", 307),
]


def ask_everything(
    search: Search,
    server: Loopback,
    canary: Canary,
    turn: int,
    ways: Ways,
    client: Callable[[], object],
) -> None:
    """In every way, each of which meets another answer."""
    for number, (way, ask) in enumerate(ways.items()):
        told = TOLD[(turn + number) % len(TOLD)]
        also = labelled(canary) if canary.place == "error_body" else ""
        broken = (turn + number) % 11 == 10
        server.answer = sends(b"nonsense\r\n\r\n") if broken else repeats(*told, also)
        ours = client()
        try:
            ask(ours)
        except FtkitError as error:
            put_error(search, error)
        else:
            raise AssertionError(f"{way} took {told} for an answer")
        search.put("repr of a client", f"{ours!r} {ours} {vars(ours)!r}")
