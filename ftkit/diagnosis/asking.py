"""Asking somebody who may not answer: in a thread of its own, with a limit, and a reason instead of an exception.

The threads are daemons: what hangs is left behind, and does not keep the command from ending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from ftkit.errors import FtkitError
from ftkit.secrets import redact

T = TypeVar("T")
_WIDTH = 300


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Why there is no answer, in one redacted line."""

    reason: str


class Asked(Generic[T]):
    """Questions under way, each with a name."""

    def __init__(self, questions: Mapping[str, Callable[[], T]]) -> None:
        self._futures = {name: _start(question) for name, question in questions.items()}

    def answers(self, limit_s: float) -> dict[str, T | Unanswered]:
        """What is there within `limit_s` seconds from now."""
        wait(self._futures.values(), timeout=limit_s)
        found: dict[str, T | Unanswered] = {}
        for name, future in self._futures.items():
            answer = _answer(future, limit_s)
            found[name] = answer
        return found


def reason_of(error: Exception) -> str:
    """An error in one redacted line: our own in its words, a stranger's with its type."""
    text = str(error) if isinstance(error, FtkitError) else f"{type(error).__name__}: {error}"
    return one_line(text)


def one_line(text: str) -> str:
    """A stranger's text, redacted, in one line that is not too long."""
    plain = " ".join(redact(text).split())
    return plain if len(plain) <= _WIDTH else plain[: _WIDTH - 3] + "..."


def _start(question: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()

    def answer() -> None:
        try:
            future.set_result(question())
        except Exception as error:  # noqa: BLE001 - whatever a backend raises becomes a line of the report
            future.set_exception(error)

    threading.Thread(target=answer, daemon=True).start()
    return future


def _answer(future: Future[T], limit_s: float) -> T | Unanswered:
    if not future.done():
        return Unanswered(f"no answer within {limit_s:g} s")
    error = future.exception()
    if isinstance(error, Exception):
        return Unanswered(reason_of(error))
    return future.result()
