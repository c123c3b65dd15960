"""Numbers for events: OpenAI names them by strings and lists the newest first; ftkit counts them from 1, oldest first.

A number follows from the list alone, so every process gives the same. Twice the same event counts once; a page that
comes from its other end is turned round.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ftkit.http.replies import number, text

_JOBS_KEPT = 16

Raw = Mapping[str, Any]


def newest_first(page: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A page of any of OpenAI's lists in its usual order, also where it came from its other end."""
    turned = page and number(page[0], "created_at") < number(page[-1], "created_at")
    return page[::-1] if turned else page


def oldest_first(listed: Sequence[Raw]) -> list[Raw]:
    """Each event of a list once, by its time; those of one second in the order of the list, which is newest first."""
    found = list({text(one, "id"): one for one in listed}.values())
    found.reverse()
    return sorted(found, key=lambda one: number(one, "created_at"))


class EventBook:
    """What was read of the events of a few jobs, so that a poll reads only the pages with news. Thread-safe."""

    def __init__(self) -> None:
        self._known: dict[str, list[Raw]] = {}
        self._lock = threading.Lock()

    def numbered(self, job: str, pages: Callable[[], Iterable[Sequence[Raw]]]) -> list[Raw]:
        """All events of a job, oldest first: the n-th has the number n. `pages` gives the newest page first."""
        with self._lock:
            known = self._known.get(job, [])
        ids = {text(one, "id") for one in known}
        fresh: list[Raw] = []
        for page in pages():
            fresh += [one for one in page if text(one, "id") not in ids]
            if any(text(one, "id") in ids for one in page):
                break
        events = [*known, *oldest_first(fresh)]
        with self._lock:
            self._known.pop(job, None)
            self._known[job] = events
            while len(self._known) > _JOBS_KEPT:
                del self._known[next(iter(self._known))]
        return events
