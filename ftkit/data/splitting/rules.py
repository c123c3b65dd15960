"""What a caller asks of a split, judged before any row is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ftkit.data.example import Example
from ftkit.errors import ConfigError, DataError

Duplicates = Literal["prompt", "row"]
GroupBy = str | Sequence[str] | Callable[[Example], Any] | None
Near = float | Literal[False] | None  # None: where it can be done


@dataclass(frozen=True, slots=True)
class Rules:
    """Which rows must stay together. Raises ConfigError for what makes no sense."""

    seed: int
    group_by: GroupBy
    duplicates: Duplicates
    near: Near

    def __post_init__(self) -> None:
        if self.duplicates not in ("prompt", "row"):
            raise ConfigError(f"duplicates= is 'prompt' or 'row', not {self.duplicates!r}")
        if self.near is None or self.near is False:
            return
        number = isinstance(self.near, int | float) and self.near is not True
        if not number or not 0 < self.near <= 1:
            raise ConfigError(
                f"near={self.near!r}: a similarity between 0 and 1 such as 0.8, or False"
            )


def wanted_rows(rows: int, test: float, source: str) -> int:
    """How many rows `test` asks for, a share or a number of rows."""
    if isinstance(test, bool) or not isinstance(test, int | float):
        raise ConfigError(f"test= is a share such as 0.1 or a number of rows, not {test!r}")
    if rows < 2:
        raise DataError(f"{source}: {rows} rows cannot be split; at least 2 are needed")
    if isinstance(test, float):
        if not 0 < test < 1:
            raise ConfigError(f"test={test!r}: a share lies between 0 and 1; pass an int for rows")
        return max(1, round(rows * test))
    if not 0 < test < rows:
        raise ConfigError(
            f"test={test}: with {rows} rows, between 1 and {rows - 1} can be held out"
        )
    return test
