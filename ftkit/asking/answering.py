"""Answers over a network: whole, in pieces, without blocking, many at once; what differs between providers is a wire.

A provider's Inference derives from `Answering` and brings its client, its wire and its records.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Protocol

from ftkit import clock
from ftkit.asking.pace import Pace
from ftkit.asking.patient import Asking, Loading
from ftkit.backend import Answer, Call, ModelRecord, Unavailable
from ftkit.errors import NotFound


class Pieces(Protocol):
    """An answer that arrives in pieces."""

    def take(self, piece: Mapping[str, Any], /) -> str: ...

    def answer(self) -> Answer: ...


class Wire(Protocol):
    """How a provider is asked: pure functions, and the calls of its client."""

    WHAT: str

    def body(self, record: ModelRecord, call: Call) -> dict[str, Any]: ...

    def whole_call(self, asked: Mapping[str, Any], timeout_s: float) -> Any: ...

    def stream_call(self, asked: Mapping[str, Any], timeout_s: float) -> Any: ...

    def answer(self, reply: Mapping[str, Any]) -> Answer: ...

    def Pieces(self) -> Pieces: ...


class Asks(Protocol):
    """A client that asks once; errors are Unavailable, LostReply, NotFound, or final."""

    def ask(self, what: str, call: Any, /) -> dict[str, Any]: ...

    def stream(self, what: str, call: Any, /) -> Iterator[dict[str, Any]]: ...

    async def aask(self, what: str, call: Any, /) -> dict[str, Any]: ...

    def astream(self, what: str, call: Any, /) -> AsyncIterator[dict[str, Any]]: ...


class Answering:
    """The verbs of Inference but `record`. At most `at_once` questions are under way, of times in seconds.

    `threads` begins the names of the threads that ask many questions.
    """

    def __init__(
        self, client: Asks, wire: Wire, *, at_once: int, answer_timeout_s: float, threads: str
    ) -> None:
        self._client = client
        self._wire = wire
        self._at_once = at_once
        self._answer_timeout_s = answer_timeout_s
        self._threads = threads

    def _loading(self, record: ModelRecord) -> Loading | None:
        """What to do about a model that is not found; None where that is never waited for."""
        return None

    def chat(self, record: ModelRecord, call: Call) -> Answer:
        """One answer. A model that may still be loading is waited for."""
        return self._chat(record, call, None)

    def stream(self, record: ModelRecord, call: Call) -> Iterator[str | Answer]:
        """The same answer in pieces; one that breaks is not asked for again."""
        asking = self._asking(record, call, streamed=True)
        pieces, question = self._wire.Pieces(), self._question(record, call, streamed=True)
        while True:
            try:
                for chunk in self._client.stream(self._wire.WHAT, question):
                    if piece := pieces.take(chunk):
                        yield piece
                break
            except (NotFound, Unavailable) as error:  # repeated only where no piece has come
                clock.sleep(asking.pause_s(error))
        asking.answered()
        yield pieces.answer()

    async def achat(self, record: ModelRecord, call: Call) -> Answer:
        """`chat` without blocking the event loop."""
        asking, question = self._asking(record, call), self._question(record, call)
        while True:
            try:
                reply = await self._client.aask(self._wire.WHAT, question)
                break
            except (NotFound, Unavailable) as error:
                await clock.sleep_async(await asyncio.to_thread(asking.pause_s, error))
        asking.answered()
        return replace(self._wire.answer(reply), lost=asking.lost)

    async def astream(self, record: ModelRecord, call: Call) -> AsyncIterator[str | Answer]:
        """`stream` without blocking the event loop."""
        asking = self._asking(record, call, streamed=True)
        pieces, question = self._wire.Pieces(), self._question(record, call, streamed=True)
        while True:
            try:
                async for chunk in self._client.astream(self._wire.WHAT, question):
                    if piece := pieces.take(chunk):
                        yield piece
                break
            except (NotFound, Unavailable) as error:
                await clock.sleep_async(await asyncio.to_thread(asking.pause_s, error))
        asking.answered()
        yield pieces.answer()

    def chat_many(self, record: ModelRecord, calls: Iterable[Call]) -> Iterator[tuple[int, Answer]]:
        """As they are ready, a few at once. Where one fails, those that have come are given first: they are paid for."""
        ahead = iter(enumerate(calls))
        running: dict[Future[Answer], int] = {}
        pace = Pace(self._at_once)
        with ThreadPoolExecutor(self._at_once, self._threads) as threads:
            failed: BaseException | None = None
            try:
                while True:
                    while failed is None and len(running) < pace.allowed:
                        index, call = next(ahead, (-1, None))
                        if call is None:
                            break
                        running[threads.submit(self._chat, record, call, pace)] = index
                    if not running:
                        break
                    for done in wait(running, return_when=FIRST_COMPLETED).done:
                        index = running.pop(done)
                        error = done.exception()
                        if error is None:
                            yield index, done.result()
                        elif not isinstance(error, CancelledError):
                            failed = failed or error
                            pace.close()  # whoever waits for a turn has nothing under way
            finally:
                pace.close()
                for future in running:
                    future.cancel()
        if failed is not None:
            raise failed

    def _chat(self, record: ModelRecord, call: Call, pace: Pace | None) -> Answer:
        """One answer; of many at once each takes its turn."""
        asking, question = self._asking(record, call, pace), self._question(record, call)
        while True:
            try:
                with nullcontext() if pace is None else pace.turn():
                    reply = self._client.ask(self._wire.WHAT, question)
                break
            except (NotFound, Unavailable) as error:
                clock.sleep(asking.pause_s(error))
        asking.answered()
        return replace(self._wire.answer(reply), lost=asking.lost)

    def _question(self, record: ModelRecord, call: Call, *, streamed: bool = False) -> Any:
        """The SDK's call that asks it."""
        asked, timeout_s = self._wire.body(record, call), self._timeout_s(call)
        make = self._wire.stream_call if streamed else self._wire.whole_call
        return make(asked, timeout_s)

    def _asking(
        self, record: ModelRecord, call: Call, pace: Pace | None = None, *, streamed: bool = False
    ) -> Asking:
        """Nobody stands behind one of many questions, so that a wait may be longer than its own timeout."""
        within_s = self._timeout_s(call) if pace is None else self._answer_timeout_s
        loading = self._loading(record)
        return Asking(record.instance, within_s, loading=loading, pace=pace, streamed=streamed)

    def _timeout_s(self, call: Call) -> float:
        return call.timeout_s or self._answer_timeout_s
