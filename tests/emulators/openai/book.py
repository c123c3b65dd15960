"""Everything the provider knows, and the counts by which it testifies.

What a client or a test makes it forget (a deleted file, a lost job) leaves the counts as they are: it was created, and
its money is spent. One event loop runs all of it, and no room waits in the middle of its work.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .clock import Clock
from .faults import Faults
from .jobs import FINAL, Job
from .records import CHOICES, Account, Batch, Settings, StoredFile, Upload
from .replies import Refusal
from .results import csv_of
from .tokens import Count, counter


class Book:
    """The provider's state."""

    def __init__(self, clock: Clock, accounts: Mapping[str, Account], settings: Settings) -> None:
        self.accounts = dict(accounts)
        self._first = (clock, settings)
        self.reset()

    def reset(self) -> None:
        """Forget everything but the command line. Ids start anew."""
        self.clock, self.settings = self._first
        self.count: Count = counter(self.settings.tokens)
        self.faults = Faults()
        self.files: dict[str, StoredFile] = {}
        self.uploads: dict[str, Upload] = {}
        self.jobs: dict[str, Job] = {}
        self.batches: dict[str, Batch] = {}
        self.deleted_models: set[str] = set()
        self.scripted: list[dict[str, Any]] = []
        self.requests: Counter[str] = Counter()
        self.deviations: Counter[str] = Counter()
        self.log: list[dict[str, Any]] = []
        self.violations: list[dict[str, Any]] = []
        # Rows of batches: ("request" or "answer", endpoint, body), judged with the next answer.
        self.unjudged: list[tuple[str, str, Any]] = []
        self.chats = 0
        self.responses = 0
        self.call_usd = Decimal(0)
        self._ids: Counter[str] = Counter()
        self._seq = 0

    def keep_as_first(self) -> None:
        """Let `reset` come back to the settings of now."""
        self._first = (self.clock, self.settings)

    def next_id(self, kind: str) -> str:
        """A fresh id such as "ftjob-4pT...": looks random, is the same in each run."""
        self._ids[kind] += 1
        mark = hashlib.sha256(f"{kind} {self._ids[kind]}".encode()).hexdigest()[:24]
        return f"{kind}-{mark}" if kind in ("ftjob", "file", "ftevent") else f"{kind}_{mark}"

    def next_seq(self) -> int:
        """The number by which all objects are ordered: seconds are too coarse."""
        self._seq += 1
        return self._seq

    def change(self, changes: dict[str, Any]) -> None:
        """Change settings, all or none; `now` is a setting of FTKIT_NOW."""
        kinds = {entry.name: entry.type for entry in fields(Settings)}
        for name, value in changes.items():
            if name not in kinds and name != "now":
                raise Refusal(400, f"there is no setting {name!r}")
            if not _fits(str(kinds.get(name, "str | None")), value):
                raise Refusal(400, f"{name} cannot be {value!r}")
            if name in CHOICES and value not in CHOICES[name]:
                raise Refusal(400, f"{name} is one of {CHOICES[name]}, not {value!r}")
        try:
            clock = Clock(changes["now"]) if "now" in changes else self.clock
            settings = replace(self.settings, **{k: v for k, v in changes.items() if k != "now"})
            count = counter(settings.tokens)
        except (ValueError, OSError, ImportError) as error:
            raise Refusal(400, str(error)) from error
        self.clock, self.settings, self.count = clock, settings, count

    def add_file(
        self,
        owner: str,
        filename: str,
        purpose: str,
        content: bytes,
        now: datetime,
        *,
        expires_after: int | None = None,
    ) -> StoredFile:
        """Keep a file; it is in no count unless a client made it (`made_file`)."""
        expires = int(now.timestamp()) + expires_after if expires_after else None
        file = StoredFile(
            self.next_id("file"),
            self.next_seq(),
            owner,
            filename,
            purpose,
            content,
            now,
            expires,
        )
        self.files[file.id] = file
        return file

    def file(self, id: str, owner: str, now: datetime, *, param: str = "id") -> StoredFile:
        """The file; refused where it is unknown, expired, deleted or another's."""
        file = self.files.get(id)
        if file and file.expires is not None and now.timestamp() >= file.expires:
            del self.files[id]
            file = None
        if file is None or file.owner != owner:
            raise Refusal(404, f"No such File object: {id}", param=param)
        return file

    def job(self, id: str, owner: str | None, now: datetime) -> Job:
        """The job at this moment; refused where it is unknown, lost or another's."""
        job = self.jobs.get(id)
        if job is None or job.lost or owner not in (None, job.owner):
            raise Refusal(
                404,
                f"Could not find fine tune: {id}",
                code="fine_tune_not_found",
                param="fine_tune_id",
            )
        job.advance(now)
        return job

    def keep_results(self, job: Job) -> str:
        """Store the result file of a job that has just succeeded; its id."""
        return self.add_file(
            job.owner,
            f"{job.id}-results.csv",
            "fine-tune-results",
            csv_of(job, self.settings.base64_results),
            job.finished or job.created,
        ).id

    def visible(self, owner: str, created: datetime, now: datetime) -> bool:
        """True where lists show by now what was created then."""
        lag = timedelta(seconds=self.settings.listing_lag_s)
        return now - created >= lag and not self.settings.unlisted

    def active_jobs(self, owner: str, base: str, now: datetime) -> int:
        """How many of its jobs on a base wait or run."""
        mine = [job for job in self.jobs.values() if job.owner == owner and job.base.name == base]
        for job in mine:
            job.advance(now)
        return sum(job.active and not job.lost for job in mine)

    def jobs_today(self, owner: str, base: str, now: datetime) -> int:
        """How many it created today (in UTC) on a base."""
        return sum(
            job.owner == owner and job.base.name == base and job.created.date() == now.date()
            for job in self.jobs.values()
            if not job.planted
        )

    def counts(self, now: datetime) -> dict[str, Any]:
        """What was created, asked and spent since the start or the last reset; planted history is left out."""
        ours = [job for job in self.jobs.values() if not job.planted]
        for job in ours:
            job.advance(now)
        marks: dict[str, Counter[str]] = defaultdict(Counter)
        for job in ours:
            for key, value in (job.asked.metadata or {}).items():
                marks[key][value] += 1
        batch_marks: dict[str, Counter[str]] = defaultdict(Counter)
        for batch in self.batches.values():
            for key, value in (batch.metadata or {}).items():
                batch_marks[key][value] += 1
        training = sum((job.usd for job in ours), Decimal(0))
        return {
            "jobs": len(ours),
            "active_jobs": sum(job.status not in FINAL for job in ours),
            "metadata": marks,
            "files": self._made_files,
            "uploads": self._ids["upload"],
            "batches": self._ids["batch"],
            "batch_metadata": batch_marks,
            "chats": self.chats,
            "responses": self.responses,
            "usd": format((training + self.call_usd).normalize(), "f"),
            "training_usd": format(training.normalize(), "f"),
            "requests": dict(self.requests),
            "deviations": dict(self.deviations),
        }

    def made_file(self) -> None:
        """Count a file that a client made."""
        self._ids["made file"] += 1

    @property
    def _made_files(self) -> int:
        return self._ids["made file"]


def _fits(kind: str, value: Any) -> bool:
    """True where the value has the type of this annotation."""
    if value is None:
        return kind.endswith("| None")
    kind = kind.removesuffix(" | None")
    if isinstance(value, bool):
        return kind == "bool"
    kinds: dict[str, Any] = {"float": (int, float), "int": int, "str": str}
    return kind in kinds and isinstance(value, kinds[kind])
