"""Everything Google knows, and the counts by which it testifies.

What a client or a test makes it forget (a deleted object, a lost job) leaves the counts as they are: it was made, and its
money is spent. Keys and API keys outlive a reset, as the accounts of other emulators do.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ..serving import book as serving
from ..serving.clock import Clock
from .batches import Batch
from .jobs import Data, Job
from .records import CHOICES, Account, Bucket, Session, Settings, StoredObject
from .refusals import REFUSALS, Refused, StorageRefused

TOKEN_LIVES_S = 3600


class Book(serving.Book):
    """The provider's state. `projects` maps ids to numbers; the first one is the main one."""

    settings: Settings

    def __init__(
        self, clock: Clock, projects: Mapping[str, str], buckets: Iterable[Bucket], api_key: str
    ) -> None:
        self.projects = dict(projects)
        self.api_key = api_key
        self.url = ""  # known once it listens
        self.keys: dict[str, tuple[Account, Any]] = {}  # by the service account's email
        self._first_buckets = {bucket.name: bucket for bucket in buckets}
        super().__init__(clock, Settings(), codes=REFUSALS, choices=CHOICES)

    def forget(self) -> None:
        """Begin with empty buckets."""
        self.buckets = dict(self._first_buckets)
        self.objects: dict[tuple[str, str], StoredObject] = {}
        self.sessions: dict[str, Session] = {}
        self.cuts: list[int] = []  # of how many bytes the next pieces of uploads keep
        self.tokens: dict[str, tuple[Account, datetime, float, float | None]] = {}
        self.jobs: dict[str, Job] = {}
        self.batches: dict[str, Batch] = {}
        self.unjudged: list[tuple[str, Any]] = []  # rows of batches: "request" or "answer"
        self.objects_made = 0
        self.uploaded_bytes = 0
        self.generated = 0
        self.counted = 0
        self.call_usd = Decimal(0)

    # Names

    def next_digits(self, kind: str, length: int = 19) -> str:
        """A fresh number such as "4394610216812675072": looks random, is the same in each run."""
        seed = f"{kind} {self.next_number(kind)}".encode()
        text = str(int(hashlib.sha256(seed).hexdigest()[:24], 16))
        return f"{1 + int(text[0]) % 9}{text[1 : length - 3]}000"  # the end is left for checkpoints

    def named(self, project: str) -> str:
        """A project as resource names carry it."""
        return self.projects[project] if self.settings.named == "number" else project

    def project(self, text: str) -> str | None:
        """The project of this id or number."""
        for id, number in self.projects.items():
            if text in (id, number):
                return id
        return None

    # Who asks

    def issue(self, account: Account) -> tuple[str, int]:
        """A fresh access token and how long the client is told that it lives."""
        mark = hashlib.sha256(f"token {self.next_number('token')} {self.url}".encode()).hexdigest()
        token = f"ya29.{mark}"
        life = self.settings.token_s
        self.tokens[token] = (account, self.clock.now(), time.monotonic(), life)
        return token, TOKEN_LIVES_S if life is None else int(life)

    def whose(self, token: str, now: datetime) -> Account | None:
        """The account of a token that is still good."""
        account, issued, monotonic, life = self.tokens.get(token, (None, now, 0.0, None))
        if account is None:
            return None
        if life is None:
            return account if time.monotonic() - monotonic < TOKEN_LIVES_S else None
        return account if now < issued + timedelta(seconds=life) else None

    # Objects

    def bucket(self, name: str, account: Account) -> Bucket:
        """The bucket; 404 where there is none, 403 where it is another project's."""
        bucket = self.buckets.get(name)
        if bucket is None:
            raise StorageRefused(404, "The specified bucket does not exist.")
        if bucket.project != account.project:
            raise StorageRefused(
                403,
                f"{account.email} does not have storage.objects access to the Google Cloud Storage bucket. "
                "Permission denied on resource (or it may not exist).",
            )
        return bucket

    def put(
        self, bucket: str, name: str, content: bytes, media_type: str, metadata: dict[str, str]
    ) -> StoredObject:
        """Keep an object in place of one of its name; it is in no count."""
        now = self.clock.now()
        generation = int(now.timestamp() * 1_000_000) + self.next_seq()
        made = StoredObject(bucket, name, content, media_type, generation, now, metadata)
        self.objects[bucket, name] = made
        return made

    def data(self, uri: str, project: str) -> Data:
        """A file of a bucket as the service agent of tuning finds it now."""
        found = re.fullmatch(r"gs://([^/]+)/(.+)", uri)
        bucket = self.buckets.get(found[1]) if found else None
        if found is None or bucket is None:
            return Data(uri, fault=("NOT_FOUND", f"The bucket of {uri} does not exist."))
        if bucket.project != project or not bucket.readable:
            number = self.projects[project]
            agent = f"service-{number}@gcp-sa-aiplatform.iam.gserviceaccount.com"
            text = f"{agent} does not have storage.objects.get access to {uri}."
            return Data(uri, fault=("PERMISSION_DENIED", text))
        kept = self.objects.get((found[1], found[2]))
        if kept is None:
            return Data(uri, fault=("NOT_FOUND", f"{uri} does not exist."))
        if len(kept.content) > self.settings.max_file_bytes:
            return Data(uri, fault=("INVALID_ARGUMENT", f"{uri} is larger than 1 GB."))
        kept.reads += 1
        return Data(uri, kept.content)

    # Jobs

    def advance(self, now: datetime) -> None:
        """Let every job catch up; those that wait begin in the order of their creation."""
        for job in self.jobs.values():
            if job.planted:
                continue
            if job.begins is None and job.active and job.held_since is None and now >= job.ready:
                self._begin(job, now)
            job.advance(now)

    def job(self, id: str, project: str | None, location: str | None, now: datetime) -> Job:
        """The job at this moment; refused where it is unknown, lost, another's or elsewhere."""
        self.advance(now)
        job = self.jobs.get(id)
        if (
            job is None
            or job.lost
            or project not in (None, job.project)
            or location not in (None, job.location)
        ):
            raise Refused(404, f"The TuningJob does not exist. TuningJob id: {id}.")
        return job

    def tuned(self, project: str, now: datetime) -> list[Job]:
        """The jobs that made a model, newest first."""
        self.advance(now)
        return [
            job
            for job in reversed(self.jobs.values())
            if job.project == project and not job.lost and job.state == "SUCCEEDED"
        ]

    def visible(self, created: datetime, now: datetime) -> bool:
        """True where lists show by now what was created then."""
        lag = timedelta(seconds=self.settings.listing_lag_s)
        return now - created >= lag and not self.settings.unlisted

    def _begin(self, job: Job, now: datetime) -> None:
        """Give a job its share of quota at the first moment at which one was free, if there was one by now."""
        holders = [
            other
            for other in self.jobs.values()
            if other.project == job.project and other.begins and not other.planted
        ]
        moments = [job.ready, *(one.finished for one in holders if one.finished)]
        for moment in sorted(one for one in moments if job.ready <= one <= now):
            held = [
                one
                for one in holders
                if one.begins <= moment and (one.finished is None or one.finished > moment)  # type: ignore[operator]
            ]
            if len(held) < job.settings.concurrent_jobs:
                job.advance(moment)  # that it waited is seen in its start time
                job.begin(moment)
                return

    # Testimony

    def counts(self, now: datetime) -> dict[str, Any]:
        """What was made, asked and spent since the start or the last reset; planted history is left out."""
        self.advance(now)
        ours = [job for job in self.jobs.values() if not job.planted]
        training = sum((job.usd for job in ours), Decimal(0))
        return {
            "jobs": len(ours),
            "active_jobs": sum(job.active for job in ours),
            "labels": _marks(job.asked.labels for job in ours),
            "batches": len(self.batches),
            "batch_labels": _marks(batch.labels for batch in self.batches.values()),
            "objects": self.objects_made,
            "uploaded_bytes": self.uploaded_bytes,
            "uploads": self.made("session"),
            "generated": self.generated,
            "counted": self.counted,
            "tokens": self.made("token"),
            "usd": format((training + self.call_usd).normalize(), "f"),
            "training_usd": format(training.normalize(), "f"),
            "requests": dict(self.requests),
            "deviations": dict(self.deviations),
        }


def _marks(labelled: Iterable[dict[str, str]]) -> dict[str, Counter[str]]:
    """How many there are of each label, by key and value."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for labels in labelled:
        for key, value in labels.items():
            found[key][value] += 1
    return found
