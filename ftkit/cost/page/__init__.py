"""The page of a price table. Only what a PriceTable holds comes in: nothing is priced here."""

from __future__ import annotations

from ftkit.cost.page.page import render, write_table

__all__ = ["render", "write_table"]
