"""Train on this machine, pause, lose the trainer to a SIGKILL, and go on behind the last checkpoint each time.

python cookbook/survive_a_kill.py                 # tunes SmolLM2-135M for some steps, two minutes on two cores
FTKIT_MODEL=local/./my-model python cookbook/survive_a_kill.py
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ftkit
from ftkit.types import Job

MODEL = os.environ.get("FTKIT_MODEL", "local/smollm2-135m")
EVERY = 2  # steps: a real run keeps one a minute


def steps_of(job: Job) -> list[int]:
    """Every optimiser step that any trainer of this job has made."""
    return [event.data["step"] for event in job.events() if event.type == "step"]


def until(seen: Callable[[], bool]) -> None:
    """Wait until it is so."""
    while not seen():
        time.sleep(0.05)


def main(steps: int = 12) -> list[int]:
    """Make the steps in three attempts; returns them all."""
    settings = Path(tempfile.mkdtemp()) / "ftkit.toml"
    settings.write_text(f'[providers.local]\nbackend = "local"\ncheckpoint_steps = {EVERY}\n')
    os.environ["FTKIT_CONFIG"] = str(settings)
    rows = [{"prompt": f"Where is parcel {n}?", "completion": "shipping"} for n in range(4 * steps)]

    plan = ftkit.estimate(rows, MODEL, hyperparameters={"max_steps": steps, "batch_size": 4})
    job = ftkit.submit(rows, plan=plan)
    until(lambda: len(steps_of(job)) >= steps // 4)
    job.pause()
    until(lambda: job.status == "paused")
    print(f"paused behind step {steps_of(job)[-1]}")
    job.resume()

    until(lambda: len(steps_of(job)) >= steps // 2)
    started = [event for event in job.events() if event.type == "started"]
    os.kill(started[-1].data["pid"], signal.SIGKILL)
    until(lambda: job.status == "failed")
    print(f"killed behind step {steps_of(job)[-1]}: {job.status}")

    again = ftkit.submit(rows, plan=plan)  # the same work is the same job
    assert again.id == job.id
    again.wait()
    made = steps_of(again)
    print(f"{again.status}: {steps} steps, of which {len(made) - steps} were made twice")
    return made


if __name__ == "__main__":
    main()
