"""The data card: a check report with its portrait of the data, as one page. Only what a report holds comes in."""

from __future__ import annotations

from ftkit.data.card.page import render, write_card

__all__ = ["render", "write_card"]
