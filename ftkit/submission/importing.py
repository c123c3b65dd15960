"""Jobs by name, by id, or by `instance/provider-id`; and jobs of a provider that this ledger has never seen."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ftkit.backend import Backend, Listing, Remote, Training
from ftkit.config import Settings
from ftkit.errors import FtkitError, NotFound
from ftkit.ledger import JobRow, Ledger, State, Verb, new_intent, new_job
from ftkit.patience import patiently
from ftkit.registry import backend_names, open_backend, training_of
from ftkit.spending import parsed_key, scope_of
from ftkit.submission.job import Job
from ftkit.submission.observing import observe

log = logging.getLogger("ftkit")


def open_ledger(settings: Settings) -> Ledger:
    """The ledger; one that was rebuilt after damage first takes up what run folders and providers list."""
    ledger = Ledger(settings.home)
    if ledger.needs_import:
        for instance in sorted({*backend_names(), *settings.providers}):
            try:
                backend = open_backend(instance, settings)
                if isinstance(backend.training, Listing):
                    import_jobs(instance, settings, ledger)
            except FtkitError as error:
                log.warning("jobs of %s could not be listed: %s", instance, error)
                log.warning("once that is mended: ftkit jobs import %s", instance)
        ledger.imported()
    return ledger


def find_job(name_or_id: str, settings: Settings) -> Job:
    """The job; raises NotFound naming the nearest known one."""
    ledger = open_ledger(settings)
    row = ledger.find(name_or_id)
    if row is not None:
        return Job(row.id, settings)
    instance, slash, remote_id = name_or_id.partition("/")
    if not slash:
        ledger.job(name_or_id)  # raises, with the nearest known name
    row = ledger.by_remote(instance, remote_id)
    if row is None:
        backend, training = training_of(instance, settings)
        try:
            remote = patiently(instance, lambda: training.get(remote_id))
        except NotFound as error:
            raise NotFound(f"{instance} has no job {remote_id!r}") from error
        row = _take_up(ledger, instance, backend, training, remote)
    return Job(row.id, settings)


def list_jobs(settings: Settings) -> list[Job]:
    """All jobs of this ledger, newest first."""
    ledger = open_ledger(settings)
    names: dict[str, list[str]] = {}
    for name, job in ledger.named():
        names.setdefault(job, []).append(name)
    return [Job(row.id, settings, seen=row, names=names.get(row.id, ())) for row in ledger.jobs()]


def import_jobs(
    instance: str,
    settings: Settings,
    ledger: Ledger | None = None,
    listed: Sequence[Remote] | None = None,
) -> list[Job]:
    """Take up every job that a provider lists and this ledger does not know; the new ones, oldest first.

    `listed` is the provider's list where the caller has just read it, newest first.
    """
    ledger = ledger or open_ledger(settings)
    backend, training = training_of(instance, settings)
    if not isinstance(training, Listing):
        raise backend.refuse("listing")
    if listed is None:
        listed = patiently(instance, lambda: list(training.listing()))
    taken = []
    for remote in reversed(listed):
        if ledger.by_remote(instance, remote.id) is None:
            taken.append(_take_up(ledger, instance, backend, training, remote))
    return [Job(row.id, settings) for row in taken]


def _take_up(
    ledger: Ledger, instance: str, backend: Backend, training: Training, remote: Remote
) -> JobRow:
    """A job of the provider as a job of this ledger: under our key where it carries one that is free here."""
    known_key = parsed_key(remote.key)
    id = remote.key if known_key and remote.key is not None else f"{instance}/{remote.id}"
    stem, attempt = known_key or (id, 1)
    open_here = ledger.intent(id)
    if (
        open_here is not None
        and open_here.remote_id is None
        and open_here.state is not State.CLOSED
    ):
        ledger.move(
            id,
            State.MADE,
            only_from=(State.PREPARED, State.UPLOADING, State.SUBMITTING, State.UNSETTLED),
            remote_id=remote.id,
            detail=f"found in the provider's list: {remote.id}",
        )
        return observe(ledger, id, remote)
    if open_here is not None:
        log.warning(
            "%s/%s carries the key of job %s too: it may be a job that was started twice",
            instance,
            remote.id,
            id,
        )
        id = stem = f"{instance}/{remote.id}"
        attempt = 1
    intent = new_intent(
        id,
        Verb.CREATE,
        instance=instance,
        scope=scope_of(instance, backend),
        subject=id,
        usd=None,
        state=State.MADE,
        remote_id=remote.id,
    )
    ledger.prepare(
        intent,
        new_job(
            intent,
            stem=stem,
            fingerprint="",
            attempt=attempt,
            plan={},
            request={},
            raw_status="taken up",
            model=None if remote.base is None else f"{instance}/{remote.base}",
        ),
    )
    return observe(ledger, id, remote)
