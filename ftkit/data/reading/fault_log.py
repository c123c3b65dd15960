"""Collects faults while a file is read: every bad row is counted, the first thousand are kept."""

from __future__ import annotations

from collections.abc import Iterable

from ftkit.errors import DataError, Fault

KEPT = 1_000


class FaultLog:
    """Faults in the order of rows. `rows` counts the bad rows, kept or not."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.rows = 0
        self._last: int | None = None

    @property
    def full(self) -> bool:
        """Whether faults are only counted from now on."""
        return len(self.faults) >= KEPT

    def add(self, fault: Fault) -> None:
        """Count the fault's row once, and keep the fault while there is room."""
        if fault.row is None or fault.row != self._last:
            self.rows += 1
        self._last = fault.row
        if len(self.faults) < KEPT:
            self.faults.append(fault)


def refusal(message: str, logs: Iterable[FaultLog]) -> DataError:
    """One error over several logs of different rows; `message` is completed with the count."""
    logs = list(logs)
    rows = sum(log.rows for log in logs)
    faults = [fault for log in logs for fault in log.faults]
    faults.sort(key=lambda fault: fault.row or 0)
    faults = faults[:KEPT]
    listed = len({fault.row for fault in faults})
    if listed < rows:
        message += f" (the first {listed:,} are listed, {rows - listed:,} more are not)"
    return DataError(message, faults)
