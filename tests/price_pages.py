"""A price table of the day of these tests and its page, for the tests of what stands on it and of what is drawn."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import ftkit
from ftkit.types import PriceTable
from tests.hostile_pages import Page

TODAY = date(2026, 11, 24)
NOW = f"{TODAY}T12:00:00Z"
ROWS = [
    {"prompt": f"Where is parcel {number}?", "completion": "on its way"} for number in range(200)
]


def compared(models: Any = "all", calls: int = 200_000, **more: Any) -> PriceTable:
    return ftkit.compare(ROWS, models, calls_per_month=calls, **more)


def written(table: PriceTable, folder: Path, **options: Any) -> str:
    return table.html(folder / "table.html", **options).read_text(encoding="utf-8")


def text_of(page: str) -> str:
    return " ".join(Page(page).text.split())
