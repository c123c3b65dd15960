"""Where a data set comes from and what was done with it, step by step. It takes no part in any hash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Provenance:
    """`source` as it was loaded: its format and why that, its number of `rows`, and the hash of all of them.

    `steps` are in words, the first one first. `parts` are the provenances of data sets that were concatenated.
    """

    source: str
    format: str
    detected: str
    rows: int
    sha256: str
    steps: tuple[str, ...] = ()
    parts: tuple[Provenance, ...] = ()

    def then(self, step: str) -> Provenance:
        """With one more step."""
        return replace(self, steps=(*self.steps, step))

    def __str__(self) -> str:
        why = f" ({self.detected})" if self.detected else ""
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        lines = [
            f"{self.source}: {rows}, {self.format}{why}",
            f"  sha256 {self.sha256}",
            *(f"  {number}. {step}" for number, step in enumerate(self.steps, start=1)),
        ]
        for part in self.parts:
            head, *more = str(part).split("\n")
            lines += [f"  from {head}", *(f"  {line}" for line in more)]
        return "\n".join(lines)


def named(function: Callable[..., Any]) -> str:
    """The word for a function in a step."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return "a lambda" if name.endswith("<lambda>") else name.rpartition("<locals>.")[2]
