"""Events of a job. Google lists none: they follow from the job itself, under numbers that every process gives alike.

1 created, 2 started, 3 rows counted, 4 rows left out, 100 and up the epochs, a million the end. What can be told later
has a larger number, so that nobody who has read up to one number misses another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ftkit.backend import Event, Remote
from ftkit_google import wire

_EPOCHS_FROM, _MOST_EPOCHS, _END = 100, 999_000, 1_000_000
_SHOWN = 20


def events_of(reply: Mapping[str, Any], job: Remote) -> Iterator[Event]:
    """All that can be told of a job now, in order; `job` is the same as the contract has it."""
    created = job.created_at or ""
    yield Event(1, created, "created", f"job {job.id} was created")
    if reply.get("startTime") is None:
        yield from _end(reply, job)
        return
    started = wire.when(reply, "startTime")
    yield Event(2, started, "started", "training has begun")
    stats = wire.stats_of(reply)
    tokens = wire.billed_tokens(reply)
    if stats and tokens is not None:
        epochs = wire.epochs_of(reply)
        said = f"Google has counted the rows: {tokens:,} tokens are billed in {epochs} epochs"
        yield Event(3, started, "message", said, {"billed_tokens": tokens})
        many, rows = wire.left_out(reply)
        if many:
            numbers = [number for number, _ in rows]
            yield Event(4, started, "warning", left_out(many, rows), {"rows": numbers})
    yield from _epochs(reply, started)
    yield from _end(reply, job)


def left_out(many: int, rows: list[tuple[int, str]]) -> str:
    """Rows that Google passed over, by their numbers as they were sent."""
    shown = [f"row {number} ({why})" if why else f"row {number}" for number, why in rows[:_SHOWN]]
    rest = many - len(shown)
    if rest and shown:
        shown.append(f"{rest:,} more")
    named = f": {', '.join(shown)}" if shown else "; it names none of them"
    return f"Google left out {many:,} row{'s' * (many > 1)} and did not train on {'them' if many > 1 else 'it'}{named}"


def _epochs(reply: Mapping[str, Any], started: str) -> Iterator[Event]:
    done, epochs = wire.epochs_done(reply), wire.epochs_of(reply)
    if done is None or not epochs:
        return
    at = wire.when(reply, "updateTime") if reply.get("updateTime") is not None else started
    for number in range(1, min(done, epochs, _MOST_EPOCHS) + 1):
        data = {"step": number, "steps": epochs, "epoch": number}
        yield Event(_EPOCHS_FROM + number, at, "step", f"epoch {number} of {epochs}", data)


def _end(reply: Mapping[str, Any], job: Remote) -> Iterator[Event]:
    if not job.status.final or job.finished_at is None:
        return
    said = f"the job has {job.status}" if job.status == "succeeded" else f"the job is {job.status}"
    why = f": {job.error}" if job.error else ""
    kind = "message" if job.status == "succeeded" else "error"
    yield Event(_END, job.finished_at, kind, f"{said}{why}")
