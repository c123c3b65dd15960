"""Jobs at OpenAI, in the order of a job's life. Our key stands in the metadata, by which OpenAI filters its list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit.backend import (
    Base,
    Checkpoint,
    Event,
    JobStatus,
    ModelRecord,
    OutcomeUnknown,
    Refused,
    Remote,
    RemoteFile,
    Resolved,
    Told,
    TrainRequest,
    Upload,
)
from ftkit.catalogue import Catalogue
from ftkit.data.example import Example
from ftkit.errors import CapabilityError, LifecycleError, NotFound, ProviderError, TrainingError
from ftkit.http import pages
from ftkit.http.replies import flag, items, number, optional_text, text
from ftkit.hyperparameters import Method
from ftkit_openai import failures, history, preflight, wire
from ftkit_openai.client import Client
from ftkit_openai.events import EventBook, newest_first
from ftkit_openai.tokens import OpenAIRenderer, base_name
from ftkit_openai.uploading import Uploading
from ftkit_openai.verdicts import SHUT_OUT

if TYPE_CHECKING:
    from ftkit_openai import FamilySettings

_PAGE = 100
_CREATE = "POST /fine_tuning/jobs"
_MILLION = 1_000_000


class OpenAITraining:
    """Training at OpenAI; what another provider of the family does otherwise is a method that it overrides."""

    wire = "openai-chat-jsonl"
    idempotent_create = False  # the create call knows no token

    def __init__(
        self,
        client: Client,
        settings: FamilySettings,
        catalogue: Catalogue,
        files: Uploading | None = None,
    ) -> None:
        self.listing_lag_s = settings.listing_lag_s
        self.poll_s = settings.poll_s
        self._client = client
        self._catalogue = catalogue
        self._files = files or Uploading(client, settings)
        self._events = EventBook()

    def base(self, native: str) -> Base:
        """A model of the catalogue, by its dated name whichever name was given: an alias can come to mean another."""
        facts = self._catalogue.model(native)
        if self._base_name(native) != native:
            raise CapabilityError(
                f"a job that goes on from the tuned model {native} is not built yet; train from {self._base_name(native)}"
            )
        if facts is None:
            raise NotFound(
                f"{self._client.name} has no base {native!r} that was ever tuned{self._catalogue.suggestion(native)}"
            )
        name = facts.snapshot or native
        return Base(name, name, self._client.name, facts.max_length)

    def renderer(self, base: Base) -> OpenAIRenderer | None:
        """OpenAI's tokens; raises NotInstalled where the vocabulary is not at hand."""
        facts = self._catalogue.model(base.id)
        if facts is None:
            return OpenAIRenderer(base.id, base.max_length)
        reason = facts.lacks.get("image_rows")
        return OpenAIRenderer(base.id, base.max_length, facts.images, reason)

    def encode(self, example: Example) -> bytes:
        """One row of a training file."""
        return wire.row(example)

    def preflight(self, resolved: Resolved) -> date | None:
        """Is the base there, until when, and is there room for one more job."""
        return preflight.pass_checks(self._client, self._catalogue, resolved.base)

    def upload(self, file: Path, sha256: str) -> Upload:
        """Send a file."""
        return self._files.upload(file, sha256)

    def still_there(self, upload: Upload) -> bool:
        """True where OpenAI still has the file."""
        return self._files.still_there(upload)

    def delete_upload(self, upload: Upload) -> None:
        """Delete a file."""
        self._files.delete(upload)

    def preview(self, request: TrainRequest) -> Mapping[str, Any]:
        """Method, address and body of the create."""
        url = f"{self._client.address}/fine_tuning/jobs"
        return {"method": "POST", "url": url, "json": self._body(request)}

    def submit(self, request: TrainRequest) -> Remote:
        """One POST. A refusal says what lies at OpenAI already."""
        body = self._body(request)
        try:
            reply = self._client.create(
                _CREATE,
                lambda sdk: sdk.fine_tuning.jobs.with_raw_response.create(
                    model=body["model"], training_file=body["training_file"], extra_body=body
                ),
            )
        except Refused as error:
            said = f"{error.message}{failures.left_behind(request, self._client.title)}"
            closed = LifecycleError(said) if error.code == SHUT_OUT else None
            raise Refused(error.code, said) from closed
        try:
            made = self._remote(reply)
        except ProviderError as error:
            raise OutcomeUnknown(
                f"{self._client.title} has answered the create, but {error}"
            ) from error
        if not self._is_ours(
            made, request, reply
        ):  # somebody between has answered with another job
            raise OutcomeUnknown(
                f"{self._client.title} has answered the create with job {made.id}, which is not the one that was asked for"
            )
        return made

    def find(self, key: str) -> list[Remote]:
        """Jobs with this key, oldest first."""
        mine = [one for page in self._keyed(key) for one in page if self._key_of(one) == key]
        mine.sort(key=lambda one: number(one, "created_at"))
        return [self._remote(one) for one in mine]

    def listing(self) -> Iterator[Remote]:
        """Every job of the project, newest first."""
        yield from (self._remote(one) for page in self._jobs() for one in page)

    def get(self, id: str) -> Remote:
        """The job now."""
        return self._remote(self._job(id))

    def events(self, id: str, after: int) -> Iterator[Event]:
        """Events above `after`."""
        told = self._events.numbered(id, lambda: self._event_pages(id))
        for place, one in enumerate(told, start=1):
            if place > after:
                yield wire.event(one, place)

    def checkpoints(self, id: str) -> list[Checkpoint]:
        """Those of the last epochs, oldest first; there are none before the job has succeeded."""

        def page(sdk: Any, after: dict[str, str]) -> Any:
            return sdk.fine_tuning.jobs.checkpoints.with_raw_response.list(id, limit=_PAGE, **after)

        found = [
            wire.checkpoint(one)
            for part in self._pages("GET /fine_tuning/jobs/ID/checkpoints", page)
            for one in part
        ]
        return sorted(found, key=lambda one: one.step)

    def cancel(self, id: str) -> None:
        """Ask for a stop; a job that has ended stays as it is."""
        self._bring(id, "cancel", lambda now: now.final)

    def pause(self, id: str) -> None:
        """Ask the job to stand still; the steps it has done stay billed."""
        self._bring(id, "pause", lambda now: now.final or now is JobStatus.PAUSED)

    def unpause(self, id: str) -> None:
        """Let a paused job go on."""
        self._bring(id, "resume", lambda now: now is not JobStatus.PAUSED)

    def result(self, id: str) -> ModelRecord:
        """The tuned model."""
        job = self._job(id)
        native = optional_text(job, "fine_tuned_model")
        if native is None:
            said = self._error_of(job)
            raise TrainingError(
                f"job {id} has no model, it is {text(job, 'status')}"
                + (f": {said}" if said else "")
            )
        base = self._base_name(text(job, "model"))
        facts = self._catalogue.model(base)
        name = base if facts is None else facts.snapshot or base
        family = self._client.name
        return ModelRecord(family, native, name, tuned=True, family=family, job=id)

    def told(self, id: str) -> Told:
        """The job as OpenAI tells it."""
        words = self._job(id)
        return history.told(words, self._remote(words))

    def fetch(self, file: RemoteFile, to: Path) -> str | None:
        """One of its files."""
        return history.fetch(self._client, file, to)

    def _body(self, request: TrainRequest) -> dict[str, Any]:
        settings = request.hyperparameters
        sent = {
            "n_epochs": None if settings.epochs is None else int(settings.epochs),
            "batch_size": settings.batch_size,
            "learning_rate_multiplier": settings.learning_rate_multiplier,
            "beta": settings.beta,
        }
        kind = "dpo" if request.method is Method.DPO else "supervised"
        given = {name: value for name, value in sent.items() if value is not None}
        body: dict[str, Any] = {
            "model": request.base.snapshot,
            "training_file": _file(request.train_file, request.train_upload),
            "method": {"type": kind, kind: {"hyperparameters": given}},
            "metadata": {wire.KEY_FIELD: request.key},
        }
        if request.validation_file is not None:
            body["validation_file"] = _file(request.validation_file, request.validation_upload)
        if settings.seed is not None:
            body["seed"] = settings.seed
        if (suffix := wire.suffix(request.name)) is not None:
            body["suffix"] = suffix
        return body

    def _bring(self, id: str, verb: str, there: Callable[[JobStatus], bool]) -> None:
        """Ask a job to change unless it has: looked at first, so that it can be asked again after a lost answer."""
        if there(self.get(id).status):
            return
        try:
            self._client.read(
                f"POST /fine_tuning/jobs/ID/{verb}",
                lambda sdk: getattr(sdk.fine_tuning.jobs.with_raw_response, verb)(id),
            )
        except Refused:
            if not there(self.get(id).status):  # else it has changed meanwhile
                raise

    def _job(self, id: str) -> dict[str, Any]:
        found = self._client.read(
            "GET /fine_tuning/jobs/ID",
            lambda sdk: sdk.fine_tuning.jobs.with_raw_response.retrieve(id),
        )
        if (
            text(found, "id") != id
        ):  # taken for it, the end of another job would be the end of this one
            raise ProviderError(
                f"{self._client.title} was asked for job {id} and has answered with another one"
            )
        return found

    def _jobs(self, **query: Any) -> Iterator[list[dict[str, Any]]]:
        def page(sdk: Any, after: dict[str, str]) -> Any:
            return sdk.fine_tuning.jobs.with_raw_response.list(limit=_PAGE, **query, **after)

        return self._pages("GET /fine_tuning/jobs", page)

    def _event_pages(self, id: str) -> Iterator[list[dict[str, Any]]]:
        def page(sdk: Any, after: dict[str, str]) -> Any:
            return sdk.fine_tuning.jobs.with_raw_response.list_events(id, limit=_PAGE, **after)

        return self._pages("GET /fine_tuning/jobs/ID/events", page)

    def _pages(self, what: str, page: Any) -> Iterator[list[dict[str, Any]]]:
        """Every page of a list, newest first; a page is named by the last object of the one before."""

        def fetch(cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
            after = {} if cursor is None else {"after": cursor}
            reply = self._client.read(what, lambda sdk: page(sdk, after))
            found = newest_first(items(reply, "data"))
            if not flag(reply, "has_more"):
                return found, None
            if not found:  # taken for the end, it would say that a job is not there
                raise ProviderError(f"{what}: an empty page says that more follow")
            return found, text(found[-1], "id")

        return pages(fetch, what=what)

    def _keyed(self, key: str) -> Iterator[list[dict[str, Any]]]:
        """Pages that hold every job with this key; others may be in them."""
        return self._jobs(metadata={wire.KEY_FIELD: key})

    def _key_of(self, job: Mapping[str, Any]) -> str | None:
        return wire.key_of(job)

    def _error_of(self, job: Mapping[str, Any]) -> str | None:
        return wire.error_of(job)

    def _base_name(self, model: str) -> str:
        """The base that a name stands for; of a base, the name."""
        return base_name(model)

    def _is_ours(self, made: Remote, request: TrainRequest, reply: Mapping[str, Any]) -> bool:
        """Whether the answer to a create speaks of the job that was asked for."""
        return made.key == request.key

    def _remote(self, reply: Mapping[str, Any]) -> Remote:
        return wire.remote(reply, self._usd)

    def _usd(self, model: str, trained_tokens: int) -> Decimal | None:
        """What the tokens that OpenAI has billed cost, by the catalogue's price; None where that is not per token."""
        facts = self._catalogue.model(self._base_name(model))
        key = None if facts is None else facts.rates.get("train")
        rate = None if key is None else self._catalogue.rates[key]
        if rate is None or rate.usd is None or rate.unit != "million tokens":
            return None
        return rate.usd * trained_tokens / _MILLION


def _file(path: Path, upload: Upload | None) -> str:
    return f"<id of the uploaded file {path.name}>" if upload is None else upload.id
