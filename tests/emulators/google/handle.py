"""`GoogleEmulator`: the handle that steers and questions the emulator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ..serving import Emulator
from .command_line import API_KEY, BUCKETS, PROJECTS


class GoogleEmulator(Emulator):
    """Google's platform and Cloud Storage on a loopback port; `settings` are those of `records.Settings`, and `now`.

    `contract=False` runs it without a judge, as where google-api-python-client is not installed. Every create that is
    accepted makes a job.
    """

    module: ClassVar[str] = "tests.emulators.google"
    project: ClassVar[str] = next(iter(PROJECTS))
    project_number: ClassVar[str] = next(iter(PROJECTS.values()))
    other_project: ClassVar[str] = list(PROJECTS)[1]
    bucket: ClassVar[str] = BUCKETS[0].name
    other_bucket: ClassVar[str] = "other-bucket"
    closed_bucket: ClassVar[str] = "acme-closed-bucket"
    api_key: ClassVar[str] = API_KEY
    email: ClassVar[str] = f"tuner@{next(iter(PROJECTS))}.iam.gserviceaccount.com"

    def __init__(self, *, contract: bool = True, **settings: Any) -> None:
        super().__init__([] if contract else ["--no-contract"], settings)

    @property
    def base_url_template(self) -> str:
        """Where a client of a location finds it: {location} stands for that."""
        return f"{self.url}/at/{{location}}"

    def base_url(self, location: str) -> str:
        """What the http_options of a client of this location hold."""
        return self.base_url_template.format(location=location)

    @property
    def storage_url(self) -> str:
        """The api_endpoint of Cloud Storage."""
        return self.url

    def credentials_file(self, folder: Path, project: str | None = None) -> Path:
        """A service account's key, as GOOGLE_APPLICATION_CREDENTIALS names it; its tokens come from the emulator."""
        owner = project or self.project
        email = self.email.replace(self.project, owner)
        self.ask("POST", "keys", {"email": email, "project": owner, "public_key": self._public_key})
        content = {
            "type": "service_account",
            "project_id": owner,
            "private_key_id": "emulated",
            "private_key": self._private_key,
            "client_email": email,
            "client_id": "117",
            "token_uri": self.token_url,
            "universe_domain": "googleapis.com",
        }
        path = folder / f"{owner}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        path.chmod(0o600)
        return path

    def refresh_token(self, email: str = "someone@acme.example") -> str:
        """A user's refresh token, worth access tokens at `token_url`. A file of such credentials would not lead here:
        google-auth asks Google for them, whatever token_uri the file names.
        """
        self.ask("POST", "keys", {"email": email, "project": self.project, "public_key": None})
        return f"refresh/{email}"

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.url}/token"

    def token(self, project: str | None = None) -> str:
        """A bearer token at once."""
        order = {"email": self.email, "project": project or self.project}
        return str(self.ask("POST", "tokens", order)["token"])

    def counts(self) -> dict[str, Any]:
        """What happened since the start or the last `reset`, over all projects.

        `jobs`, `batches`, `objects`, `uploads` (sessions): how many were made, deleted ones too and planted ones not;
        `labels`, `batch_labels`: how many jobs, batches by key and value; `uploaded_bytes`; `generated`, `counted`: how
        many calls were answered; `usd`, `training_usd`: text; `requests`: by route, faults included; `active_jobs`;
        `tokens`; `deviations`.
        """
        return super().counts()

    def reply_with(self, *replies: str | Mapping[str, Any]) -> None:
        """Script the next answers: text, or content, tool_calls [{name, arguments}], finish_reason, block_reason."""
        scripted = [{"content": one} if isinstance(one, str) else dict(one) for one in replies]
        self.ask("POST", "replies", {"replies": scripted})

    def plant(self, jobs: int, **options: Any) -> list[str]:
        """Plant finished jobs of the past with their files; see `history.plant`. Resource names, oldest first."""
        names: list[str] = self.ask("POST", "history", {"jobs": jobs, **options})
        return names

    def patch_job(self, name: str, **fields: Any) -> dict[str, Any]:
        """Show `fields` of a job from now on (None: the truth again); returns the job. An id or a resource name.

        A final `state` ends it for good; `frozen=True` stops its progress until `frozen=False`.
        """
        job: dict[str, Any] = self.ask("PATCH", f"jobs/{name.rpartition('/')[2]}", fields)
        return job

    def lose_job(self, name: str) -> None:
        """Let the provider forget a job and its model; what it cost stays counted."""
        self.ask("DELETE", f"jobs/{name.rpartition('/')[2]}")

    def put_object(self, name: str, text: str, bucket: str | None = None) -> str:
        """Put an object there that no client made; its gs:// URI."""
        order = {"bucket": bucket or self.bucket, "name": name, "text": text}
        self.ask("POST", "objects", order)
        return f"gs://{order['bucket']}/{name}"

    def objects(self) -> list[dict[str, Any]]:
        """Every object: bucket, name, size, metadata, reads (how often its bytes were read)."""
        found: list[dict[str, Any]] = self.ask("GET", "objects")
        return found

    def lose_object(self, name: str, bucket: str | None = None) -> None:
        """Let an object be gone."""
        self.ask("DELETE", f"objects/{bucket or self.bucket}/{name}")

    def add_bucket(self, name: str, **fields: Any) -> None:
        """A further bucket: `location`, `readable`, `project`."""
        self.ask("POST", "buckets", {"name": name, "project": self.project, **fields})

    def cut_upload(self, *kept: int) -> None:
        """Let the next pieces of uploads keep only so many bytes, and be answered 503 (or by a fault ordered beside)."""
        self.ask("POST", "cuts", {"kept": list(kept)})

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(65537, 2048)

    @cached_property
    def _private_key(self) -> str:
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    @cached_property
    def _public_key(self) -> str:
        return (
            self._key.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )
