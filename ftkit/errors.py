"""What can go wrong, as types: one class for each thing that a caller would handle differently.

A message says what happened, where (file, row, field) and what to do next. `exit_code` is what the command returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class FtkitError(Exception):
    """The base of every error that ftkit raises on purpose."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one row: 1-based `row` and `line`, `offset` in bytes, `field` inside the row."""

    reason: str
    row: int | None = None
    line: int | None = None
    offset: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        place = f"row {self.row}" if self.row is not None else ""
        if self.line is not None and self.line != self.row:
            place += f" (line {self.line})" if place else f"line {self.line}"
        if self.field:
            place += f", field {self.field!r}" if place else f"field {self.field!r}"
        return f"{place}: {self.reason}" if place else self.reason


class DataError(FtkitError):
    """A data set cannot be used. `faults` names every bad row found in one pass."""

    exit_code = 3
    shown = 10

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        self.message = message
        self.faults = tuple(faults)
        super().__init__(message)

    def __str__(self) -> str:
        lines = [self.message, *(f"  {fault}" for fault in self.faults[: self.shown])]
        if len(self.faults) > self.shown:
            lines.append(f"  ... and {len(self.faults) - self.shown} more")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[type[DataError], tuple[str, tuple[Fault, ...]]]:
        return type(self), (self.message, self.faults)


class ConfigError(FtkitError):
    """A setting, option or argument that ftkit does not understand."""

    exit_code = 2


class NotFound(FtkitError):
    """A job, model, backend or file that is not there."""

    exit_code = 2


class CapabilityError(FtkitError):
    """The backend or model cannot do this; the message says what can."""

    exit_code = 3


class BudgetError(FtkitError):
    """The work would cost more than allowed, or its cost is not known."""

    exit_code = 3


class LifecycleError(FtkitError):
    """The base is closed to training or shuts down too soon; the message carries the date."""

    exit_code = 3


class AuthError(FtkitError):
    """Credentials are missing or refused."""

    exit_code = 3


class NotInstalled(FtkitError):
    """A part that is installed separately is missing; the message is the command that brings it."""

    exit_code = 3


class NotDeployed(FtkitError):
    """The model answers only while deployed; the message has the price per hour."""

    exit_code = 3


class ProviderError(FtkitError):
    """The provider answered with an error."""


class Unanswered(ProviderError):
    """Some questions of a batch have no answer. `faults` names each by its row, with the reason; the others can be had."""

    shown = 10

    def __init__(self, message: str, faults: Sequence[Fault]) -> None:
        self.message = message
        self.faults = tuple(faults)
        super().__init__(message)

    def __str__(self) -> str:
        lines = [self.message, *(f"  {fault}" for fault in self.faults[: self.shown])]
        if len(self.faults) > self.shown:
            lines.append(f"  ... and {len(self.faults) - self.shown} more")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[type[Unanswered], tuple[str, tuple[Fault, ...]]]:
        return type(self), (self.message, self.faults)


class OutcomeUnknown(FtkitError):
    """A paid call may or may not have happened; `ftkit job settle` looks again."""

    exit_code = 4


class TrainingError(FtkitError):
    """A job ended without a model."""


class JobTimeout(FtkitError):
    """The time to wait is over; the job goes on."""


class LedgerError(FtkitError):
    """The ledger of jobs cannot be read or written."""


class StorageError(FtkitError):
    """A file cannot be written or read: no space, no permission, damaged content."""
