"""One handle for every model, tuned or not, wherever it lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ftkit.backend import (
    Answer,
    Backend,
    Call,
    CountsTokens,
    Inference,
    ModelRecord,
    Score,
    Scores,
)
from ftkit.config import Settings, money
from ftkit.data import Example, Message
from ftkit.errors import CapabilityError
from ftkit.models.batched import Batch
from ftkit.models.batching import start_batch
from ftkit.models.deploying import Deployment, deployment
from ftkit.models.lifecycle import ends_on, still_there
from ftkit.models.mapping import answer_all
from ftkit.models.questions import Question, asked, chosen, conversation, needs
from ftkit.models.record import from_dict, to_dict
from ftkit.models.reply import Reply, Stream, as_reply
from ftkit.models.saving import save_model
from ftkit.registry import open_backend
from ftkit.spending import Meter

Progress = Callable[[int, int], None]


class Model:
    """Answers questions the way it was trained to. Thread-safe; pickles as its record.

    Options of every verb: `max_tokens`, `temperature` (0 is greedy), `top_p`, `stop` (text or texts), `seed`,
    `timeout_s`, `extra` (the backend's own options), `tools` (functions that may be called), `schema` (a JSON schema or a
    pydantic class, read back as `reply.parsed`). What a model or its backend cannot do with a question is refused.
    """

    def __init__(
        self, record: ModelRecord, settings: Settings, deployment: Deployment | None = None
    ) -> None:
        self.record = record
        self._settings = settings
        self._deployment = deployment

    def __repr__(self) -> str:
        return f"<Model {self.id}{f' tuned from {self.record.base}' if self.tuned else ''}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (to_dict(self.record), self._settings)

    @property
    def id(self) -> str:
        """`instance/native-id`."""
        return self.record.id

    @property
    def tuned(self) -> bool:
        """False for a plain base."""
        return self.record.tuned

    @property
    def system(self) -> str | None:
        """The system prompt that is frozen with the model and put in front of every question."""
        return self.record.system

    @property
    def ends_on(self) -> date | None:
        """The first day on which it does not answer any more; None where no such day is known."""
        return ends_on(self.record, self._backend)

    @property
    def base(self) -> Model:
        """The model that this one was tuned from, asked under the same system prompt; itself where it is not tuned."""
        if not self.tuned:
            return self
        plain = ModelRecord(
            instance=self.record.instance,
            native=self.record.base,
            base=self.record.base,
            system=self.record.system,
            template=self.record.template,
            family=self.record.family,
            snapshot=self.record.snapshot,
        )
        return Model(plain, self._settings)

    def chat(self, question: Question, *, override_system: bool = False, **options: Any) -> Reply:
        """One answer to a text or a list of messages."""
        call = self._call(question, override_system, options)
        answer = self._inference.chat(self.record, call)
        return self._reply(answer, options)

    async def achat(
        self, question: Question, *, override_system: bool = False, **options: Any
    ) -> Reply:
        """`chat` for asyncio."""
        call = self._call(question, override_system, options)
        answer = await self._inference.achat(self.record, call)
        return self._reply(answer, options)

    def stream(
        self, question: Question, *, override_system: bool = False, **options: Any
    ) -> Stream:
        """The answer in pieces of text; the whole Reply is in `.reply` at the end. Never retried."""
        call = self._call(question, override_system, options)
        pieces = self._inference.stream(self.record, call)
        return Stream(pieces, lambda answer: self._reply(answer, options))

    async def astream(
        self, question: Question, *, override_system: bool = False, **options: Any
    ) -> AsyncIterator[str]:
        """`stream` for asyncio."""
        call = self._call(question, override_system, options)
        async for piece in self._inference.astream(self.record, call):
            if isinstance(piece, str):
                yield piece

    def map(
        self,
        questions: Iterable[Question],
        *,
        out: str | Path | None = None,
        progress: Progress | None = None,
        override_system: bool = False,
        max_cost_usd: Decimal | float | str | None = None,
        allow_unpriced: bool = False,
        **options: Any,
    ) -> list[Reply]:
        """Answers in the order of the questions.

        Paid answers stop with BudgetError once they have cost more than `max_cost_usd` (or the profile's); a price that
        is not known needs `allow_unpriced=True`.

        With `out` each answer is written to that JSONL file as soon as it is there; the same call again reads back what
        is in the file (marked `replayed`) and asks only for the rest.
        """
        calls = [self._call(question, override_system, options) for question in questions]
        limit = self._settings.max_cost_usd if max_cost_usd is None else money(max_cost_usd)
        return answer_all(
            self._backend,
            self._inference,
            self.record,
            calls,
            None if out is None else Path(out),
            progress,
            settings=self._settings,
            limit=limit,
            allow_unpriced=allow_unpriced,
            schema=options.get("schema"),
        )

    def batch(
        self,
        questions: Iterable[Question],
        *,
        max_cost_usd: Decimal | float | str | None = None,
        allow_unpriced: bool = False,
        override_system: bool = False,
        **options: Any,
    ) -> Batch:
        """Many answers together within a day, for less (often half) than one by one; returns at once. Options as for `map`.

        Made once: the same call again, from any process or machine, attaches to the batch that is there; one that ended
        without a single answer is made anew. The most it can cost (USD) is told by tokens before anything is sent:
        BudgetError where that is above `max_cost_usd` (or the profile's) or, with a budget, cannot be told; a price that
        is not known needs `allow_unpriced=True`. CapabilityError where the backend has no batches or takes fewer
        questions at once; OutcomeUnknown where the answer to the start was lost: the same call looks for it.
        """
        calls = [self._call(question, override_system, options) for question in questions]
        limit = self._settings.max_cost_usd if max_cost_usd is None else money(max_cost_usd)
        backend, _ = self._backend, self._inference
        key = start_batch(
            self.record,
            backend,
            calls,
            self._settings,
            limit=limit,
            allow_unpriced=allow_unpriced,
        )
        return Batch(key, self._settings, schema=options.get("schema"))

    async def abatch(self, questions: Iterable[Question], **options: Any) -> Batch:
        """`batch` for asyncio."""
        return await asyncio.to_thread(lambda: self.batch(questions, **options))

    @contextmanager
    def deployed(
        self,
        *,
        max_cost_usd: Decimal | float | str | None = None,
        allow_unpriced: bool = False,
    ) -> Iterator[Model]:
        """The model on a deployment of its own, for models that answer only there; a no-op for all others.

        Started when the block begins, unless it runs already, and stopped when it ends, unless it was deployed for a length
        (`ftkit.deploy`) or by another ledger. One hour must fit into `max_cost_usd` (USD); a call after that much has been
        spent raises BudgetError, where the block stops it. OutcomeUnknown where the start's answer was lost: the same
        block again looks for it.
        """
        limit = self._settings.max_cost_usd if max_cost_usd is None else money(max_cost_usd)
        with deployment(
            self.record,
            self._backend,
            self._settings,
            max_cost_usd=limit,
            allow_unpriced=allow_unpriced,
        ) as running:
            yield Model(self.record, self._settings, running)

    async def amap(self, questions: Iterable[Question], **options: Any) -> list[Reply]:
        """`map` for asyncio."""
        return await asyncio.to_thread(lambda: self.map(questions, **options))

    def score(
        self, examples: Iterable[Example], *, progress: Progress | None = None
    ) -> list[Score]:
        """Negative log-likelihood of each example's answer under this model, in nats over its tokens."""
        scoring = self._inference
        if not isinstance(scoring, Scores):
            raise self._backend.refuse("score")
        conversations = [
            (
                *conversation(example, self.record, override_system=False),
                Message("assistant", example.answer),
            )
            for example in examples
        ]
        found: list[Score | None] = [None] * len(conversations)
        for done, (index, score) in enumerate(scoring.score(self.record, conversations), start=1):
            found[index] = score
            if progress is not None:
                progress(done, len(found))
        return [score for score in found if score is not None]

    def count_tokens(
        self, question: Question, *, override_system: bool = False, **options: Any
    ) -> int:
        """Tokens that `chat` would read for this question with these options; costs nothing and answers nothing."""
        call = self._call(question, override_system, options)
        counting = self._inference
        if not isinstance(counting, CountsTokens):
            raise self._backend.refuse("count_tokens")
        return counting.count_tokens(self.record, call)

    async def acount_tokens(self, question: Question, **options: Any) -> int:
        """`count_tokens` for asyncio."""
        return await asyncio.to_thread(lambda: self.count_tokens(question, **options))

    def save(self, path: str | Path) -> Path:
        """Write the record to `path` (JSON) and weights that are at hand to a folder beside it (`NAME.adapter`).

        The two can be copied together anywhere and opened with `ftkit.model(path)`; the ledger is not needed.
        """
        return save_model(self._inference, self.record, Path(path))

    @property
    def _backend(self) -> Backend:
        return open_backend(self.record.instance, self._settings)

    @property
    def _meter(self) -> Meter:
        return Meter(self._backend, self.record)

    @property
    def _inference(self) -> Inference:
        if self._deployment is not None:
            self._deployment.within_budget()
        backend = self._backend
        if backend.inference is None:
            raise backend.refuse("inference")
        still_there(self.record, backend)
        return backend.inference

    def _call(self, question: Question, override_system: bool, options: dict[str, Any]) -> Call:
        """The call; refused by name where the backend lacks what it takes."""
        call, backend = asked(question, self.record, override_system, options), self._backend
        facts = backend.catalogue.model(self.record.base)
        for need in (*needs(call), *chosen(options)):
            if need in backend.lacks:
                raise backend.refuse(need)
            if facts is not None and need in facts.lacks:
                raise CapabilityError(f"{self.id} cannot do {need!r}: {facts.lacks[need]}")
        return call

    def _reply(self, answer: Answer, options: dict[str, Any]) -> Reply:
        return as_reply(answer, self.id, self._meter.cost(answer.usage), options.get("schema"))


def _reopen(record: dict[str, Any], settings: Settings) -> Model:
    return Model(from_dict(record), settings)
