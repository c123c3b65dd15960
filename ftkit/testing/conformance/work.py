"""Work to put before a backend: rows, counts, requests with keys of their own, and waiting for what comes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ftkit import clock
from ftkit.backend import (
    Base,
    Call,
    Hosting,
    JobStatus,
    ModelRecord,
    Pricing,
    Remote,
    Resolved,
    Training,
    TrainRequest,
    Uploads,
)
from ftkit.data.example import Example, Message
from ftkit.data.tokens import Counts
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.spending import attempt_key, stem_of
from ftkit.testing.conformance.subject import Subject

T = TypeVar("T")

SYSTEM = "You route tickets."
_SLACK_S = 2.0


def conversation(number: int) -> tuple[Message, ...]:
    """A row that differs from every other number's."""
    return (
        Message("system", SYSTEM),
        Message("user", f"Where is my parcel number {number}?" + " please" * (number % 4)),
        Message("assistant", ("shipping", "billing", "other")[number % 3]),
    )


def question(text: str = "Where is my parcel?", **options: Any) -> Call:
    """One question of few tokens, answered greedily."""
    return Call((Message("user", text),), **{"max_tokens": 8, **options})


@dataclass(frozen=True, slots=True)
class Work:
    """Requests for one subject. `folder` is where encoded rows are written."""

    subject: Subject
    folder: Path

    def key(self, label: str) -> str:
        """A key as the core makes them, of this label's own."""
        return attempt_key(stem_of(hashlib.sha256(label.encode()).hexdigest()), 1)

    def counts(self, training: Training, base: Base) -> Counts:
        """Tokens of the subject's rows; words where the provider keeps its tokenizer."""
        rows = [conversation(number) for number in range(self.subject.rows)]
        renderer = training.renderer(base)
        if renderer is None:
            lengths = [sum(len(message.content.split()) for message in row) for row in rows]
            return Counts(len(rows), sum(lengths), len(rows), tuple(lengths))
        rendered = [sequence for row in rows for sequence in renderer.render(row)]
        lengths = [len(sequence.ids) for sequence in rendered]
        trained = sum(sequence.trained for sequence in rendered)
        return Counts(len(rows), sum(lengths), trained, tuple(lengths))

    def base_for(self, method: Method) -> str:
        """The base that is trained with a method."""
        return self.subject.method_bases.get(method, self.subject.base)

    def resolved(
        self, pricing: Pricing, training: Training, method: Method = Method.LORA, **settings: Any
    ) -> Resolved:
        """A run over the subject's rows with everything decided; `settings` override the subject's."""
        base = training.base(self.base_for(method))
        chosen = Hyperparameters(**{**self.subject.hyperparameters, **settings})
        return pricing.resolve(base, method, chosen, self.counts(training, base))

    def request(
        self, label: str, pricing: Pricing, training: Training, **settings: Any
    ) -> TrainRequest:
        """A request under the label's key, its rows uploaded where the backend uploads."""
        resolved = self.resolved(pricing, training, **settings)
        file = self.file(training)
        request = TrainRequest(
            key=self.key(label),
            base=resolved.base,
            method=resolved.method,
            hyperparameters=resolved.hyperparameters,
            steps=resolved.steps,
            train_file=file,
            validation_file=None,
            record={"instance": self.subject.instance, "base": resolved.base.id, "system": SYSTEM},
            name="conformance",
        )
        if not isinstance(training, Uploads):
            return request
        return replace(request, train_upload=training.upload(file, file.name))

    def long_job(self, label: str, pricing: Pricing, training: Training) -> Remote:
        """A job that was started to last, and runs."""
        with self.subject.slowly():
            ready = self.request(label, pricing, training, **self.subject.long_run)
            remote = training.submit(ready)
        return self._begun(training, remote.id)

    @contextmanager
    def served(self, hosting: Hosting | None, record: ModelRecord) -> Iterator[None]:
        """The model on a deployment of its own, where it answers only there."""
        if hosting is None or hosting.rate_key(record) is None:
            yield
            return
        made = hosting.start(record, self.key(f"served {record.native}"))
        try:
            yield
        finally:
            hosting.stop(made.id)

    def file(self, training: Training) -> Path:
        """The subject's rows, encoded, in a file named by its SHA-256."""
        rows = range(self.subject.rows)
        content = b"".join(
            training.encode(Example(conversation(number))) + b"\n" for number in rows
        )
        path = self.folder / hashlib.sha256(content).hexdigest()
        path.write_bytes(content)
        return path

    def settled(self, training: Training, id: str) -> Remote:
        """The job once it has ended; AssertionError where it does not within the subject's time."""
        return self.until(
            f"job {id} to end",
            lambda: training.get(id),
            lambda remote: remote.status.final,
            self.subject.timeout_s,
            training.poll_s,
        )

    def _begun(self, training: Training, id: str) -> Remote:
        """The job once it runs and, where steps are told, has made its first; or once it has ended."""
        return self.until(
            f"job {id} to begin",
            lambda: training.get(id),
            lambda remote: (
                remote.status.final
                or (remote.status is not JobStatus.QUEUED and (remote.progress or (1, 1))[0] > 0)
            ),
            self.subject.timeout_s,
            training.poll_s,
        )

    def listed(self, lag_s: float, find: Callable[[], Sequence[T]]) -> Sequence[T]:
        """What `find` gives once it gives anything, or after the listing lag."""
        try:
            return self.until("it to be listed", find, bool, lag_s + _SLACK_S, 0.1)
        except AssertionError:
            return ()

    @staticmethod
    def until(
        what: str, look: Callable[[], T], good: Callable[[T], bool], within_s: float, pause_s: float
    ) -> T:
        """The first thing seen that is good; AssertionError with the last one where none is in time."""
        deadline = clock.monotonic() + within_s
        while not good(seen := look()):
            if clock.monotonic() > deadline:
                raise AssertionError(
                    f"waited {within_s:g} s for {what}; the last thing seen was {seen}"
                )
            clock.sleep(pause_s)
        return seen
