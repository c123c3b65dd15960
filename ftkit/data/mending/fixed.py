"""What mending did: how many changes of each kind, the first of them, and the files by their hashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftkit.data.mending.notes import Change


@dataclass(frozen=True, slots=True)
class Fixed:
    """`path` and `log` are None where nothing was written, since no file was named to write to.

    `mends` counts changes by the name of the mend; `changes` are the first ten, the log has all. `rows` were read,
    `rows_changed` have other texts now, `rows_dropped` are not in the new file. The hashes are of the files' bytes, that of
    the new file also where it was not written.
    """

    source: Path
    path: Path | None
    log: Path | None
    format: str
    rows: int
    rows_changed: int
    rows_dropped: int
    mends: Mapping[str, int]
    changes: tuple[Change, ...]
    sha256_before: str
    sha256_after: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema_version": 1,
            "source": str(self.source),
            "path": None if self.path is None else str(self.path),
            "log": None if self.log is None else str(self.log),
            "format": self.format,
            "rows": self.rows,
            "rows_changed": self.rows_changed,
            "rows_dropped": self.rows_dropped,
            "mends": dict(self.mends),
            "changes": [change.to_dict() for change in self.changes],
            "sha256_before": self.sha256_before,
            "sha256_after": self.sha256_after,
        }

    def __str__(self) -> str:
        would = "would change" if self.path is None else "changed"
        head = f"{self.source}: {self.rows_changed:,} of {self.rows:,} rows {would}"
        if self.rows_dropped:
            head += f", {self.rows_dropped:,} {'would be ' if self.path is None else ''}dropped"
        lines = [head, *(f"  {name}: {count:,}" for name, count in self.mends.items())]
        if self.changes:
            more = sum(self.mends.values()) - len(self.changes)
            lines += ["first changes:", *(f"  {change}" for change in self.changes)]
            lines += [f"  ... and {more:,} more"] if more else []
        if self.path is None:
            lines.append("nothing is written: name a file to write to")
        else:
            lines.append(f"written: {self.path}; every change: {self.log}")
        return "\n".join(lines)
