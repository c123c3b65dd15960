"""One question's patience: with a provider that is busy, with a reply that was lost, with a model that still loads.

To ask again is free where the question was turned away (429, 503) or never left this machine. A reply that was lost may
have been paid for: the question is asked once more and no third time, and `lost` tells whoever counts the money. All of
it comes out of the retries that everything in this process shares for one provider, so that a storm ends in an error
and not in a thousand questions.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from ftkit import clock
from ftkit.asking.pace import Pace
from ftkit.backend import LostReply, Unavailable
from ftkit.errors import NotFound
from ftkit.patience import FIRST_WAIT_S, TRIES, budget_of

_LONGEST_JITTER_S = 8.0
_TWICE = 2  # how often a question is sent whose reply may have been paid for

log = logging.getLogger("ftkit")

Loading = Callable[
    [NotFound], float
]  # seconds until a model may answer that is not found; raises where it is not new


class Asking:
    """`pause_s` after each error says how long to wait before the question is asked again, or raises.

    No retry begins later than `within_s` seconds after the first try, the time that a model loads not counted. Of many
    questions (`pace`) one may be turned away more often than a single one, behind which somebody waits. A stream
    (`streamed`) is begun again, and never repeated. Without `loading` a model that is not found is an error at once.
    """

    def __init__(
        self,
        instance: str,
        within_s: float,
        *,
        loading: Loading | None = None,
        pace: Pace | None = None,
        streamed: bool = False,
    ) -> None:
        self.lost = 0
        self._instance = instance
        self._loading = loading
        self._until = clock.monotonic() + within_s
        self._pace = pace
        self._streamed = streamed
        self._tries = 0

    def pause_s(self, error: NotFound | Unavailable) -> float:
        """Seconds until the next try, 0 where the pace holds everybody back; raises where there is none."""
        if isinstance(error, NotFound):
            if self._loading is None:
                raise error
            pause = self._loading(error)
            self._until += pause
            if self._pace is None:
                return pause
            self._pace.hold(pause)
            return 0.0
        self._tries += 1
        pause = (error.retry_after_s or 0.0) + self._jitter_s()
        if (why := self._enough(error, pause)) is not None:
            raise _ended(error, why) from error
        if isinstance(error, LostReply):
            self.lost += 1
            log.warning("%s; asked once more", error.message)
        if self._pace is None:
            return pause
        self._pace.refused(pause)
        return 0.0

    def _enough(self, error: Unavailable, pause: float) -> str | None:
        """Why there is no further try; a token of the shared budget is spent only where there is one."""
        if isinstance(error, LostReply):
            if self._streamed:
                return "a stream is not repeated"
            if self.lost + 1 >= _TWICE:
                return "it is not asked a third time"
        elif self._pace is None and self._tries >= TRIES:
            return f"asked {self._tries} times"
        if clock.monotonic() + pause > self._until:
            return f"the next try would be in {pause:.0f} s, later than its timeout allows"
        if not budget_of(self._instance).take():
            return "the retries that this provider is worth are used up until it answers again"
        return None

    def answered(self) -> None:
        """An answer has come: the provider is worth a little more again."""
        budget_of(self._instance).succeeded()
        if self._pace is not None:
            self._pace.answered()

    def _jitter_s(self) -> float:
        return random.uniform(0, min(_LONGEST_JITTER_S, FIRST_WAIT_S * 2**self._tries))


def _ended(error: Unavailable, why: str) -> Unavailable:
    return type(error)(f"{error.message}; {why}", error.retry_after_s)
