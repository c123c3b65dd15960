"""Jobs by name, by id, or by `instance/provider-id`, also those that this ledger has never seen."""

from __future__ import annotations

from ftkit import clock
from ftkit.backend import JobStatus
from ftkit.config import Settings
from ftkit.errors import NotFound
from ftkit.ledger import JobRow, Ledger, Phase
from ftkit.registry import open_backend
from ftkit.submission.job import Job, observe


def find_job(name_or_id: str, settings: Settings) -> Job:
    """The job; raises NotFound naming the nearest known one."""
    ledger = Ledger(settings.home)
    row = ledger.find(name_or_id)
    if row is not None:
        return Job(row.id, settings)
    instance, slash, remote_id = name_or_id.partition("/")
    if not slash:
        ledger.job(name_or_id)  # raises, with the nearest known name
    row = ledger.by_remote(instance, remote_id)
    return (
        Job(row.id, settings) if row is not None else _adopt(instance, remote_id, settings, ledger)
    )


def list_jobs(settings: Settings) -> list[Job]:
    """All jobs of this ledger, newest first."""
    return [Job(row.id, settings) for row in Ledger(settings.home).jobs()]


def _adopt(instance: str, remote_id: str, settings: Settings, ledger: Ledger) -> Job:
    backend = open_backend(instance, settings)
    if backend.training is None:
        raise backend.refuse("training")
    try:
        remote = backend.training.get(remote_id)
    except NotFound as error:
        raise NotFound(f"{instance} has no job {remote_id!r}") from error
    now = clock.now().isoformat()
    ledger.prepare(
        JobRow(
            id=remote_id,
            fingerprint=f"adopted:{instance}/{remote_id}",
            attempt=1,
            instance=instance,
            scope=backend.name,
            phase=Phase.SUBMITTED,
            status=JobStatus.OTHER,
            raw_status="adopted",
            remote_id=remote_id,
            error=None,
            plan={},
            request={},
            record=None,
            created_at=now,
            updated_at=now,
        )
    )
    observe(ledger, remote_id, remote)
    return Job(remote_id, settings)
