"""Answers of the stand-in provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator

from ftkit.backend import Answer, Call, ModelRecord, Refused, Usage
from ftkit.catalogue import Catalogue
from ftkit.data.example import as_dicts
from ftkit.errors import NotDeployed, NotFound
from ftkit.http.replies import inner, optional_text, text, whole
from ftkit.testing.fake_backend.batching import FakeBatching
from ftkit.testing.fake_backend.client import Client


class FakeInference:
    """Inference of the stand-in provider."""

    def __init__(self, client: Client, catalogue: Catalogue, batches: FakeBatching) -> None:
        self.batches = batches
        self._client = client
        self._catalogue = catalogue

    def record(self, native: str) -> ModelRecord:
        """A base of the catalogue, or a tuned model that the provider has."""
        if native in self._catalogue.models:
            return ModelRecord("fake", native, native, family="fake")
        try:
            reply = self._client.http.get(f"/v1/models/{native}")
        except NotFound as error:
            raise NotFound(
                f"fake has no model {native!r}{self._catalogue.suggestion(native)}"
            ) from error
        base = optional_text(reply, "base")
        return ModelRecord("fake", native, base or native, tuned=base is not None, family="fake")

    def chat(self, record: ModelRecord, call: Call) -> Answer:
        """One answer; raises NotDeployed where the model needs a deployment that does not run."""
        body = {
            "model": record.native,
            "messages": as_dicts(call.messages),
            "max_tokens": call.max_tokens,
            "temperature": call.temperature,
            "stream": False,
        }
        try:
            reply = self._client.http.post_read("/v1/chat", body)
        except Refused as error:
            if error.code != "not_deployed":
                raise
            raise NotDeployed(_not_deployed(record, self._catalogue)) from error
        usage = inner(reply, "usage")
        return Answer(
            text(reply, "text"),
            text(reply, "finish_reason"),
            Usage(whole(usage, "input_tokens"), whole(usage, "output_tokens")),
            raw=reply,
        )

    def stream(self, record: ModelRecord, call: Call) -> Iterator[str | Answer]:
        """The answer, word by word."""
        answer = self.chat(record, call)
        yield from _pieces(answer.text)
        yield answer

    async def achat(self, record: ModelRecord, call: Call) -> Answer:
        """`chat` in a thread."""
        return await asyncio.to_thread(self.chat, record, call)

    async def astream(self, record: ModelRecord, call: Call) -> AsyncIterator[str | Answer]:
        """`stream` in a thread."""
        answer = await self.achat(record, call)
        for piece in _pieces(answer.text):
            yield piece
        yield answer

    def chat_many(self, record: ModelRecord, calls: Iterable[Call]) -> Iterator[tuple[int, Answer]]:
        """One after the other."""
        for index, call in enumerate(calls):
            yield index, self.chat(record, call)


def _not_deployed(record: ModelRecord, catalogue: Catalogue) -> str:
    facts = catalogue.model(record.base)
    rate = facts.rates.get("hosting") if facts is not None else None
    usd = catalogue.rates[rate].usd if rate is not None else None
    price = "an unknown price an hour" if usd is None else f"{usd:.2f} USD an hour"
    return (
        f"{record.id} answers only while it is deployed, for {price}; "
        f"use `with model.deployed(max_cost_usd=...)`, which starts and stops it, or `ftkit deploy MODEL --hours N`"
    )


def _pieces(answer: str) -> list[str]:
    words = answer.split(" ")
    return [word + " " for word in words[:-1]] + words[-1:]
