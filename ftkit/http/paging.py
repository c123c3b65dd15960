"""Lists that come in pages: every page once, and an end even where the provider never says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from ftkit.errors import ProviderError

MAX_PAGES = 10_000

Page = tuple[list[dict[str, Any]], str | None]


def pages(
    fetch: Callable[[str | None], Page], *, what: str, max_pages: int = MAX_PAGES
) -> Iterator[list[dict[str, Any]]]:
    """The items of each page, in order. `fetch(cursor)` gives a page and the cursor of the next one, or None.

    `what` names the list in messages. Raises ProviderError where a cursor comes back, a page with something in it is
    repeated, or there are more than `max_pages`; whatever `fetch` raises passes through.
    """
    cursor: str | None = None
    cursors: set[str] = set()
    seen: set[bytes] = set()
    for _ in range(max_pages):
        items, cursor = fetch(cursor)
        if items:
            digest = hashlib.sha256(json.dumps(items, sort_keys=True).encode()).digest()
            if digest in seen:
                raise ProviderError(f"{what}: the same page came twice; the list has no end")
            seen.add(digest)
        yield items
        if cursor is None:
            return
        if cursor in cursors:
            raise ProviderError(f"{what}: the same cursor came twice; the list has no end")
        cursors.add(cursor)
    raise ProviderError(f"{what}: more than {max_pages:,} pages")
