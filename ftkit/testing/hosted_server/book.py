"""Everything the provider knows, behind one lock, and the counts by which it testifies.

What a client or a test makes the provider forget (a lost job, a deleted file) leaves the counts as they are: the job
was created and its money is spent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from threading import Lock
from typing import Any

from .clock import Clock
from .faults import Faults
from .jobs import Job
from .records import MILLION, Batch, Deployment, Settings, UploadedFile, money
from .records import USD_PER_MILLION_READ as READ
from .records import USD_PER_MILLION_WRITTEN as WRITTEN
from .replies import Refusal, Reply

BASES = ("small", "medium", "dedicated", "free", "unpriced", "closed", "retiring")


class Book:
    """The provider's state. Hold `lock` round every use but `accounts` and `echo`."""

    def __init__(
        self, clock: Clock, accounts: Mapping[str, str], settings: Settings, echo: bool
    ) -> None:
        self.lock = Lock()
        self.accounts = dict(accounts)
        self.echo = echo
        self.stopped = False
        self._first_clock = clock
        self._first_settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget everything but the command line: objects, counts, log, faults and changed settings."""
        self.clock = self._first_clock
        self.settings = self._first_settings
        self.faults = Faults()
        self.jobs: dict[str, Job] = {}
        self.files: dict[str, UploadedFile] = {}
        self.deployments: dict[str, Deployment] = {}
        self.batches: dict[str, Batch] = {}
        self.remembered: dict[tuple[str, str, str], Reply] = {}
        self.requests: Counter[str] = Counter()
        self.log: list[dict[str, Any]] = []
        self.chats = 0
        self._chat_usd = Decimal(0)
        self._ids: Counter[str] = Counter()
        self._seq = 0

    def next_id(self, kind: str) -> tuple[str, int]:
        """A fresh id such as "job-3", and the number by which all objects are ordered."""
        self._ids[kind] += 1
        self._seq += 1
        return f"{kind}-{self._ids[kind]}", self._seq

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Change settings, all or none; `now` is a setting of FTKIT_NOW."""
        kinds = {entry.name: type(getattr(self.settings, entry.name)) for entry in fields(Settings)}
        for name, value in changes.items():
            kind = kinds.get(name)
            if kind is None and name != "now":
                raise Refusal(400, "bad_setting", f"there is no setting {name!r}")
            right = (int, float) if kind is float else kind or (str, type(None))
            if not isinstance(value, right) or (kind is not bool and isinstance(value, bool)):
                raise Refusal(400, "bad_setting", f"{name} cannot be {value!r}")
        if "now" in changes:
            try:
                self.clock = Clock(changes["now"])
            except (ValueError, OSError) as error:
                raise Refusal(400, "bad_setting", f"now: {error}") from error
        self.settings = replace(
            self.settings, **{name: value for name, value in changes.items() if name != "now"}
        )

    def end_deployments(self, now: datetime) -> None:
        """Stop those that stop by themselves and whose time has come."""
        for deployment in self.deployments.values():
            deployment.advance(now)

    def job(self, id: str, organisation: str | None, now: datetime) -> Job:
        """The job at this moment; refused where it is unknown, lost or another organisation's."""
        job = self.jobs.get(id)
        if job is None or job.lost or organisation not in (None, job.organisation):
            raise Refusal(404, "not_found", f"there is no job {id!r}")
        job.advance(now)
        return job

    def file(self, id: object, organisation: str | None) -> UploadedFile:
        """The file; refused where it is unknown, deleted or another organisation's."""
        file = self.files.get(id) if isinstance(id, str) else None
        if file is None or organisation not in (None, file.organisation):
            raise Refusal(404, "not_found", f"there is no file {id!r}")
        return file

    def tuned_by(self, model: str, organisation: str, now: datetime) -> Job | None:
        """The job that made this model, or None for a base; refused where there is no such model."""
        if model in BASES:
            return None
        for job in self.jobs.values():
            if job.organisation == organisation and not job.lost:
                job.advance(now)
                if job.tuned_model == model:
                    return job
        raise Refusal(404, "model_not_found", f"there is no model {model!r}")

    def active_jobs(self, organisation: str, now: datetime) -> int:
        """How many of its jobs wait or run."""
        count = 0
        for job in self.jobs.values():
            job.advance(now)
            count += job.active and not job.lost and job.organisation == organisation
        return count

    def bill_chat(self, root: str, read: int, written: int, *, batch: bool = False) -> None:
        """Count an answer and charge its tokens, half of it in a batch; "free" and what is tuned from it cost nothing."""
        self.chats += 1
        if root != "free":
            usd = (read * READ + written * WRITTEN) / MILLION
            self._chat_usd += usd / 2 if batch else usd

    def counts(self, now: datetime) -> dict[str, Any]:
        """What happened since the start or the last reset, in all organisations; planted jobs are left out."""
        ours = [job for job in self.jobs.values() if not job.foreign]
        for job in ours:
            job.advance(now)
        deployments = list(self.deployments.values())
        usd = sum((job.usd for job in ours), self._chat_usd)
        usd += sum((deployment.usd(now) for deployment in deployments), Decimal(0))
        return {
            "jobs": len(ours),
            "deployments": len(deployments),
            "batches": len(self.batches),
            "batch_keys": Counter(
                batch.metadata["key"] for batch in self.batches.values() if "key" in batch.metadata
            ),
            "files": self._ids["file"],
            "chats": self.chats,
            "usd": money(usd),
            "requests": dict(self.requests),
            "keys": Counter(job.metadata["key"] for job in ours if "key" in job.metadata),
            "deployment_keys": Counter(
                deployment.metadata["key"]
                for deployment in deployments
                if "key" in deployment.metadata
            ),
            "running_deployments": sum(not deployment.stopped for deployment in deployments),
        }
