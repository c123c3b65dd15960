"""Everything the provider knows, and the counts by which it testifies.

What a test makes it forget leaves the counts as they are: it was made, and its money is spent.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ..serving import book as serving
from ..serving.clock import Clock
from .cache import Cache, Read
from .models import MILLION, Model, moved_days
from .pace import Pace
from .records import CHOICES, Account, Batch, Settings
from .refusals import STATUSES
from .thoughts import Thoughts


class Book(serving.Book):
    """The provider's state."""

    def __init__(self, clock: Clock, accounts: Mapping[str, Account]) -> None:
        self.accounts = dict(accounts)
        super().__init__(clock, Settings(), codes=STATUSES, choices=CHOICES)

    def forget(self) -> None:
        """Empty all rooms."""
        self.batches: dict[str, Batch] = {}
        self.cache = Cache()
        self.thoughts = Thoughts()
        self.pace = Pace()
        self.messages = 0
        self.token_counts = 0
        self.custom_ids: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.stop_reasons: Counter[str] = Counter()
        self.usd = Decimal(0)
        self.batch_usd = Decimal(0)

    def accept(self, settings: Any) -> None:
        """Refuse retirements that say nothing."""
        moved_days(settings.retirements)

    def next_id(self, kind: str) -> str:
        """A fresh id such as "msg_01Xb...": looks random, is the same in each run."""
        mark = f"{kind} {self.next_number(kind)}".encode()
        return f"{kind}_01{hashlib.sha256(mark).hexdigest()[:22]}"

    def request_id(self) -> str:
        """The id of the request that is being answered; nothing waits between its arrival and its answer."""
        return f"req_011{hashlib.sha256(f'request {len(self.log)}'.encode()).hexdigest()[:21]}"

    def bill(self, model: Model, read: Read, written: int, *, batch: bool) -> None:
        """Charge a call; a model whose price is not known costs nothing here."""
        self.tokens += Counter(
            input=read.input,
            cache_write_5m=read.write_5m,
            cache_write_1h=read.write_1h,
            cache_read=read.read,
            output=written,
        )
        rates = model.price(read.total, batch=batch)
        if rates is None:
            return
        usd = (
            read.input * rates.input
            + read.write_5m * rates.write_5m
            + read.write_1h * rates.write_1h
            + read.read * rates.read
            + written * rates.output
        ) / MILLION
        self.usd += usd
        self.batch_usd += usd if batch else 0

    def visible(self, batch: Batch, now: datetime) -> bool:
        """True where lists show it by now."""
        lag = timedelta(seconds=self.settings.listing_lag_s)
        return not batch.deleted and not self.settings.unlisted and now - batch.created >= lag

    def counts(self) -> dict[str, Any]:
        """What was made, asked and spent since the start or the last reset."""
        return {
            "messages": self.messages,
            "count_tokens": self.token_counts,
            "batches": self.made("msgbatch"),
            "batch_requests": sum(self.custom_ids.values()),
            "custom_ids": dict(self.custom_ids),
            "stop_reasons": dict(self.stop_reasons),
            "tokens": {
                name: self.tokens[name]
                for name in ("input", "cache_write_5m", "cache_write_1h", "cache_read", "output")
            },
            "usd": _plain(self.usd),
            "batch_usd": _plain(self.batch_usd),
            "requests": dict(self.requests),
            "deviations": dict(self.deviations),
        }


def _plain(usd: Decimal) -> str:
    return format(usd.normalize(), "f")
