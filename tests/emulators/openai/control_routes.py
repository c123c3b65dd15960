"""The routes by which a test questions and steers the emulator; no key is asked for, nothing is counted or judged."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from . import batches_routes, history, shown_jobs
from .book import Book
from .contract import Contract
from .deviations import DEVIATIONS, MENDED
from .replies import Refusal

Room = Callable[[Book, Any, str], Any]


def routes(book: Book, contract: Contract | None, names: Sequence[str]) -> list[BaseRoute]:
    """All of them, under /_control; `names` are those that faults may be ordered for."""

    def counts(book: Book, body: Any, id: str) -> Any:
        now = book.clock.now()
        batches_routes.advance_all(book, now)
        return book.counts(now)

    def order_faults(book: Book, body: Any, id: str) -> Any:
        return {"faults": book.faults.add(body["faults"], names)}

    def about(book: Book, body: Any, id: str) -> Any:
        return {
            "validated": contract is not None,
            "deviations": DEVIATIONS,
            "mended": MENDED,
            "modules": sorted(sys.modules),
            "routes": list(names),
        }

    rooms: dict[str, Room] = {
        "GET counts": counts,
        "GET log": lambda book, body, id: book.log,
        "GET about": about,
        "GET violations": lambda book, body, id: book.violations,
        "DELETE violations": _take_violations,
        "POST reset": lambda book, body, id: book.reset(),
        "PATCH settings": lambda book, body, id: book.change(body),
        "POST faults": order_faults,
        "DELETE faults": lambda book, body, id: book.faults.clear(),
        "POST replies": lambda book, body, id: book.scripted.extend(body["replies"]),
        "POST history": lambda book, body, id: history.plant(book, **body),
        "PATCH jobs/{id}": _patch_job,
        "DELETE jobs/{id}": _lose_job,
        "DELETE files/{id}": lambda book, body, id: {"lost": book.files.pop(id).id},
    }
    found: list[BaseRoute] = []
    for name, room in rooms.items():
        method, _, path = name.partition(" ")
        found.append(Route(f"/_control/{path}", _endpoint(room, book), methods=[method]))
    return found


def _endpoint(room: Room, book: Book) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def endpoint(request: Request) -> JSONResponse:
        content = await request.body()
        try:
            body = json.loads(content) if content else {}
            return JSONResponse(room(book, body, request.path_params.get("id", "")))
        except Refusal as error:
            return JSONResponse({"error": error.error}, 400)
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": {"message": repr(error)}}, 400)

    return endpoint


def _take_violations(book: Book, body: Any, id: str) -> Any:
    taken, book.violations = book.violations, []
    return taken


def _patch_job(book: Book, body: Any, id: str) -> Any:
    now = book.clock.now()
    job = book.job(id, None, now)
    shown_jobs.patch(job, body, now)
    return shown_jobs.shown(job, book.settings.null_errors)[0]


def _lose_job(book: Book, body: Any, id: str) -> Any:
    book.job(id, None, book.clock.now()).lost = True
