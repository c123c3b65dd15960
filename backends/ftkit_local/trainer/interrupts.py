"""How a run is ended from outside: a file `cancel` or `pause` in its folder, or a signal to the process."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ftkit.errors import FtkitError
from ftkit_local.runs import RunFolder

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Cancelled(FtkitError):
    """Somebody asked for the run to be cancelled."""


class Paused(FtkitError):
    """Somebody asked for the run to stand still."""


class Stopped(FtkitError):
    """A signal ended the trainer."""


class Interrupts:
    """Watches one run. `check` is for the points between steps; a signal also interrupts what is under way."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._signal: str | None = None
        self._shielded = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take over SIGTERM and SIGINT; the handlers of before come back afterwards."""
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler or signal.SIG_DFL)

    def check(self) -> None:
        """Raise Stopped, Cancelled or Paused where that was asked for."""
        if self._signal is not None:
            raise Stopped(f"stopped by {self._signal}")
        if self._run.cancelled():
            raise Cancelled("cancelled on request")
        if self._run.pause.exists():
            raise Paused("paused on request")

    def shield(self) -> None:
        """From here on a signal is too late: the end of the run is being written down."""
        self._shielded = True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # Kept as well as raised: an exception raised inside a destructor would be lost.
        if self._signal is None and not self._shielded:
            self._signal = signal.Signals(number).name
            raise Stopped(f"stopped by {self._signal}")
