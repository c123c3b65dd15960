"""What a check says: findings with a stable code, the rows they are about, why it matters and how to mend it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ftkit.data.tasks import Task
from ftkit.data.tokens import Counts
from ftkit.errors import DataError

KEPT = 1_000  # row numbers kept in one finding
_SHOWN = 10  # row numbers printed


class Severity(StrEnum):
    """An error blocks a submission unless its code is allowed."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. `rows` are 1-based and the first 1,000 of `count`; both are empty for a finding on the whole."""

    code: str
    severity: Severity
    title: str
    rows: tuple[int, ...]
    count: int
    detail: str
    why: str
    mend: str

    @classmethod
    def on(
        cls,
        rows: Sequence[int],
        code: str,
        severity: Severity,
        title: str,
        *,
        why: str,
        mend: str,
        detail: str = "",
    ) -> Finding:
        """A finding on these rows, however many."""
        return cls(code, severity, title, tuple(rows[:KEPT]), len(rows), detail, why, mend)

    def __str__(self) -> str:
        lines = [f"{self.severity} {self.code}: {self.title}"]
        if self.count:
            shown = ", ".join(map(str, self.rows[:_SHOWN]))
            more = self.count - min(len(self.rows), _SHOWN)
            word = "row" if self.count == 1 else "rows"
            lines.append(f"  {word} {shown}" + (f" and {more:,} more" if more else ""))
        lines += [f"  {line}" for line in self.detail.splitlines()]
        return "\n".join([*lines, f"  why: {self.why}", f"  mend: {self.mend}"])


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was not looked for: the codes that could not be given, what they are about, and why they did not run."""

    codes: tuple[str, ...]
    what: str
    why: str

    def __str__(self) -> str:
        return f"{', '.join(self.codes)} ({self.what}): {self.why}"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All findings on one data set of `rows` rows, the worst first; `skipped` is what did not run.

    `task` is a guess at the kind of task that the rows teach, None where nothing is answered or nobody asked. `counts` are
    the tokens of the model that the data was checked for, None without one or where it refuses a row.
    """

    source: str
    rows: int
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    task: Task | None = None
    counts: Counts | None = None

    def __post_init__(self) -> None:
        ordered = sorted(self.findings, key=lambda f: (_ORDER[f.severity], f.code))
        object.__setattr__(self, "findings", tuple(ordered))

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings of severity error."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)

    @property
    def ok(self) -> bool:
        """True where there is no error."""
        return not self.errors

    @property
    def worst(self) -> Severity | None:
        """The highest severity found, None where nothing was."""
        return self.findings[0].severity if self.findings else None

    def blocking(self, allow: Collection[str] = ()) -> tuple[Finding, ...]:
        """The errors whose code is not allowed."""
        return tuple(finding for finding in self.errors if finding.code not in allow)

    def to_dict(self) -> dict[str, Any]:
        """The report for JSON."""
        return {
            "schema_version": 1,
            "source": self.source,
            "rows": self.rows,
            "ok": self.ok,
            "task": None if self.task is None else self.task.to_dict(),
            "tokens": None
            if self.counts is None
            else {
                "all": self.counts.tokens,
                "trained": self.counts.trained_tokens,
                "longest": self.counts.longest,
            },
            "findings": [
                {
                    "code": f.code,
                    "severity": f.severity.value,
                    "title": f.title,
                    "rows": list(f.rows),
                    "count": f.count,
                    "detail": f.detail,
                    "why": f.why,
                    "mend": f.mend,
                }
                for f in self.findings
            ],
            "skipped": [
                {"codes": list(one.codes), "what": one.what, "why": one.why} for one in self.skipped
            ],
        }

    def __str__(self) -> str:
        counts = []
        for severity in Severity:
            number = sum(f.severity is severity for f in self.findings)
            if number:
                plural = "s" if number > 1 and severity is not Severity.INFO else ""
                counts.append(f"{number} {severity}{plural}")
        head = f"{self.source}: {self.rows:,} rows, {', '.join(counts) or 'nothing found'}"
        if self.counts is not None:
            head += (
                f"\ntokens: {self.counts.tokens:,}, {self.counts.trained_tokens:,} of them trained, "
                f"longest {self.counts.longest:,}"
            )
        if self.task is not None:
            head += f"\ntask: {self.task}; {'; '.join(self.task.evidence)}"
        blocks = [head, *map(str, self.findings)]
        if self.skipped:
            blocks.append("\n".join(["did not run:", *(f"  {one}" for one in self.skipped)]))
        return "\n\n".join(blocks)


def report_of_faults(error: DataError, source: str = "") -> CheckReport:
    """What `load` refused, as a report: FT001 for rows that cannot be read, FT002 for the file as a whole.

    Its `rows` is 0, since there is no data set; `source` is the path, where the caller knows it.
    """
    mend = "mend the rows named here and load the file again"
    why = "a row that cannot be read cannot be trained on, and leaving rows out in silence hides it"
    bad = sorted({fault.row for fault in error.faults if fault.row is not None})
    if bad:
        shown = [str(fault) for fault in error.faults[:_SHOWN]]
        finding = Finding.on(
            bad,
            "FT001",
            Severity.ERROR,
            error.message,
            why=why,
            mend=mend,
            detail="\n".join(shown),
        )
    else:
        finding = Finding.on(
            [],
            "FT002",
            Severity.ERROR,
            "the data cannot be loaded",
            why="without rows there is nothing to check",
            mend="do as the message says and load the file again",
            detail=str(error),
        )
    return CheckReport(source or "data", 0, (finding,))
