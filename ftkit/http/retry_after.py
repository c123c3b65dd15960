"""The header Retry-After: seconds, or a date in one of HTTP's three spellings (RFC 9110, 5.6.7 and 10.2.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

LONGEST_S = 3600.0
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """How long the provider wishes to be left alone, in seconds, at most an hour; `now` has a time zone.

    None where it says nothing that can be used: no header, no number, a moment that is past (clocks differ, and a wish
    of zero would lift the caller's own pause).
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_S)
    try:
        parts = parsedate_tz(text)
        if parts is None:
            return None
        # asctime has no zone: HTTP's dates are UTC
        moment = datetime(*parts[:6], tzinfo=UTC) - timedelta(seconds=parts[9] or 0)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None  # a date that no calendar has
    wait = (moment - now).total_seconds()
    return min(wait, LONGEST_S) if wait >= 0 else None
