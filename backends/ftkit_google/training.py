"""Tuning jobs at Google, in the order of a job's life. Our key stands in a label, by which Google filters its list.

Rows lie in a bucket of the user's own. A tuned Gemini has an endpoint, and one for each of its checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ftkit.backend import (
    Base,
    Checkpoint,
    Event,
    FileRole,
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
from ftkit.errors import (
    CapabilityError,
    NotFound,
    ProviderError,
    StorageError,
    TrainingError,
)
from ftkit.http import pages
from ftkit.http.replies import items, optional_text, text
from ftkit_google import creating, events, rows, validation, wire
from ftkit_google.client import Client
from ftkit_google.names import parsed
from ftkit_google.storage import Bucket

if TYPE_CHECKING:
    from ftkit_google import GoogleSettings

_PAGE = 100
_CREATE = "POST tuningJobs"
_MILLION = 1_000_000


class GoogleTraining:
    """Training at Google."""

    wire = "google-contents-jsonl"
    idempotent_create = False  # the create call knows no token

    def __init__(
        self, client: Client, bucket: Bucket, settings: GoogleSettings, catalogue: Catalogue
    ) -> None:
        self.listing_lag_s = settings.listing_lag_s
        self.poll_s = settings.poll_s
        self._client = client
        self._bucket = bucket
        self._catalogue = catalogue

    def base(self, native: str) -> Base:
        """A model of the catalogue."""
        if parsed(native) is not None:
            raise CapabilityError(
                f"a job that goes on from the tuned model {native} is not built yet; train from its base"
            )
        facts = self._catalogue.model(native)
        if facts is None:
            raise NotFound(
                f"google has no base {native!r} that was ever tuned{self._catalogue.suggestion(native)}"
            )
        name = facts.snapshot or next(
            row for row, one in self._catalogue.models.items() if one is facts
        )
        return Base(name, name, "google", facts.max_length)

    def renderer(self, base: Base) -> None:
        """Google keeps its tokenizers; once a job has read its rows it tells what is billed."""

    def encode(self, example: Example) -> bytes:
        """One row of a training file for a Gemini."""
        return rows.gemini_row(example)

    def encode_for(self, base: Base, example: Example) -> bytes:
        """One row for this base: open models read other rows than Gemini."""
        return rows.open_row(example) if self._is_open(base.id) else rows.gemini_row(example)

    def preflight(self, resolved: Resolved) -> date | None:
        """Are the validation rows as many as Google takes, and can the bucket be reached."""
        validation.check_rows(resolved)
        self._bucket.check()
        return None

    def upload(self, file: Path, sha256: str) -> Upload:
        """Send a file into the bucket."""
        return self._bucket.upload(file, sha256)

    def still_there(self, upload: Upload) -> bool:
        """True where the bucket still has the file."""
        return self._bucket.still_there(upload)

    def delete_upload(self, upload: Upload) -> None:
        """Delete a file."""
        self._bucket.delete(upload)

    def preview(self, request: TrainRequest) -> Mapping[str, Any]:
        """Method, address and body of the create."""
        client, location = self._client, self._client.location
        address = f"{client.address(location)}/v1beta1/projects/{client.project}/locations/{location}/tuningJobs"
        return {"method": "POST", "url": address, "json": self._asked(request).body()}

    def submit(self, request: TrainRequest) -> Remote:
        """One POST. A refusal says what lies in the bucket already."""
        if self._is_open(request.base.id):
            validation.check_bytes(request)
        asked = self._asked(request)
        try:
            reply = self._client.create(_CREATE, asked.send)
        except Refused as error:
            said = f"{error.message}{creating.left_behind(request)}"
            raise Refused(
                error.code, said
            ) from None  # what it is chained to is what would be raised
        try:
            made = self._remote(reply)
        except ProviderError as error:
            raise OutcomeUnknown(f"Google has answered the create, but {error}") from error
        if made.key != request.key:  # somebody between has answered with another job
            raise OutcomeUnknown(
                f"Google has answered the create with job {made.id}, which is not the one that was asked for"
            )
        return made

    def find(self, key: str) -> list[Remote]:
        """Jobs with this key in their labels, oldest first."""
        found = self._jobs(f"labels.{wire.KEY_LABEL}={key}")
        mine = [one for page in found for one in page if wire.key_of(one) == key]
        mine.sort(key=lambda one: wire.when(one, "createTime"))
        return [self._remote(one) for one in mine]

    def listing(self) -> Iterator[Remote]:
        """Every job of the project in this location, newest first."""
        yield from (self._remote(one) for page in self._jobs() for one in page)

    def get(self, id: str) -> Remote:
        """The job now."""
        return self._remote(self._job(id))

    def events(self, id: str, after: int) -> Iterator[Event]:
        """Events above `after`."""
        job = self._job(id)
        yield from (one for one in events.events_of(job, self._remote(job)) if one.id > after)

    def checkpoints(self, id: str) -> list[Checkpoint]:
        """Those of the epochs, oldest first; there are none before the job has succeeded."""
        return wire.checkpoints(self._job(id))

    def cancel(self, id: str) -> None:
        """Ask for a stop; a job that has ended stays as it is, and one that was asked already is not asked again."""
        if _is_over(self._job(id)):
            return
        location = self._located(id)
        try:
            self._client.read(
                "POST tuningJobs/ID:cancel",
                lambda sdk: sdk.tunings.cancel(name=id),
                location,
                empty_is_fine=True,
            )
        except Refused:
            if not _is_over(self._job(id)):  # else it has changed meanwhile
                raise

    def result(self, id: str) -> ModelRecord:
        """The tuned model: its endpoint, or where the weights of an open one lie."""
        job = self._job(id)
        native, status = wire.model_of(job), wire.status_of(job)
        if native is None or status is not JobStatus.SUCCEEDED:
            said = wire.error_of(job)
            raise TrainingError(
                f"job {id} has no model, it is {text(job, 'state')}" + (f": {said}" if said else "")
            )
        base = wire.base_of(job) or ""
        facts = self._catalogue.model(base)
        name = base if facts is None else facts.snapshot or base
        return ModelRecord("google", native, name, tuned=True, family="google", job=id)

    def download(self, id: str, folder: Path) -> Path:
        """The weights of a tuned open model, from the bucket that its job has written them to."""
        job = self._job(id)
        output = optional_text(job, "outputUri")
        if output is None:
            base = wire.base_of(job)
            raise CapabilityError(
                f"the weights of {base} do not leave Google; it answers there without a deployment"
            )
        source, came = wire.weights_in(output), 0
        for path, address in self._bucket.below(source):
            to = folder / _inside(path)
            try:
                to.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError(f"cannot write {to.parent}: {error.strerror}") from error
            self._bucket.fetch(address, to)
            came += 1
        if not came:
            raise NotFound(
                f"{source} is empty: has the job succeeded, and was nothing deleted there?"
            )
        return folder

    def told(self, id: str) -> Told:
        """The job as Google tells it."""
        job = self._job(id)
        spec = wire.spec_of(job)
        named = (
            (FileRole.TRAINING, optional_text(spec, "trainingDatasetUri")),
            (FileRole.VALIDATION, optional_text(spec, "validationDatasetUri")),
        )
        files = tuple(RemoteFile(uri, role) for role, uri in named if uri is not None)
        tokens = wire.billed_tokens(job)
        return Told(self._remote(job), job, files, tokens, dict(wire.settings_of(job)))

    def fetch(self, file: RemoteFile, to: Path) -> str | None:
        """One of its files."""
        return self._bucket.fetch(file.id, to)

    def _asked(self, request: TrainRequest) -> creating.Asked:
        is_open = self._is_open(request.base.id)
        output = f"gs://{self._bucket.name}/ftkit/{request.key}" if is_open else None
        return creating.asked(request, output)

    def _is_open(self, base: str) -> bool:
        facts = self._catalogue.model(base)
        return facts is not None and facts.serving == "dedicated"

    def _job(self, id: str) -> dict[str, Any]:
        location = self._located(id)
        found = self._client.read(
            "GET tuningJobs/ID", lambda sdk: sdk.tunings.get(name=id), location
        )
        told, wanted = parsed(text(found, "name")), parsed(id)
        if told is None or wanted is None or told.place != wanted.place:
            # taken for it, the end of another job would be the end of this one
            raise ProviderError(f"Google was asked for job {id} and has answered with another one")
        return found

    def _located(self, id: str) -> str:
        """Where a job lies: its own name says so, whatever location is set now."""
        found = parsed(id)
        if found is None or found.kind != "tuningJobs":
            raise NotFound(
                f"{id!r} is no job of Google's; a job is named projects/PROJECT/locations/LOCATION/tuningJobs/NUMBER"
            )
        return found.location

    def _jobs(self, filter: str | None = None) -> Iterator[list[dict[str, Any]]]:
        """Every page of the list, newest first."""
        what = "GET tuningJobs"

        def fetch(token: str | None) -> tuple[list[dict[str, Any]], str | None]:
            asked: dict[str, Any] = {"page_size": _PAGE, "filter": filter, "page_token": token}
            config = {name: value for name, value in asked.items() if value is not None}
            reply = self._client.read(what, lambda sdk: sdk.tunings.list(config=config))
            listed = items(reply, "tuningJobs") if "tuningJobs" in reply else []
            more = optional_text(reply, "nextPageToken") or None
            if not listed and not _is_a_page(
                reply
            ):  # taken for the end, it would say that a job is not there
                raise ProviderError(f"{what}: the answer is no page of a list")
            return listed, more

        return pages(fetch, what=what)

    def _remote(self, reply: Mapping[str, Any]) -> Remote:
        return wire.remote(reply, self._usd)

    def _usd(self, job: Mapping[str, Any]) -> Decimal | None:
        """What the tokens that Google has billed cost, by the catalogue's price."""
        base, tokens = wire.base_of(job), wire.billed_tokens(job)
        facts = None if base is None else self._catalogue.model(base)
        if facts is None or tokens is None:
            return None
        use = creating.rate_use(job)
        key = facts.rates.get(use)
        rate = None if key is None else self._catalogue.rates[key]
        if rate is None or rate.usd is None or rate.unit != "million tokens":
            return None
        return rate.usd * tokens / _MILLION


def _is_over(job: Mapping[str, Any]) -> bool:
    return wire.status_of(job).final or text(job, "state") == "JOB_STATE_CANCELLING"


def _is_a_page(reply: Mapping[str, Any]) -> bool:
    """Google leaves out an empty list, so that an empty page is {} or a token alone."""
    return not set(reply) - {"tuningJobs", "nextPageToken"}


def _inside(path: str) -> PurePosixPath:
    """A path that stays below its folder."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path:
        raise ProviderError("an object among the weights has a name that leads out of the folder")
    return pure
