"""The routes by which a test questions and steers an emulator; no key is asked for, nothing is counted or judged."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from .book import Book
from .exchange import Refusal

Room = Callable[[Any, Any, str], Any]  # of the book, the body and the id in the path


def control_routes(
    book: Book, names: Sequence[str], about: Mapping[str, Any], rooms: Mapping[str, Room]
) -> list[BaseRoute]:
    """All of them, under /_control: `rooms` are the provider's own, named "PATCH jobs/{id}"; they win.

    `names` are the routes that faults may be ordered for; `about` is told beside them.
    """

    def order_faults(book: Book, body: Any, id: str) -> Any:
        return {"faults": book.faults.add(body["faults"], names)}

    def tell(book: Book, body: Any, id: str) -> Any:
        return {**about, "modules": sorted(sys.modules), "routes": list(names)}

    found: dict[str, Room] = {
        "GET log": lambda book, body, id: book.log,
        "GET about": tell,
        "GET violations": lambda book, body, id: book.violations,
        "DELETE violations": _take_violations,
        "POST reset": lambda book, body, id: book.reset(),
        "PATCH settings": lambda book, body, id: book.change(body),
        "POST faults": order_faults,
        "DELETE faults": lambda book, body, id: book.faults.clear(),
        "POST replies": lambda book, body, id: book.scripted.extend(body["replies"]),
        **rooms,
    }
    return [_route(name, room, book) for name, room in found.items()]


def _route(name: str, room: Room, book: Book) -> Route:
    method, _, path = name.partition(" ")
    return Route(f"/_control/{path}", _endpoint(room, book), methods=[method])


def _endpoint(room: Room, book: Book) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def endpoint(request: Request) -> JSONResponse:
        content = await request.body()
        try:
            body = json.loads(content) if content else {}
            return JSONResponse(room(book, body, request.path_params.get("id", "")))
        except Refusal as error:
            return JSONResponse({"error": {"message": error.message}}, 400)
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": {"message": repr(error)}}, 400)

    return endpoint


def _take_violations(book: Book, body: Any, id: str) -> Any:
    taken, book.violations = book.violations, []
    return taken
