"""How fast one model lets itself be asked by many threads: half as many at once after a refusal, then slowly more again.

While the provider wants to be left alone nobody asks, whoever of them was told so: eight threads that each find out for
themselves are eight refusals. The rule is that of TCP (additive increase, multiplicative decrease).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager

from ftkit import clock

# so slow that a step back up brings more answers than the refusal that may follow costs retries
_ANSWERS_PER_STEP = 20
_SLICE_S = 1.0  # of a long wait, so that one who leaves is not waited for
_LEAST_S = 0.001  # a rest that no clock resolves would be waited for without end


class Pace:
    """At most `most` at once. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = most
        self._under_way = 0
        self._answers = 0
        self._until = clock.monotonic()
        self._closed = False
        self._changed = threading.Condition()

    @property
    def allowed(self) -> int:
        """How many may be under way now."""
        return self._allowed

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and have it; CancelledError where it is closed meanwhile."""
        while (left := self._begin()) is not None:
            if left > 0:
                clock.sleep(min(max(left, _LEAST_S), _SLICE_S))
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _begin(self) -> float | None:
        """None with the turn taken; else the seconds to wait, 0 after a wait for somebody else's end."""
        with self._changed:
            if self._closed:
                raise CancelledError
            if (left := self._until - clock.monotonic()) > 0:
                return left
            if self._under_way < self._allowed:
                self._under_way += 1
                return None
            self._changed.wait(_SLICE_S)
            return 0.0

    def hold(self, seconds: float) -> None:
        """Let nobody begin for that long."""
        with self._changed:
            self._until = max(self._until, clock.monotonic() + seconds)

    def refused(self, seconds: float) -> None:
        """Hold, and go on slower; refusals of those that were under way together count as one."""
        with self._changed:
            now = clock.monotonic()
            if self._until <= now:
                self._allowed = max(1, self._allowed // 2)
                self._answers = 0
            self._until = max(self._until, now + seconds)

    def answered(self) -> None:
        """After an answer; enough of them allow one more at once."""
        with self._changed:
            self._answers += 1
            if self._allowed < self._most and self._answers >= _ANSWERS_PER_STEP * self._allowed:
                self._allowed += 1
                self._answers = 0
                self._changed.notify_all()

    def close(self) -> None:
        """Those who wait for a turn do not get one; those who have one end it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
