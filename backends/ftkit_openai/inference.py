"""Answers of OpenAI's models, plain and tuned: how a question is asked, whichever of the two APIs it goes through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from ftkit import clock
from ftkit.backend import Answer, Call, ModelRecord, Unavailable
from ftkit.catalogue import Catalogue
from ftkit.errors import LifecycleError, NotFound
from ftkit_openai import chat_wire, responses_wire
from ftkit_openai.asking import Asking
from ftkit_openai.batching import OpenAIBatching
from ftkit_openai.client import Client
from ftkit_openai.loading import Loading
from ftkit_openai.pace import Pace
from ftkit_openai.tokens import base_name

if TYPE_CHECKING:
    from ftkit_openai import OpenAISettings


class Pieces(Protocol):
    """An answer that arrives in pieces."""

    def take(self, piece: Mapping[str, Any], /) -> str: ...

    def answer(self) -> Answer: ...


class Wire(Protocol):
    """What differs between chat completions and responses: pure functions, and the SDK's calls."""

    WHAT: str

    def body(self, record: ModelRecord, call: Call) -> dict[str, Any]: ...

    def whole_call(self, asked: Mapping[str, Any], timeout_s: float) -> Any: ...

    def stream_call(self, asked: Mapping[str, Any], timeout_s: float) -> Any: ...

    def answer(self, reply: Mapping[str, Any]) -> Answer: ...

    def Pieces(self) -> Pieces: ...


class OpenAIInference:
    """Inference at OpenAI."""

    def __init__(self, client: Client, settings: OpenAISettings, catalogue: Catalogue) -> None:
        self.batches = OpenAIBatching(client, settings)
        self._client = client
        self._settings = settings
        self._catalogue = catalogue
        self._wire: Wire = responses_wire if settings.api == "responses" else chat_wire

    def record(self, native: str) -> ModelRecord:
        """A base of the catalogue, or any model that OpenAI has; LifecycleError for one that is switched off."""
        facts = self._catalogue.model(native)
        if facts is not None:
            name = facts.snapshot or native
            return ModelRecord("openai", name, name, family="openai", snapshot=name)
        try:
            self._client.read(
                "GET /models/ID", lambda sdk: sdk.models.with_raw_response.retrieve(native)
            )
        except NotFound as error:
            self._gone(native, base_name(native), error)
            hint = self._catalogue.suggestion(native)
            raise NotFound(f"openai has no model {native!r} for this account{hint}") from error
        base = base_name(native)
        known = self._catalogue.model(base)
        name = base if known is None else known.snapshot or base
        return ModelRecord("openai", native, name, tuned=native.startswith("ft:"), family="openai")

    def chat(self, record: ModelRecord, call: Call) -> Answer:
        """One answer. A model that has just been tuned may still be loading, which is waited for."""
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
        pace = Pace(self._settings.answers_at_once)
        with ThreadPoolExecutor(self._settings.answers_at_once, "ftkit-openai") as threads:
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
        loading = Loading(self._client, record, self._settings.loading_s, self._gone)
        within_s = self._timeout_s(call) if pace is None else self._settings.answer_timeout_s
        return Asking(record.instance, loading, within_s, pace=pace, streamed=streamed)

    def _timeout_s(self, call: Call) -> float:
        return call.timeout_s or self._settings.answer_timeout_s

    def _gone(self, native: str, base: str, error: NotFound) -> None:
        """Raise LifecycleError where the base below a model has been switched off by now."""
        facts = self._catalogue.model(base)
        if facts is None or facts.shutdown is None or clock.now().date() < facts.shutdown:
            return
        raise LifecycleError(
            f"{native} does not answer any more: {base} was switched off on {facts.shutdown}, and what was tuned from it "
            f"with it ({facts.basis}){facts.instead}"
        ) from error
