"""What only this emulator can be asked and told by a test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from starlette.routing import BaseRoute

from ..openai import history
from ..openai.control_routes import ROOMS as OPENAI
from ..serving.control import Room, control_routes
from .book import Book
from .differences import DEVIATIONS, MENDED

BASE = "gpt-4.1-mini-2025-04-14"


def routes(book: Book, validated: bool, names: Sequence[str]) -> list[BaseRoute]:
    """All of them; `names` are those that faults may be ordered for."""
    about = {"validated": validated, "deviations": DEVIATIONS, "mended": MENDED}
    rooms: dict[str, Room] = {
        **OPENAI,
        "POST history": _plant,
        "PATCH bases/{id}": _shift,
        "DELETE deployments/{id}": _lose,
    }
    return control_routes(book, names, about, rooms)


def _plant(book: Book, body: Any, id: str) -> Any:
    fields = {"trainingType": "GlobalStandard", **body.pop("fields", {})}
    return history.plant(book, **{"model": BASE, **body}, fields=fields)


def _shift(book: Book, body: Any, id: str) -> Any:
    book.shift(id, **{name: day and date.fromisoformat(day) for name, day in body.items()})


def _lose(book: Book, body: Any, id: str) -> Any:
    now = book.clock.now()
    book.live(now)[id].end(now, "lost")
