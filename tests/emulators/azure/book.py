"""Everything the resource knows: OpenAI's book with Azure's bases, jobs, deployments and tokens."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from ..openai import book as openai
from ..openai.create_rules import Asked as OpenAIAsked
from ..openai.prices import Base as OpenAIBase
from ..openai.records import Account
from ..serving.clock import Clock
from .bases import BASES, Base
from .create_rules import Asked, read, tunable
from .deployments import Deployment
from .jobs import Job
from .records import CHOICES, Settings, Site
from .refusals import REFUSALS, Refusal, refusal
from .results import csv_of


@dataclass(frozen=True, slots=True)
class Token:
    """What Entra handed out; `expires` is None for those that the handle tells."""

    audience: str
    expires: datetime | None


class Book(openai.Book):
    """The resource's state."""

    codes: ClassVar[Mapping[str, Any]] = REFUSALS
    limited: ClassVar[Mapping[str, tuple[str, ...]]] = CHOICES
    aliases: ClassVar[Mapping[str, str]] = {}

    def __init__(self, clock: Clock, site: Site, settings: Settings) -> None:
        self.site = site
        owner = Account(site.api_key, "azure", site.account)
        super().__init__(clock, {site.api_key: owner}, settings)

    @property
    def account(self) -> Account:
        """Whose everything is."""
        return next(iter(self.accounts.values()))

    def forget(self) -> None:
        """No deployment either, and no token but those of the handle."""
        super().forget()
        self.tuned_bases: dict[str, Base] = dict(BASES)
        self.bases = self.tuned_bases
        self.deployments: dict[str, Deployment] = {}
        self.ended: list[Deployment] = []
        self.starts: Counter[str] = Counter()
        self.spellings: Counter[str] = Counter()
        self.own_files: set[str] = set()
        self.bom_files = 0
        self.handed_out = {
            self.site.arm_token: Token("https://management.azure.com", None),
            self.site.data_token: Token("https://cognitiveservices.azure.com", None),
        }

    def next_id(self, kind: str) -> str:
        """Azure's ids have 32 hexadecimal digits."""
        mark = hashlib.sha256(f"{kind} {self.next_number(kind)}".encode()).hexdigest()[:32]
        return f"{kind}-{mark}"

    def read_create(self, body: dict[str, Any]) -> Asked:
        """By Azure's rules."""
        return read(body)

    def tunable(self, base: OpenAIBase | None, asked: OpenAIAsked, now: datetime) -> Base:
        """By Azure's rules and prices."""
        assert isinstance(asked, Asked) and (base is None or isinstance(base, Base))
        return tunable(base, asked, self.settings.existing_customer, now)

    def tuned_name(self, job: str, base: OpenAIBase, account: Account, suffix: str | None) -> str:
        """The base, the job's own mark, and the suffix."""
        name = f"{base.name}.ft-{job.removeprefix('ftjob-')}"
        return f"{name}-{suffix}" if suffix else name

    def job_of(self, **fields: Any) -> Job:
        """One that waits for its place."""
        if not fields["planted"]:
            self.spellings[fields["asked"].spelling] += 1
        return Job(**fields, place=self._place, settle=self._settle)

    def refuse_by_limits(self, owner: str, base: str, now: datetime) -> None:
        """The resource's limits; with which error the service refuses them is not documented."""
        if self.settings.quota == "insufficient":
            raise refusal("insufficient_quota")
        self._settle(now)
        mine = [job for job in self.jobs.values() if not job.planted and not job.lost]
        waiting = sum(job.active and job.started is None for job in mine)
        if len(mine) >= self.settings.total_jobs:
            raise Refusal(429, f"The resource has {len(mine)} jobs already.", code="quotaExceeded")
        if waiting >= self.settings.queued_jobs:
            raise Refusal(429, f"{waiting} jobs are queued already.", code="quotaExceeded")

    def keep_results(self, job: Any) -> str:
        """Store the result file, with Azure's columns."""
        content, made = csv_of(job), job.finished or job.created
        return self.add_file(job.owner, "results.csv", "fine-tune-results", content, made).id

    def live(self, now: datetime) -> dict[str, Deployment]:
        """The deployments that there are, those that are being deleted too."""
        settings = self.settings
        for name, one in list(self.deployments.items()):
            one.advance(now, settings.developer_hours, settings.idle_days)
            lasts = timedelta(seconds=settings.deleting_s if one.why == "deleted" else 0)
            if one.ended is not None and now >= one.ended + lasts:
                self.ended.append(self.deployments.pop(name))
        return self.deployments

    def occupying(self, now: datetime) -> list[Deployment]:
        """Those that use quota: it is not free at once when one has ended."""
        lag = timedelta(seconds=self.settings.quota_lag_s)
        found = [*self.live(now).values(), *self.ended]
        return [one for one in found if one.ended is None or now < one.ended + lag]

    def shift(self, base: str, **dates: Any) -> None:
        """Move dates of a base, as the provider does now and then."""
        self.tuned_bases[base] = replace(self.tuned_bases[base], **dates)

    def counts(self, now: datetime) -> dict[str, Any]:
        """OpenAI's, and what stands here by the hour."""
        found = super().counts(now)
        live = self.live(now).values()
        hosting = sum((one.hosting_usd(now) for one in [*live, *self.ended]), Decimal(0))
        ours = [job for job in self.jobs.values() if not job.planted]
        running = [one.name for one in live if one.ended is None and one.state(now) != "Failed"]
        total = Decimal(found["usd"]) + hosting
        return {
            **found,
            "usd": format(total.normalize(), "f"),
            "hosting_usd": format(hosting.normalize(), "f"),
            "deployments": self.starts.total(),
            "deploy_starts": dict(self.starts),
            "deployment_names": sorted(one.name for one in live),
            "running": len(running),
            "vanished": {one.name: one.why for one in self.ended if one.why != "deleted"},
            "suffixes": dict(Counter(job.asked.suffix for job in ours if job.asked.suffix)),
            "training_types": dict(self.spellings),
            "bom_files": self.bom_files,
        }

    def _settle(self, now: datetime) -> None:
        """Catch up with all jobs in their order, which is that of the queue."""
        now = min(now, self.clock.now())
        for job in self.jobs.values():
            if job.active and not job.planted:
                assert isinstance(job, Job)
                job.move(now)

    def _place(self, job: Job, due: datetime, now: datetime) -> datetime | None:
        """The first moment from `due` on at which fewer jobs of its sort run than may; None: not by now."""
        if job.planted or now > self.clock.now():  # a test hurries it into its future
            return due
        developer = job.kind == "Developer"
        most = self.settings.developer_jobs if developer else self.settings.running_jobs
        before = [
            one
            for one in self.jobs.values()
            if isinstance(one, Job) and one.seq < job.seq and not one.planted and not one.lost
            if (one.kind == "Developer") == developer
        ]
        waiting = sum(one.active and one.started is None for one in before)
        begun = [one for one in before if one.started is not None]
        ends = {one.finished for one in begun if one.finished and due < one.finished <= now}
        for moment in sorted({due, *ends}):
            running = sum(one.finished is None or one.finished > moment for one in begun)
            if running + waiting < most:
                return moment
        return None
