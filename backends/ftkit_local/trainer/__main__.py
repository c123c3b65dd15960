"""`python -m ftkit_local.trainer RUN`: own the run, wait for the device, train, and say how it ended.

Whatever happens ends in `result.json`; the traceback of a failure goes to standard error, which is trainer.log.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ftkit.backend import JobStatus
from ftkit.errors import FtkitError
from ftkit_local import locks
from ftkit_local.device import choose_device, lock_name
from ftkit_local.durable import discard_folder
from ftkit_local.runs import RunFolder
from ftkit_local.trainer.checkpoint import FOLDER
from ftkit_local.trainer.failures import is_the_disks, plain_message
from ftkit_local.trainer.interrupts import Cancelled, Interrupts, Paused, Stopped
from ftkit_local.trainer.journal import Journal
from ftkit_local.trainer.spec import read_spec


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where the run succeeded or another trainer has it, 1 where it ended without a model, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m ftkit_local.trainer")
    parser.add_argument("run", type=Path, help="the folder of a prepared run")
    parser.add_argument("--lock", type=int, help="open file that holds the run's lock already")
    options = parser.parse_args(arguments)
    # what libraries plan for their next version is nothing that the owner of a run can act on
    warnings.filterwarnings("ignore", category=FutureWarning)
    run = RunFolder(options.run.absolute())
    if not run.exists():
        print(f"{run.spec} is not there: give the folder of a prepared run", file=sys.stderr)
        return 2
    lock = locks.adopt(options.lock) if options.lock is not None else locks.take(run.lock)
    if lock is None:
        return 0  # another trainer has this run
    try:
        return _own(run) if (outcome := run.outcome()) is None else _tidied(run, outcome)
    finally:
        lock.release()


def _tidied(run: RunFolder, outcome: Mapping[str, Any]) -> int:
    """The run has ended; its trainer may have been killed before it had removed what only a resume needs."""
    if outcome["status"] == JobStatus.SUCCEEDED:
        with suppress(OSError):
            discard_folder(run.path / FOLDER)
    return 0


def _own(run: RunFolder) -> int:
    journal = Journal(run)
    interrupts = Interrupts(run)
    with closing(journal), interrupts.watched():
        try:
            _train(run, journal, interrupts)
        except Cancelled as error:
            interrupts.shield()
            _end(run, journal, JobStatus.CANCELLED, "cancelled", str(error))
            return 1
        except Paused as error:
            interrupts.shield()
            journal.write("paused", f"{error}; it goes on behind its last checkpoint")
        except Exception as error:  # noqa: BLE001  whatever ended the run is said in its folder
            interrupts.shield()
            message = plain_message(error, run.path)
            if not isinstance(error, FtkitError):
                traceback.print_exc()
            if run.outcome() is not None:
                return 0  # the result has its name; only the disk's word that it stays was missing
            if isinstance(error, Stopped) or is_the_disks(error):
                _leave(journal, message)
            else:
                _end(run, journal, JobStatus.FAILED, "error", message)
            return 1
    return 0


def _train(run: RunFolder, journal: Journal, interrupts: Interrupts) -> None:
    interrupts.check()
    spec = read_spec(run.spec)
    device = choose_device()
    lock = _device_lock(run, journal, interrupts, device)
    try:
        journal.write("started", f"training on {device}", pid=os.getpid(), device=str(device))
        from ftkit_local.trainer.job import run_job

        run_job(spec, run, journal, interrupts, device)
    finally:
        lock.release()


def _device_lock(run: RunFolder, journal: Journal, interrupts: Interrupts, device: Any) -> FileLock:
    """The lock of the device; while another run has it, this one is queued."""
    folder = run.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / lock_name(device))
    said = False
    while True:
        interrupts.check()
        try:
            # Another process is waited for, so this is real time even where the clock is virtual.
            lock.acquire(timeout=0.5 if said else 0)
            return lock
        except Timeout:
            if not said:
                journal.write("queued", f"waiting for {device}, which another run uses")
                said = True


def _leave(journal: Journal, message: str) -> None:
    """End without a result: what stopped the run is none of its own faults, and it can go on from its last checkpoint."""
    try:
        journal.write(
            "stopped", f"{message}; the same submission goes on behind the last checkpoint"
        )
    except OSError:
        traceback.print_exc()  # on a full disk the log may be all there is
        print(message, file=sys.stderr)


def _end(run: RunFolder, journal: Journal, status: JobStatus, raw: str, message: str) -> None:
    try:
        journal.write("cancelled" if status is JobStatus.CANCELLED else "error", message)
    except OSError:
        traceback.print_exc()  # on a full disk the result may still fit, and it matters more
    run.finish(status, raw_status=raw, error=message)


if __name__ == "__main__":
    sys.exit(main())
