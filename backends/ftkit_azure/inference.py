"""Answers of models at Azure: OpenAI's API, asked under the name of a deployment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ftkit import asking
from ftkit.asking import Answering
from ftkit.backend import Call, ModelRecord
from ftkit.catalogue import Catalogue
from ftkit.errors import NotFound
from ftkit.http.replies import items, text
from ftkit_azure import wire
from ftkit_azure.client import AzureClient
from ftkit_azure.control import Control
from ftkit_azure.hosting import AzureHosting
from ftkit_azure.serving import Directory, Readiness
from ftkit_openai import chat_wire, responses_wire

if TYPE_CHECKING:
    from ftkit_azure import AzureSettings


@dataclass(frozen=True, slots=True)
class _Question:
    """A question whose model's name is known only when it is asked."""

    record: ModelRecord
    under: Callable[[str], Any]


class _Asker:
    """Fulfils `Asks`: finds the deployment, then asks it."""

    def __init__(self, client: AzureClient, directory: Directory) -> None:
        self._client = client
        self._directory = directory

    def ask(self, what: str, question: _Question, /) -> dict[str, Any]:
        name = self._directory.name(question.record)
        return self._client.ask(what, question.under(name))

    def stream(self, what: str, question: _Question, /) -> Iterator[dict[str, Any]]:
        name = self._directory.name(question.record)
        yield from self._client.stream(what, question.under(name))

    async def aask(self, what: str, question: _Question, /) -> dict[str, Any]:
        name = await asyncio.to_thread(self._directory.name, question.record)
        return await self._client.aask(what, question.under(name))

    async def astream(self, what: str, question: _Question, /) -> AsyncIterator[dict[str, Any]]:
        name = await asyncio.to_thread(self._directory.name, question.record)
        async for piece in self._client.astream(what, question.under(name)):
            yield piece


class AzureInference(Answering):
    """Inference at Azure."""

    def __init__(
        self,
        client: AzureClient,
        control: Control,
        hosting: AzureHosting,
        settings: AzureSettings,
        catalogue: Catalogue,
    ) -> None:
        self._directory = Directory(control, hosting, catalogue)
        spoken: asking.Wire = responses_wire if settings.api == "responses" else chat_wire
        super().__init__(
            _Asker(client, self._directory),
            spoken,
            at_once=settings.answers_at_once,
            answer_timeout_s=settings.answer_timeout_s,
            threads="ftkit-azure",
        )
        self._reads = client
        self._settings = settings
        self._catalogue = catalogue

    def record(self, native: str) -> ModelRecord:
        """A base of the catalogue, or any model or checkpoint that the resource has."""
        facts = self._catalogue.model(native)
        if facts is not None:
            name = facts.snapshot or native
            return ModelRecord("azure", name, name, family="azure", snapshot=name)
        if native.startswith(wire.CHECKPOINT):
            base = self._base_of_checkpoint(native)
        else:
            self._has(native.partition(":")[0])  # checkpoints are in no list of models
            base = wire.base_name(native)
        return ModelRecord("azure", native, base, tuned=wire.is_tuned(native), family="azure")

    def _has(self, native: str) -> None:
        try:
            self._reads.read(
                "GET /models/ID", lambda sdk: sdk.models.with_raw_response.retrieve(native)
            )
        except NotFound as error:
            hint = self._catalogue.suggestion(native)
            raise NotFound(f"the resource has no model {native!r}{hint}") from error

    def _base_of_checkpoint(self, native: str) -> str:
        """The id of a checkpoint tells nothing: it is looked for in the jobs, of which a resource keeps a hundred."""
        jobs = self._reads.read(
            "GET /fine_tuning/jobs",
            lambda sdk: sdk.fine_tuning.jobs.with_raw_response.list(limit=100),
        )
        for job in items(jobs, "data"):
            if native in self._checkpoints(text(job, "id")):
                return wire.base_name(text(job, "model"))
        raise NotFound(f"no job of the resource has a checkpoint {native!r}")

    def _checkpoints(self, job: str) -> list[Any]:
        kept = self._reads.read(
            "GET /fine_tuning/jobs/ID/checkpoints",
            lambda sdk: sdk.fine_tuning.jobs.checkpoints.with_raw_response.list(job, limit=100),
        )
        return [one.get("id") for one in items(kept, "data")]

    def _question(self, record: ModelRecord, call: Call, *, streamed: bool = False) -> _Question:
        asked, timeout_s = self._wire.body(record, call), self._timeout_s(call)
        make = self._wire.stream_call if streamed else self._wire.whole_call
        return _Question(record, lambda name: make({**asked, "model": name}, timeout_s))

    def _loading(self, record: ModelRecord) -> asking.Loading:
        """A deployment that was just made does not answer yet."""
        return Readiness(self._directory, record, self._settings.loading_s).pause_s
