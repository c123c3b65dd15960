"""Reads of one provider through a rescue that may take an hour: an outage is waited through, a dead provider ends it.

One thing that the provider can never give (a file that always answers 500) must not stop the rest, so it is given up
after a while; several in a row mean that there is nobody any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ftkit import clock
from ftkit.backend import Unavailable
from ftkit.errors import FtkitError
from ftkit.patience import patiently

T = TypeVar("T")

PAUSES_S = (5.0, 30.0)  # after the tries of `patiently`, which take seconds
LONGEST_PAUSE_S = 300.0  # for a provider that asks for more
IN_A_ROW = 3


class Reads:
    """Calls `read` again until it answers, or raises what it raised last."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._given_up = 0

    @property
    def dead(self) -> bool:
        """True where one thing after the other could not be had: whoever goes on only waits."""
        return self._given_up >= IN_A_ROW

    def __call__(self, read: Callable[[], T]) -> T:
        for pause in PAUSES_S:
            try:
                return self._once(read)
            except Unavailable as error:
                clock.sleep(min(max(pause, error.retry_after_s or 0.0), LONGEST_PAUSE_S))
        try:
            return self._once(read)
        except Unavailable:
            self._given_up += 1
            raise

    def _once(self, read: Callable[[], T]) -> T:
        try:
            answer = patiently(self._instance, read)
        except Unavailable:
            raise
        except FtkitError:
            self._given_up = 0  # a no is an answer
            raise
        self._given_up = 0
        return answer
