"""Jobs of the stand-in provider, in the order of a job's life."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit.backend import (
    Base,
    Checkpoint,
    Event,
    JobStatus,
    ModelRecord,
    Remote,
    Resolved,
    TrainRequest,
    Upload,
)
from ftkit.catalogue import Catalogue
from ftkit.data.example import Example, as_dicts
from ftkit.errors import CapabilityError, LifecycleError, NotFound, TrainingError
from ftkit.http.replies import ident, items, text, whole
from ftkit.testing.fake_backend.client import Client
from ftkit.testing.fake_backend.pricing import HONOURED
from ftkit.testing.fake_backend.wire import event, money, remote
from ftkit.testing.words_renderer import WordRenderer

if TYPE_CHECKING:
    from ftkit.testing.fake_backend import FakeSettings

_SENT = tuple(name for name in HONOURED if name != "train_on")


class FakeTraining:
    """Training of the stand-in provider."""

    wire = "chat-jsonl"

    def __init__(self, client: Client, settings: FakeSettings, catalogue: Catalogue) -> None:
        self.listing_lag_s = settings.listing_lag_s
        self.poll_s = settings.poll_s
        self.idempotent_create = settings.idempotent
        self._client = client
        self._catalogue = catalogue

    def base(self, native: str) -> Base:
        """A model of the catalogue."""
        facts = self._catalogue.model(native)
        if facts is None:
            raise NotFound(f"fake has no model {native!r}{self._catalogue.suggestion(native)}")
        return Base(native, facts.snapshot or native, "fake", facts.max_length)

    def renderer(self, base: Base) -> WordRenderer:
        """Words as tokens."""
        return WordRenderer(base.max_length)

    def encode(self, example: Example) -> bytes:
        """One row: {"messages": [{"role", "content"}, ...]}."""
        return json.dumps({"messages": as_dicts(example.messages)}, ensure_ascii=False).encode()

    def preflight(self, resolved: Resolved) -> None:
        """Is the account open for training, and is there room for one more job."""
        limits = self._client.http.get("/v1/limits")
        if limits.get("training_closed") is True:
            raise LifecycleError("fake takes no new training jobs from this account")
        most, active = whole(limits, "max_active_jobs"), whole(limits, "active_jobs")
        if active >= most:
            raise CapabilityError(
                f"{active} jobs are running on fake and the account allows {most}; wait for one to end"
            )

    def upload(self, file: Path, sha256: str) -> Upload:
        """Send a file."""
        reply = self._client.http.upload(
            "/v1/files",
            file,
            params={"purpose": "fine-tune"},
            headers={"X-Content-SHA256": sha256},
        )
        return Upload(ident(reply, "id"), sha256, whole(reply, "bytes"))

    def still_there(self, upload: Upload) -> bool:
        """True where the provider still has the file."""
        try:
            return text(self._client.http.get(f"/v1/files/{upload.id}"), "sha256") == upload.sha256
        except NotFound:
            return False

    def delete_upload(self, upload: Upload) -> None:
        """Delete a file; one that is gone is fine."""
        try:
            self._client.http.delete(f"/v1/files/{upload.id}")
        except NotFound:
            return

    def estimate_usd(self, request: TrainRequest) -> Decimal | None:
        """The provider's own price."""
        reply = self._client.http.post_read("/v1/jobs/estimate", self._body(request))
        return money(reply, "usd")

    def preview(self, request: TrainRequest) -> Mapping[str, Any]:
        """Method, address and body of the create."""
        return {
            "method": "POST",
            "url": f"{self._client.address}/v1/jobs",
            "json": self._body(request),
        }

    def submit(self, request: TrainRequest) -> Remote:
        """One POST."""
        return remote(self._client.create("/v1/jobs", self._body(request), request.key))

    def find(self, key: str) -> list[Remote]:
        """Jobs with this key in their metadata, oldest first."""
        return [remote(found) for found in self._client.pages("/v1/jobs", key=key)][::-1]

    def listing(self) -> Iterator[Remote]:
        """Every job of the account, newest first."""
        yield from (remote(found) for found in self._client.pages("/v1/jobs"))

    def get(self, id: str) -> Remote:
        """The job now."""
        return remote(self._client.http.get(f"/v1/jobs/{id}"))

    def events(self, id: str, after: int) -> Iterator[Event]:
        """Events above `after`."""
        reply = self._client.http.get(f"/v1/jobs/{id}/events", {"after": str(after)})
        steps = (self.get(id).progress or (0, 0))[1]
        yield from (event(found, steps) for found in items(reply, "data"))

    def checkpoints(self, id: str) -> list[Checkpoint]:
        """One for each epoch."""
        reply = self._client.http.get(f"/v1/jobs/{id}/checkpoints")
        return [
            Checkpoint(ident(found, "id"), whole(found, "step")) for found in items(reply, "data")
        ]

    def cancel(self, id: str) -> None:
        """Ask for a stop; a job that has ended stays as it is."""
        if not self.get(id).status.final:
            self._client.http.post_read(f"/v1/jobs/{id}/cancel", {})

    def pause(self, id: str) -> None:
        """Let the job stand still. Looked at first, so that it can be asked for again."""
        if self.get(id).status in (JobStatus.QUEUED, JobStatus.RUNNING):
            self._client.http.post_read(f"/v1/jobs/{id}/pause", {})

    def unpause(self, id: str) -> None:
        """Let a paused job go on."""
        if self.get(id).status is JobStatus.PAUSED:
            self._client.http.post_read(f"/v1/jobs/{id}/resume", {})

    def result(self, id: str) -> ModelRecord:
        """The tuned model."""
        job = self.get(id)
        if job.model is None:
            raise TrainingError(f"job {id} has no model, it is {job.raw_status}")
        return ModelRecord("fake", job.model, job.base or "", tuned=True, family="fake", job=id)

    def _body(self, request: TrainRequest) -> dict[str, Any]:
        given = request.hyperparameters.given()
        return {
            "model": request.base.id,
            "method": str(request.method),
            "training_file": _file(request.train_file, request.train_upload),
            "validation_file": None
            if request.validation_file is None
            else _file(request.validation_file, request.validation_upload),
            "hyperparameters": {name: given[name] for name in _SENT if name in given},
            "suffix": re.sub(r"[^A-Za-z0-9._-]", "-", request.name or "")[:64] or None,
            "metadata": {"key": request.key},
        }


def _file(path: Path, upload: Upload | None) -> str:
    return f"<id of the uploaded file {path.name}>" if upload is None else upload.id
