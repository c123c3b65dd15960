"""Anthropic: prices and dates, and why none of its models is tuned. The entry point names `backend`."""

from __future__ import annotations

from pathlib import Path

from ftkit.tariffs import priced_only

backend = priced_only("anthropic", "Anthropic", Path(__file__).parent)
