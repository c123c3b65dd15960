"""Reads of a provider, tried again with jitter inside one budget that all of a process's reads share.

Three tries in a row for every call would triple the load on a provider that is down already. A retry costs one token of
the provider's bucket, ten successes bring one back, and an empty bucket means one try a call until it answers again: the
token bucket of the AWS SDKs' standard retry mode. Paid calls are never made through here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from ftkit import clock
from ftkit.backend import Unavailable

T = TypeVar("T")

TRIES = 3
CAPACITY = 10.0
PER_SUCCESS = 0.1
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 20.0

_backoff = wait_random_exponential(multiplier=FIRST_WAIT_S, max=8)


class Budget:
    """The retries that one provider is still worth. Thread-safe."""

    def __init__(self, capacity: float = CAPACITY) -> None:
        self._capacity = capacity
        self._tokens = capacity
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Spend one retry; False where none is left."""
        with self._lock:
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def succeeded(self) -> None:
        """Give a little back for an answer."""
        with self._lock:
            self._tokens = min(self._capacity, self._tokens + PER_SUCCESS)


_budgets: dict[str, Budget] = {}
_lock = threading.Lock()


def budget_of(provider: str) -> Budget:
    """The budget that everything in this process shares for one provider."""
    with _lock:
        return _budgets.setdefault(provider, Budget())


def patiently(provider: str, call: Callable[[], T]) -> T:
    """The answer of a read; raises Unavailable when the tries or the provider's budget are used up.

    A wish to wait for longer than 20 s is not waited for here: whoever polls comes back later anyway.
    """
    budget = budget_of(provider)

    def enough(state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome is not None else None
        wish = error.retry_after_s if isinstance(error, Unavailable) else None
        too_long = wish is not None and wish > LONGEST_WAIT_S
        return state.attempt_number >= TRIES or too_long or not budget.take()

    retrying = Retrying(
        retry=retry_if_exception_type(Unavailable),
        stop=enough,
        wait=_wait,
        sleep=clock.sleep,
        reraise=True,
    )
    answer = retrying(call)
    budget.succeeded()
    return answer


def _wait(state: RetryCallState) -> float:
    """Jittered and growing, and never shorter than the provider asked for."""
    error: Any = state.outcome.exception() if state.outcome is not None else None
    wish = error.retry_after_s if isinstance(error, Unavailable) else None
    return (wish or 0.0) + float(_backoff(state))
