"""What a check says: findings with a stable code, the rows they are about, why it matters and how to mend it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit.data.tasks import Task
from ftkit.data.tokens import Counts
from ftkit.errors import ConfigError, DataError
from ftkit.words import nearest

if TYPE_CHECKING:
    from ftkit.data.checks.portrait import Portrait

KEPT = 1_000  # row numbers kept in one finding
_SHOWN = 10  # row numbers printed


class Severity(StrEnum):
    """An error blocks a submission unless its code is allowed."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
NEVER = "never"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. `rows` are 1-based and the first 1,000 of `count`; both are empty for a finding on the whole.

    `figures` are shares by name, where there is something to compare, such as the scores of baselines.
    """

    code: str
    severity: Severity
    title: str
    rows: tuple[int, ...]
    count: int
    detail: str
    why: str
    mend: str
    figures: tuple[tuple[str, float], ...] = ()

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
        figures: Sequence[tuple[str, float]] = (),
    ) -> Finding:
        """A finding on these rows, however many."""
        kept = tuple(rows[:KEPT])
        return cls(code, severity, title, kept, len(rows), detail, why, mend, tuple(figures))

    @property
    def rows_in_words(self) -> str:
        """Such as "rows 3, 5 and 12 more", "" for a finding on the whole."""
        if not self.count:
            return ""
        shown = ", ".join(map(str, self.rows[:_SHOWN]))
        more = self.count - min(len(self.rows), _SHOWN)
        word = "row" if self.count == 1 else "rows"
        return f"{word} {shown}" + (f" and {more:,} more" if more else "")

    def __str__(self) -> str:
        lines = [f"{self.severity} {self.code}: {self.title}"]
        if self.count:
            lines.append(f"  {self.rows_in_words}")
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
    the tokens of the model that the data was checked for, None without one or where it refuses a row. `portrait` is what
    the data looks like, None where it could not be loaded.
    """

    source: str
    rows: int
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    task: Task | None = None
    counts: Counts | None = None
    portrait: Portrait | None = None

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

    def fails(self, on: str = Severity.ERROR) -> bool:
        """True where something of this severity or a higher one was found; never with on="never".

        Raises ConfigError for a word that is neither a severity nor never.
        """
        if on not in (*Severity, NEVER):
            words = (*Severity, NEVER)
            raise ConfigError(f"fail on {on!r}: no severity{nearest(on, words)}")
        if on == NEVER or self.worst is None:
            return False
        return _ORDER[self.worst] <= _ORDER[Severity(on)]

    def html(self, path: str | Path, *, title: str | None = None) -> Path:
        """Write the data card, one self-contained page: no script, no request. The texts of rows in it are masked.

        Raises StorageError where the file cannot be written.
        """
        from ftkit.data.card import write_card

        return write_card(self, Path(path), title)

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
                    "figures": dict(f.figures),
                }
                for f in self.findings
            ],
            "skipped": [
                {"codes": list(one.codes), "what": one.what, "why": one.why} for one in self.skipped
            ],
        }

    @property
    def summary(self) -> str:
        """How many findings there are of each severity, such as "2 errors, 1 warning"."""
        counts = []
        for severity in Severity:
            number = sum(f.severity is severity for f in self.findings)
            if number:
                plural = "s" if number > 1 and severity is not Severity.INFO else ""
                counts.append(f"{number} {severity}{plural}")
        return ", ".join(counts) or "nothing found"

    @property
    def head(self) -> str:
        """What was checked, and what came out, in lines that stand above the findings."""
        word = "row" if self.rows == 1 else "rows"
        head = f"{self.source}: {self.rows:,} {word}, {self.summary}"
        if self.counts is not None:
            head += (
                f"\ntokens: {self.counts.tokens:,}, {self.counts.trained_tokens:,} of them trained, "
                f"longest {self.counts.longest:,}"
            )
        if self.task is not None:
            head += f"\ntask: {self.task}; {'; '.join(self.task.evidence)}"
        return head

    @property
    def not_run(self) -> str:
        """What was not looked for, a line each; "" where all of it was."""
        return (
            "\n".join(["did not run:", *(f"  {one}" for one in self.skipped)])
            if self.skipped
            else ""
        )

    def __str__(self) -> str:
        blocks = [self.head, *map(str, self.findings), self.not_run]
        return "\n\n".join(filter(None, blocks))


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
            mend=f"{mend}, or leave them out: `ftkit fix {source or 'IN'} OUT --drop-unreadable`",
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
