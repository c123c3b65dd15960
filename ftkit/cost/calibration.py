"""How the bills of jobs that have ended compare with what their quotes expected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ftkit.backend import JobStatus
from ftkit.ledger import JobRow


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the finished jobs of one provider were billed for each USD that was expected; `low` and `high` are single jobs."""

    instance: str
    jobs: int
    ratio: Decimal
    low: Decimal
    high: Decimal

    def __str__(self) -> str:
        if self.jobs == 1:
            return f"one earlier job on {self.instance} was billed {self.ratio:.2f} times what was expected"
        return (
            f"{self.jobs} earlier jobs on {self.instance} were billed {self.ratio:.2f} times what was expected "
            f"({self.low:.2f} to {self.high:.2f})"
        )


def calibrations(jobs: Iterable[JobRow]) -> tuple[Calibration, ...]:
    """By provider, from the jobs that succeeded and whose bill and quote are both known."""
    found: dict[str, list[tuple[Decimal, Decimal]]] = {}
    for job in jobs:
        expected = job.plan.get("usd_expected") or job.plan.get("usd")
        if job.status is not JobStatus.SUCCEEDED or job.cost_usd is None or not expected:
            continue
        if Decimal(expected) > 0:
            found.setdefault(job.instance, []).append((job.cost_usd, Decimal(expected)))
    return tuple(_calibration(instance, pairs) for instance, pairs in sorted(found.items()))


def _calibration(instance: str, pairs: list[tuple[Decimal, Decimal]]) -> Calibration:
    ratios = [billed / expected for billed, expected in pairs]
    billed, expected = (sum(column, Decimal(0)) for column in zip(*pairs, strict=True))
    return Calibration(instance, len(pairs), billed / expected, min(ratios), max(ratios))
