"""The handle of a batch, in whatever process it is asked for. An interrupt or a time-out leaves it running."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ftkit.backend import Answer, BatchStatus
from ftkit.config import Settings
from ftkit.errors import (
    Fault,
    NotFound,
    ProviderError,
    StorageError,
    Unanswered,
)
from ftkit.ledger import BatchRow, HistoryLine, Ledger, State
from ftkit.models import batch_watching
from ftkit.models.batch_prices import BatchPrices
from ftkit.models.batch_settling import (
    batching_at,
    cancel_batch,
    observe,
    settle_batch,
)
from ftkit.models.batch_watching import not_ended
from ftkit.models.mapping import answer_line, read_answers
from ftkit.models.record import from_dict
from ftkit.models.reply import Reply, as_reply
from ftkit.patience import patiently
from ftkit.registry import open_backend
from ftkit.secrets import redact


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """How many questions are answered, how many cannot be, and how many there are."""

    done: int
    failed: int
    total: int


class Batch:
    """Many answers of one model, paid once. Thread-safe; pickles as its key.

    `schema` is what `reply.parsed` reads the answers back through; where it is left out, the JSON schema that was sent.
    """

    def __init__(self, key: str, settings: Settings, *, schema: Any = None) -> None:
        self.key = key
        self._settings = settings
        self._ledger = Ledger(settings.home)
        self._schema = schema
        self._answers: list[Reply | str] | None = None

    def __repr__(self) -> str:
        row = self.last_seen
        return f"<Batch {self.key} {row.model} {row.status}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Batch, (self.key, self._settings)

    @property
    def last_seen(self) -> BatchRow:
        """What the ledger knows, without asking the provider."""
        return self._ledger.batches.get(self.key)

    @property
    def id(self) -> str | None:
        """The provider's id; None while it has none, or the answer to its start is lost."""
        return self.last_seen.remote_id

    @property
    def model(self) -> str:
        """The model that answers, as `instance/native-id`."""
        return self.last_seen.model

    @property
    def status(self) -> BatchStatus:
        """queued, running, succeeded, failed, cancelled or expired, as the provider says now; raises nothing for a bad end."""
        return self.refresh().status

    @property
    def raw_status(self) -> str:
        """The provider's own word for the status."""
        return self.refresh().raw_status

    @property
    def counts(self) -> BatchCounts:
        """Questions answered, failed, and in all."""
        row = self.refresh()
        return BatchCounts(row.done, row.failed, row.total or row.request["rows"])

    @property
    def error(self) -> str | None:
        """Why the batch failed, or None."""
        return self.refresh().error

    @property
    def max_cost_usd(self) -> Decimal | None:
        """The most USD that it can cost, known before it was sent; None where that was not known."""
        return self.last_seen.usd

    @property
    def cost_usd(self) -> Decimal | None:
        """USD of its answers at the provider's prices of a batch; None before its end, and where they are not known."""
        row = self.refresh()
        if row.cost_usd is None and row.state is State.MADE and row.status.final:
            self._all()
            row = self.last_seen
        return row.cost_usd

    def refresh(self) -> BatchRow:
        """Ask the provider once and write what it says into the ledger; one that has ended is not asked for again."""
        row = self.last_seen
        if row.state is not State.MADE or row.remote_id is None or row.status.final:
            return row
        id, batching = row.remote_id, batching_at(row.instance, self._settings)
        try:
            remote = patiently(row.instance, lambda: batching.get(id))
        except NotFound as error:
            raise NotFound(
                f"{row.instance} has no batch {id!r} for this account; batch {row.key} was sent as {row.scope}"
            ) from error
        return observe(self._ledger, batching, self.key, remote)

    def wait(self, timeout_s: float | None = None) -> Batch:
        """Block until the batch has ended, however it ended; JobTimeout after `timeout_s` seconds leaves it running.

        An outage of the provider is waited through. Raises OutcomeUnknown for one that is unsettled.
        """
        batch_watching.wait(self, self._ledger, self._settings, timeout_s)
        return self

    async def wait_async(self, timeout_s: float | None = None) -> Batch:
        """`wait` without blocking the event loop; a cancelled task leaves the batch running."""
        await batch_watching.wait_async(self, self._ledger, self._settings, timeout_s)
        return self

    def replies(self) -> list[Reply]:
        """The answers in the order of the questions.

        Raises ProviderError while the batch runs, and Unanswered where questions have no answer: its `faults` name them,
        `answers()` and `save()` give the others.
        """
        found = self._all()
        faults = [Fault(one, row=n) for n, one in enumerate(found, start=1) if isinstance(one, str)]
        if faults:
            raise Unanswered(
                f"batch {self.key} {self.last_seen.status}: {len(faults):,} of {len(found):,} questions have no answer. "
                f"save('answers.jsonl') keeps the others, and model.map(the same questions, out='answers.jsonl') then asks "
                f"only for these, at the normal price",
                faults,
            )
        return [one for one in found if isinstance(one, Reply)]

    def answers(self) -> Iterator[tuple[int, Reply | str]]:
        """(index of the question, its Reply or why it has none), in order; raises ProviderError while the batch runs."""
        yield from enumerate(self._all())

    def save(self, path: str | Path) -> Path:
        """Write the answers there are to a file as `model.map(out=)` writes it; those that are in it already stay.

        `model.map` with the same questions and options and this file asks only for what is missing. Raises ProviderError
        while the batch runs, StorageError where the file cannot be written.
        """
        found, path = self._all(), Path(path)
        names = self._names()
        try:
            known = read_answers(path) if path.exists() else {}
            with path.open("a", encoding="utf-8") as file:
                for index, (name, one) in enumerate(zip(names, found, strict=True)):
                    if isinstance(one, Reply) and name not in known:
                        line = answer_line(name, index, one)
                        file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(f"cannot write answers to {path}: {error.strerror}") from error
        return path

    def cancel(self) -> None:
        """Ask the provider to stop; what it has answered by then is billed, and can be had. `status` tells when it has.

        One that is unsettled is stopped once it is found.
        """
        cancel_batch(self.key, self._settings)

    def settle(self, *, adopt: str | None = None, not_created: bool = False) -> Batch:
        """Find out what became of a lost start.

        Looks by key; `adopt` binds it to a batch of the provider by its id; `not_created` closes it, so that the same
        call may start another. Raises OutcomeUnknown while it cannot be known.
        """
        settle_batch(self.key, self._settings, adopt_id=adopt, not_created=not_created)
        return self

    def history(self) -> list[HistoryLine]:
        """What was done for this batch and when: intents, calls, money."""
        return self._ledger.history(self.key)

    def to_dict(self) -> dict[str, Any]:
        """What the ledger knows, as plain values for JSON."""
        row = self.last_seen
        return {
            "key": row.key,
            "id": row.remote_id,
            "model": row.model,
            "state": str(row.state),
            "status": str(row.status),
            "raw_status": row.raw_status,
            "done": row.done,
            "failed": row.failed,
            "total": row.total or row.request["rows"],
            "error": row.error,
            "max_cost_usd": None if row.usd is None else str(row.usd),
            "cost_usd": None if row.cost_usd is None else str(row.cost_usd),
            "created_at": row.created_at,
        }

    def _all(self) -> list[Reply | str]:
        """Every answer, or why it is missing, in the order of the questions."""
        if self._answers is None:
            self._answers = self._read()
        return self._answers

    def _read(self) -> list[Reply | str]:
        row = self.refresh()
        if not row.status.final:
            raise not_ended(row)
        rows = int(row.request["rows"])
        none = f"no answer: the batch is {row.status}" + (f", {row.error}" if row.error else "")
        found: list[Reply | str] = [none] * rows
        if row.state is not State.MADE or row.remote_id is None:
            return found
        id, record = row.remote_id, from_dict(row.request["record"])
        backend, batching = (
            open_backend(row.instance, self._settings),
            batching_at(row.instance, self._settings),
        )
        prices, schema = BatchPrices(backend, record), self._schema or row.request["schema"]
        cost: Decimal | None = Decimal(0)
        for index, one in patiently(row.instance, lambda: list(batching.answers(id))):
            if not 0 <= index < rows:
                raise ProviderError(
                    f"{row.instance} answers question {index + 1} of batch {row.key}, which has {rows}"
                )
            if isinstance(found[index], Reply):
                continue  # twice the same is billed once
            if isinstance(one, Answer):
                usd = prices.cost(one.usage)
                cost = None if cost is None or usd is None else cost + usd
                found[index] = as_reply(one, record.id, usd, schema)
            else:
                found[index] = redact(one)
        if cost is not None:
            self._ledger.batches.change(self.key, cost_usd=str(cost))
        return found

    def _names(self) -> list[str]:
        """By what names `map` knows the answers."""
        path = Path(self.last_seen.request["names"])
        try:
            return path.read_text(encoding="ascii").split()
        except OSError as error:
            raise StorageError(
                f"{path} cannot be read: {error.strerror}; model.batch with the same questions writes it again"
            ) from error


def find_batch(word: str, settings: Settings) -> Batch:
    """A batch of the ledger by its key, the provider's id, or `provider/id`; raises NotFound."""
    table = Ledger(settings.home).batches
    instance, slash, id = word.partition("/")
    found = table.by_remote(id, instance) if slash else table.by_remote(word)
    if len(found) > 1:
        known = ", ".join(f"{row.instance}/{row.remote_id}" for row in found)
        raise NotFound(f"{word!r} is more than one batch: {known}; give one of these")
    return Batch(found[0].key if found else table.get(word).key, settings)


def list_batches(settings: Settings) -> list[Batch]:
    """Every batch of the ledger, newest first."""
    return [Batch(row.key, settings) for row in Ledger(settings.home).batches.all()]
