"""Modal: prices and dates. The entry point names `backend`."""

from __future__ import annotations

from pathlib import Path

from ftkit.tariffs import priced_only

backend = priced_only("modal", "Modal", Path(__file__).parent)
