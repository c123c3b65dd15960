"""What the emulator keeps of projects, keys, tokens, buckets and objects, and the settings by which it behaves."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import google_crc32c

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a token speaks for; `express` is an API key, which stands for no project's resources."""

    email: str
    project: str
    express: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """How the emulator behaves; seconds are on its own clock, but for `token_s`: None is an hour of real time.

    A job is pending for `pending_s`, waits until fewer than `concurrent_jobs` of its project run, then reads its data for
    `dataset_s`, waits for hardware for `capacity_s`, trains for `run_s` and is worked up for `post_s`. `job_error` is a
    google.rpc code with which jobs fail half way. `long_rows`: what becomes of rows over `max_row_tokens`: "dropped", as
    the discovery document says, or "truncated", as the field's name does. `named`: resource names carry the project's
    "number", as the service's own do, or its "id". `json_mode`: whether a tuned model that is to answer in JSON forgets
    what it learned: "never", "thinking" (while it thinks) or "always". `thoughts`: tokens of thinking where it is not
    off. `batch_keys`: whether a batch repeats what else stands in a row than its request; clients report that it does
    not, and put their key into the request's labels. `label` is a key without which a create counts as a violation.
    """

    pending_s: float = 0.0
    dataset_s: float = 0.0
    capacity_s: float = 0.0
    run_s: float = 2.0
    post_s: float = 0.0
    batch_s: float = 2.0
    cancelling_s: float = 0.0
    listing_lag_s: float = 0.0
    token_s: float | None = None
    session_life_s: float = 604800.0
    concurrent_jobs: int = 1
    default_epochs: int = 40
    max_row_tokens: int = 131_072
    max_file_bytes: int = 1024 * MIB
    shown_indices: int = 100
    long_rows: str = "dropped"
    job_error: str | None = None
    new_project: bool = False
    tuning_closed: bool = False
    unlisted: bool = False
    named: str = "number"
    json_mode: str = "thinking"
    thoughts: int = 7
    cached: int = 0
    batch_keys: bool = False
    label: str | None = None


CHOICES = {
    "long_rows": ("dropped", "truncated"),
    "named": ("number", "id"),
    "json_mode": ("never", "thinking", "always"),
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket; `readable` is whether the service agent of tuning may read it."""

    name: str
    project: str
    location: str = "US-CENTRAL1"
    readable: bool = True


@dataclass(slots=True)
class StoredObject:
    """An object of a bucket."""

    bucket: str
    name: str
    content: bytes
    media_type: str
    generation: int
    created: datetime
    metadata: dict[str, str] = field(default_factory=dict)
    reads: int = 0

    def shown(self, url: str) -> dict[str, Any]:
        """As Cloud Storage shows it."""
        place = f"b/{self.bucket}/o/{self.name.replace('/', '%2F')}"
        moment = stamp(self.created)
        return {
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.generation}",
            "selfLink": f"{url}/storage/v1/{place}",
            "mediaLink": f"{url}/download/storage/v1/{place}?generation={self.generation}&alt=media",
            "name": self.name,
            "bucket": self.bucket,
            "generation": str(self.generation),
            "metageneration": "1",
            "contentType": self.media_type,
            "storageClass": "STANDARD",
            "size": str(len(self.content)),
            "md5Hash": md5(self.content),
            "crc32c": crc32c(self.content),
            "etag": base64.b64encode(str(self.generation).encode()).decode(),
            "timeCreated": moment,
            "updated": moment,
            "timeFinalized": moment,
            "timeStorageClassUpdated": moment,
            **({"metadata": self.metadata} if self.metadata else {}),
        }


@dataclass(slots=True)
class Session:
    """A resumable upload: its bytes so far, and the object once it is whole."""

    id: str
    bucket: str
    about: dict[str, Any]
    media_type: str
    generation_match: str | None
    created: datetime
    content: bytearray = field(default_factory=bytearray)
    object: StoredObject | None = None


def md5(content: bytes) -> str:
    """As Cloud Storage writes it."""
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def crc32c(content: bytes) -> str:
    """As Cloud Storage writes it: big-endian, base64."""
    return base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()


def stamp(moment: datetime) -> str:
    """A moment as Google's APIs write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
