"""Lists of jobs, deployments and batches: newest first, in pages, and late: what is younger than the lag is not listed yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from .book import Book
from .jobs import Job
from .records import Batch, Deployment
from .replies import Call, Refusal, Reply, answer

LARGEST_PAGE = 100


def page(
    book: Book,
    call: Call,
    known: Mapping[str, Job] | Mapping[str, Deployment] | Mapping[str, Batch],
) -> Reply:
    """One page of those of the organisation that may be seen; the order is that of `seq`, not of time.

    `after` may name one that is not listed itself: it is only a place in the order.
    """
    limit = call.number("limit", 20, low=1, high=LARGEST_PAGE)
    seq = None
    if after := call.query.get("after"):
        last = known.get(after)
        if last is None or last.organisation != call.organisation:
            raise Refusal(400, "bad_after", f"there is nothing with the id {after!r}")
        seq = last.seq
    found = [
        item
        for item in known.values()
        if _listed(book, call, item)
        and (seq is None or item.seq < seq)
        and ("key" not in call.query or item.metadata.get("key") == call.query["key"])
    ]
    found.sort(key=lambda item: item.seq, reverse=True)
    for item in found[:limit]:
        if isinstance(item, Job):
            item.advance(call.now)
    data = [item.shown() for item in found[:limit]]
    return answer({"data": data, "has_more": len(found) > limit})


def _listed(book: Book, call: Call, item: Job | Deployment | Batch) -> bool:
    """True where it may be seen by now. Planted jobs are older work of others, which no lag hides."""
    if item.organisation != call.organisation:
        return False
    if isinstance(item, Job) and (item.foreign or item.lost):
        return not item.lost
    if isinstance(item, Deployment) and item.stopped and call.query.get("all") != "1":
        return False
    lag = timedelta(seconds=book.settings.listing_lag)
    return call.now - item.created >= lag and not book.settings.unlisted
