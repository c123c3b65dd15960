"""Answers of OpenAI's models, plain and tuned, through chat completions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from ftkit import clock
from ftkit.backend import Answer, Call, ModelRecord
from ftkit.catalogue import Catalogue
from ftkit.errors import LifecycleError, NotFound
from ftkit_openai import chat_wire
from ftkit_openai.client import Client
from ftkit_openai.loading import Loading
from ftkit_openai.tokens import base_name

if TYPE_CHECKING:
    from ftkit_openai import OpenAISettings

_CHAT = "POST /chat/completions"


class OpenAIInference:
    """Inference at OpenAI."""

    def __init__(self, client: Client, settings: OpenAISettings, catalogue: Catalogue) -> None:
        self._client = client
        self._settings = settings
        self._catalogue = catalogue

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
        loading = self._loading(record)
        while True:
            try:
                return chat_wire.answer(self._client.read(_CHAT, self._asks(record, call)))
            except NotFound as error:
                clock.sleep(loading.pause_s(error))

    def stream(self, record: ModelRecord, call: Call) -> Iterator[str | Answer]:
        """The same answer in pieces; one that breaks is not asked for again."""
        loading = self._loading(record)
        pieces = chat_wire.Pieces()
        while True:
            try:
                for chunk in self._client.stream(_CHAT, self._streams(record, call)):
                    if piece := pieces.take(chunk):
                        yield piece
                break
            except NotFound as error:  # said before the first piece
                clock.sleep(loading.pause_s(error))
        yield pieces.answer()

    async def achat(self, record: ModelRecord, call: Call) -> Answer:
        """`chat` without blocking the event loop."""
        loading = self._loading(record)
        while True:
            try:
                return chat_wire.answer(await self._client.aread(_CHAT, self._asks(record, call)))
            except NotFound as error:
                await clock.sleep_async(await asyncio.to_thread(loading.pause_s, error))

    async def astream(self, record: ModelRecord, call: Call) -> AsyncIterator[str | Answer]:
        """`stream` without blocking the event loop."""
        loading = self._loading(record)
        pieces = chat_wire.Pieces()
        while True:
            try:
                async for chunk in self._client.astream(_CHAT, self._streams(record, call)):
                    if piece := pieces.take(chunk):
                        yield piece
                break
            except NotFound as error:
                await clock.sleep_async(await asyncio.to_thread(loading.pause_s, error))
        yield pieces.answer()

    def chat_many(self, record: ModelRecord, calls: Iterable[Call]) -> Iterator[tuple[int, Answer]]:
        """As they are ready, a few at once. Where one fails, those that have come are given first: they are paid for."""
        ahead = iter(enumerate(calls))
        running: dict[Future[Answer], int] = {}
        with ThreadPoolExecutor(self._settings.answers_at_once, "ftkit-openai") as threads:
            failed: BaseException | None = None
            try:
                while True:
                    while failed is None and len(running) < self._settings.answers_at_once:
                        index, call = next(ahead, (-1, None))
                        if call is None:
                            break
                        running[threads.submit(self.chat, record, call)] = index
                    if not running:
                        break
                    for done in wait(running, return_when=FIRST_COMPLETED).done:
                        index = running.pop(done)
                        error = done.exception()
                        if error is None:
                            yield index, done.result()
                        else:
                            failed = failed or error
            finally:
                for future in running:
                    future.cancel()
        if failed is not None:
            raise failed

    def _asks(self, record: ModelRecord, call: Call) -> Any:
        body, timeout = chat_wire.body(record, call), self._timeout(call)
        return lambda sdk: sdk.chat.completions.with_raw_response.create(
            messages=body["messages"], model=body["model"], extra_body=body, timeout=timeout
        )

    def _streams(self, record: ModelRecord, call: Call) -> Any:
        body, timeout = chat_wire.body(record, call), self._timeout(call)
        return lambda sdk: sdk.chat.completions.create(
            messages=body["messages"],
            model=body["model"],
            stream=True,
            stream_options={"include_usage": True},
            extra_body=body,
            timeout=timeout,
        )

    def _timeout(self, call: Call) -> float:
        return call.timeout_s or self._settings.answer_timeout_s

    def _loading(self, record: ModelRecord) -> Loading:
        return Loading(self._client, record, self._settings.loading_s, self._gone)

    def _gone(self, native: str, base: str, error: NotFound) -> None:
        """Raise LifecycleError where the base below a model has been switched off by now."""
        facts = self._catalogue.model(base)
        if facts is None or facts.shutdown is None or clock.now().date() < facts.shutdown:
            return
        instead = f"; take {' or '.join(facts.replacements)}" if facts.replacements else ""
        raise LifecycleError(
            f"{native} does not answer any more: {base} was switched off on {facts.shutdown}, and what was tuned from it "
            f"with it (as of {facts.as_of}: {facts.source}){instead}"
        ) from error
