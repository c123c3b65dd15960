"""Everything the provider knows.

What a client or a test makes it forget (a deleted file, a lost job) leaves the counts as they are: it was created, and
its money is spent.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from ..serving import book as serving
from ..serving.clock import Clock
from .create_rules import Asked, read, refuse_by_date
from .jobs import FINAL, Job
from .prices import ALIASES, BASES, Base
from .records import CHOICES, Account, Batch, Settings, StoredFile, Upload
from .refusals import REFUSALS, Refusal, refusal
from .results import csv_of
from .tokens import Count, counter


class Book(serving.Book):
    """The provider's state. A provider of the same shape overrides what it says differently about jobs."""

    codes: ClassVar[Mapping[str, Any]] = REFUSALS
    limited: ClassVar[Mapping[str, tuple[str, ...]]] = CHOICES
    aliases: ClassVar[Mapping[str, str]] = ALIASES

    def __init__(self, clock: Clock, accounts: Mapping[str, Account], settings: Settings) -> None:
        self.accounts = dict(accounts)
        self.count: Count
        super().__init__(clock, settings, codes=self.codes, choices=self.limited)

    def forget(self) -> None:
        """No file, no job, nothing asked."""
        self.bases: Mapping[str, Base] = BASES
        self.files: dict[str, StoredFile] = {}
        self.uploads: dict[str, Upload] = {}
        self.jobs: dict[str, Job] = {}
        self.batches: dict[str, Batch] = {}
        self.deleted_models: set[str] = set()
        # Rows of batches: ("request" or "answer", endpoint, body), judged with the next answer.
        self.unjudged: list[tuple[str, str, Any]] = []
        self.chats = 0
        self.responses = 0
        self.call_usd = Decimal(0)

    def accept(self, settings: Settings) -> None:
        """Count tokens as the settings say."""
        self.count = counter(settings.tokens)

    def next_id(self, kind: str) -> str:
        """A fresh id such as "ftjob-4pT...": looks random, is the same in each run."""
        number = self.next_number(kind)
        mark = hashlib.sha256(f"{kind} {number}".encode()).hexdigest()[:24]
        return f"{kind}-{mark}" if kind in ("ftjob", "file", "ftevent") else f"{kind}_{mark}"

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

    def read_create(self, body: dict[str, Any]) -> Asked:
        """What a create asks for; refused where its body breaks a rule."""
        return read(body)

    def tunable(self, base: Base | None, asked: Asked, now: datetime) -> Base:
        """The base of a job; refused where it cannot be trained so, or not any more."""
        return refuse_by_date(base, asked.model, now)

    def tuned_name(self, job: str, base: Base, account: Account, suffix: str | None) -> str:
        """What the model of a job will be called."""
        mark = hashlib.sha256(job.encode()).hexdigest()[:8]
        return f"ft:{base.name}:{account.organisation.removeprefix('org-')}:{suffix or ''}:{mark}"

    def job_of(self, **fields: Any) -> Job:
        """A new job."""
        return Job(**fields)

    def refuse_by_limits(self, owner: str, base: str, now: datetime) -> None:
        """Refused where the account has no money, or too many jobs."""
        settings = self.settings
        if settings.quota == "insufficient":
            raise refusal("insufficient_quota")
        per_day, active = settings.jobs_per_day, settings.max_active_jobs
        start = "This fine-tune request has been rate-limited. Your organization has reached the maximum of "
        if per_day is not None and self.jobs_today(owner, base, now) >= per_day:
            midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
            raise Refusal(
                429,
                f"{start}{per_day} jobs per day for the model '{base}'; more from {midnight:%Y-%m-%d}.",
                code="daily_rate_limit_exceeded",
            )
        if active is not None and self.active_jobs(owner, base, now) >= active:
            raise Refusal(
                429,
                f"{start}{active} active requests for the model '{base}'.",
                code="rate_limit_exceeded",
            )

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
            "files": self.made("made file"),
            "uploads": self.made("upload"),
            "batches": self.made("batch"),
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
        self.next_number("made file")
