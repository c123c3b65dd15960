"""What the emulator keeps of accounts, files, uploads and batches, and the settings by which it behaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..serving.clock import unix

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a key speaks for. Objects belong to the organisation's project; nobody else sees them."""

    key: str
    organisation: str
    project: str

    @property
    def owner(self) -> str:
        """What objects are kept under."""
        return f"{self.organisation}/{self.project}"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the emulator behaves; seconds are on its own clock. `quota`: "ok", "insufficient" (429 on every paid call)
    or "exceeded" (a job fails when it starts to run). `moderation`: "pass", "file" (every training file is blocked) or
    "model" (every tuned model is). `tokens`: "words" or "o200k". `job_error`: a code with which jobs fail in training.
    A batch whose work is not done after `batch_answers` rows expires with those.
    """

    validating_s: float = 0.0
    queue_s: float = 0.0
    run_s: float = 2.0
    batch_s: float = 2.0
    batch_answers: int | None = None
    listing_lag_s: float = 0.0
    loading_s: float = 0.0
    upload_life_s: float = 3600.0
    max_file_bytes: int = 512 * MIB
    max_part_bytes: int = 64 * MIB
    max_upload_bytes: int = 8192 * MIB
    training_closed: bool = False
    jobs_per_day: int | None = None
    max_active_jobs: int | None = None
    quota: str = "ok"
    moderation: str = "pass"
    job_error: str | None = None
    tokens: str = "words"
    null_errors: bool = False
    base64_results: bool = False
    moderation_events: bool = False
    unlisted: bool = False


CHOICES = {
    "quota": ("ok", "insufficient", "exceeded"),
    "moderation": ("pass", "file", "model"),
    "tokens": ("words", "o200k"),
}


@dataclass(slots=True)
class StoredFile:
    """A file."""

    id: str
    seq: int
    owner: str
    filename: str
    purpose: str
    content: bytes
    created: datetime
    expires: int | None = None

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "object": "file",
            "id": self.id,
            "purpose": self.purpose,
            "filename": self.filename,
            "bytes": len(self.content),
            "created_at": unix(self.created),
            **({"expires_at": self.expires} if self.expires is not None else {}),
            "status": "processed",
        }


@dataclass(slots=True)
class Upload:
    """A file that arrives in parts; `status` is pending, completed, cancelled or expired."""

    id: str
    owner: str
    filename: str
    purpose: str
    size: int
    created: datetime
    expires: datetime
    file_expires_after: int | None = None
    status: str = "pending"
    parts: dict[str, bytes] = field(default_factory=dict)
    file: StoredFile | None = None

    def advance(self, now: datetime) -> None:
        """Expire where its time is over."""
        if self.status == "pending" and now >= self.expires:
            self.status = "expired"
            self.parts.clear()

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "object": "upload",
            "id": self.id,
            "filename": self.filename,
            "purpose": self.purpose,
            "bytes": self.size,
            "status": self.status,
            "created_at": unix(self.created),
            "expires_at": unix(self.expires),
            **({"file": self.file.shown()} if self.file else {}),
        }


@dataclass(slots=True)
class Batch:
    """Requests of a file, answered later at half the price. `moments` are those of its states so far."""

    id: str
    seq: int
    owner: str
    endpoint: str
    input_file: str
    content: bytes
    metadata: dict[str, str] | None
    created: datetime
    takes_s: float
    status: str = "validating"
    moments: dict[str, datetime] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    total: int = 0
    completed: int = 0
    failed: int = 0
    output_file: str | None = None
    error_file: str | None = None
