"""How many requests and tokens an organisation may have in a minute, and the headers that say what is left.

Enforced are requests, where a setting limits them; a minute is one of the clock's. The other limits are only told.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from .models import moment
from .refusals import refusal

REQUESTS, INPUT, OUTPUT = 4_000, 4_000_000, 800_000


class Pace:
    """What each organisation has used of its minute."""

    def __init__(self) -> None:
        self._used: dict[str, tuple[datetime, Counter[str]]] = {}

    def take(self, organisation: str, limit: int | None, now: datetime) -> None:
        """Count a request; refused with the seconds to wait where the minute has no more."""
        used = self._minute(organisation, now)
        if limit is not None and used["requests"] >= limit:
            left = (_ends(now) - now).total_seconds()
            raise refusal("rate_limit_error", {"retry-after": str(max(1, round(left + 0.5)))})
        used["requests"] += 1

    def spend(self, organisation: str, read: int, written: int, now: datetime) -> None:
        """Count tokens; what the cache had does not count."""
        self._minute(organisation, now).update(input=read, output=written)

    def headers(self, organisation: str, limit: int | None, now: datetime) -> dict[str, str]:
        """What is left."""
        used = self._minute(organisation, now)
        reset = moment(_ends(now))
        told = {}
        for name, most, taken in (
            ("requests", limit or REQUESTS, used["requests"]),
            ("input-tokens", INPUT, used["input"]),
            ("output-tokens", OUTPUT, used["output"]),
            ("tokens", INPUT + OUTPUT, used["input"] + used["output"]),
        ):
            told[f"anthropic-ratelimit-{name}-limit"] = str(most)
            told[f"anthropic-ratelimit-{name}-remaining"] = str(max(0, most - taken))
            told[f"anthropic-ratelimit-{name}-reset"] = reset
        return told

    def _minute(self, organisation: str, now: datetime) -> Counter[str]:
        minute = now.replace(second=0, microsecond=0)
        if organisation not in self._used or self._used[organisation][0] != minute:
            self._used[organisation] = (minute, Counter())
        return self._used[organisation][1]


def _ends(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)
