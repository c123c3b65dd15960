"""`convert`: the rows of one file in the shape of another format, whole, or nothing is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ftkit.data.dataset import Dataset
from ftkit.data.formats import to_write
from ftkit.data.formats.call_order import renumbered
from ftkit.data.loading import load
from ftkit.data.writing import write


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written: `path` holds `rows` rows in the format `written`; they came in `read`, for the reason `detected`."""

    path: Path
    rows: int
    read: str
    detected: str
    written: str

    def __str__(self) -> str:
        why = f": {self.detected}" if self.detected else ""
        return f"{self.rows:,} rows as {self.written!r}: {self.path}\nread as {self.read!r}{why}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"schema_version": 1, **asdict(self), "path": str(self.path)}


def convert(
    source: str | Path | Iterable[Any] | Dataset,
    out: str | Path,
    *,
    to: str,
    format: str | None = None,
    prompt: str | None = None,
    completion: str | None = None,
    system: str | None = None,
    strip_separators: bool | None = None,
    renumber_calls: bool = False,
    force: bool = False,
) -> Converted:
    """Write the rows of `source` to `out` (.jsonl, .json, .csv, .tsv, each also .gz or .zst) in the format `to`.

    With `renumber_calls` tool calls get the ids that formats without ids make. The other options read the source as in
    `load`. `out` is replaced only with `force`, and only at the end: it may be
    the source itself. Raises as `load` does, DataError naming every row that cannot be carried whole, and StorageError.
    """
    goal = to_write(to)
    data = load(
        source,
        format=format,
        prompt=prompt,
        completion=completion,
        system=system,
        strip_separators=strip_separators,
    )
    rows = data.map(renumbered) if renumber_calls else data
    write([(Path(out), rows)], goal, force=force)
    return Converted(Path(out), len(data), data.format, data.detected, goal.name)
