"""What every emulator keeps: its time, its settings, ordered faults, and the counts by which it testifies.

One event loop runs all of it, and no room waits in the middle of its work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from typing import Any

from .clock import Clock
from .exchange import Refusal
from .faults import Faults


class Book:
    """A provider's state. `settings` is a frozen dataclass, `choices` the values that some of them are limited to.

    `codes` are the provider's errors that a test may order.
    """

    def __init__(
        self,
        clock: Clock,
        settings: Any,
        *,
        codes: Collection[str],
        choices: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self._codes = codes
        self._choices = choices or {}
        self._first = (clock, settings)
        self.reset()

    def reset(self) -> None:
        """Forget everything but the command line. Ids start anew."""
        self.clock, self.settings = self._first
        self.faults = Faults(self._codes)
        self.scripted: list[dict[str, Any]] = []
        self.requests: Counter[str] = Counter()
        self.deviations: Counter[str] = Counter()
        self.log: list[dict[str, Any]] = []
        self.violations: list[dict[str, Any]] = []
        self._ids: Counter[str] = Counter()
        self._seq = 0
        self.accept(self.settings)
        self.forget()

    def forget(self) -> None:
        """Empty what the provider's own rooms keep; also how a new book begins."""

    def accept(self, settings: Any) -> None:
        """Take up what depends on settings; ValueError, OSError or ImportError where they cannot be had."""

    def keep_as_first(self) -> None:
        """Let `reset` come back to the settings of now."""
        self._first = (self.clock, self.settings)

    def next_number(self, kind: str) -> int:
        """1, 2, 3... of each kind: what ids are made from."""
        self._ids[kind] += 1
        return self._ids[kind]

    def made(self, kind: str) -> int:
        """How many numbers of a kind were given out."""
        return self._ids[kind]

    def next_seq(self) -> int:
        """The number by which all objects are ordered: seconds are too coarse."""
        self._seq += 1
        return self._seq

    def change(self, changes: dict[str, Any]) -> None:
        """Change settings, all or none; `now` is a setting of FTKIT_NOW."""
        kinds = {entry.name: entry.type for entry in fields(self.settings)}
        for name, value in changes.items():
            if name not in kinds and name != "now":
                raise Refusal(400, f"there is no setting {name!r}")
            if not _fits(str(kinds.get(name, "str | None")), value):
                raise Refusal(400, f"{name} cannot be {value!r}")
            if name in self._choices and value not in self._choices[name]:
                raise Refusal(400, f"{name} is one of {self._choices[name]}, not {value!r}")
        try:
            clock = Clock(changes["now"]) if "now" in changes else self.clock
            settings = replace(self.settings, **{k: v for k, v in changes.items() if k != "now"})
            self.accept(settings)
        except (ValueError, OSError, ImportError) as error:
            raise Refusal(400, str(error)) from error
        self.clock, self.settings = clock, settings


def _fits(kind: str, value: Any) -> bool:
    """True where the value has the type of this annotation."""
    if value is None:
        return kind.endswith("| None")
    kind = kind.removesuffix(" | None")
    if isinstance(value, bool):
        return kind == "bool"
    kinds: dict[str, Any] = {"float": (int, float), "int": int, "str": str}
    return kind in kinds and isinstance(value, kinds[kind])
