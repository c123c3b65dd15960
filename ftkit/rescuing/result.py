"""What came of a rescue: what is in the folder now, and what could not be had and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that the provider did not give: `what` in words, the job it belongs to, its own id, the reason.

    The next run asks for it again.
    """

    what: str
    job: str
    id: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what} {self.id} of {self.job}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Rescue:
    """A folder after one run. `unfinished` jobs go on at the provider; `taken_up` are new in the ledger; `fetched`
    files came in this run, `files` with `bytes` are all; `answers` are those of tuned models, `usd` what this run's cost
    (None where that is not known).
    """

    folder: Path
    provider: str
    account: str
    jobs: int
    unfinished: int
    taken_up: int
    files: int
    bytes: int
    fetched: int
    answers: int
    usd: Decimal | None
    missing: tuple[Missing, ...]

    @property
    def complete(self) -> bool:
        """True where nothing is missing."""
        return not self.missing

    @property
    def page(self) -> Path:
        """The page to open in a browser."""
        return self.folder / "index.html"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "schema_version": 1,
            **asdict(self),
            "folder": str(self.folder),
            "page": str(self.page),
            "usd": None if self.usd is None else str(self.usd),
            "missing": [asdict(one) for one in self.missing],
            "complete": self.complete,
        }

    def __str__(self) -> str:
        lines = [
            f"{self.jobs:,} jobs of {self.account}, {self.taken_up:,} of them new in the ledger"
            + (f", {self.unfinished:,} not ended yet" if self.unfinished else ""),
            f"{self.files:,} files, {self.bytes:,} bytes, {self.fetched:,} of them fetched now",
        ]
        if self.answers:
            cost = "at an unknown price" if self.usd is None else f"for {self.usd:.4f} USD now"
            lines.append(f"{self.answers:,} answers of tuned models, {cost}")
        if self.missing:
            lines.append(f"{len(self.missing):,} could not be had; the same command asks again:")
            lines += [f"  {one}" for one in self.missing[:_SHOWN]]
            if len(self.missing) > _SHOWN:
                lines.append(f"  ... and {len(self.missing) - _SHOWN:,} more, all on the page")
        return "\n".join([*lines, f"page: {self.page}"])
