"""Files that jobs have left at their provider, and deleting them.

A file goes only where nothing can still be made from it: not while its job lives or may live, nor while another job of this
ledger does that was made from the same rows. The ledger forgets a file before it looks who uses it: whoever comes meanwhile
sends one of their own, and who came before stands in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ftkit.backend import Backend, DeletesUploads, History, JobStatus, Training, Upload
from ftkit.config import Settings
from ftkit.errors import CapabilityError, OutcomeUnknown
from ftkit.ledger import JobRow, Ledger, State
from ftkit.patience import patiently
from ftkit.registry import training_of
from ftkit.spending import one_at_a_time, same_account
from ftkit.submission.observing import observe


def held(ledger: Ledger, row: JobRow) -> list[Upload]:
    """The job's files that its account has, as far as this ledger knows."""
    found = (ledger.upload(row.scope, sha256) for sha256 in _hashes(row))
    return [upload for upload in found if upload is not None]


def left(ledger: Ledger, row: JobRow, backend: Backend) -> str:
    """The tail of a message about a job that ended badly: what lies at the provider and how to delete it; "" for nothing."""
    said = row.error or ""
    ids = [upload.id for upload in held(ledger, row) if upload.id not in said]
    if row.status not in (JobStatus.FAILED, JobStatus.CANCELLED) or not ids:
        return ""
    many = len(ids) > 1
    stay = f"the file{'s' * many} {' and '.join(ids)} stay{'s' * (not many)} at {row.instance}"
    if not isinstance(backend.training, DeletesUploads):
        return f"; {stay}"
    return f"; {stay}, and `ftkit job delete-files {row.id}` deletes {'them' if many else 'it'}"


def delete_files(id: str, settings: Settings) -> list[Upload]:
    """Delete a job's files at its provider and forget them; those that were deleted.

    Raises OutcomeUnknown while the job is unsettled, CapabilityError while it or another that uses them is not over.
    """
    ledger = Ledger(settings.home)
    row = ledger.job(id)
    backend, training = training_of(row.instance, settings)
    if not isinstance(training, DeletesUploads):
        raise backend.refuse("delete_upload")
    with one_at_a_time(settings.home, row.stem):
        row = _now(ledger, training, ledger.job(id))
        same_account(f"job {row.id}", row.scope, row.instance, backend)
        _over(row)
        waiting = held(ledger, row)
        for upload in waiting:
            ledger.forget_upload(row.scope, upload.sha256)
        deleted: list[Upload] = []
        try:
            for upload in waiting:
                _unused(ledger, settings, row, upload)
            while waiting:
                upload = waiting[0]
                patiently(row.instance, partial(training.delete_upload, upload))
                deleted.append(waiting.pop(0))
                ledger.tell(row.id, "file deleted", f"{upload.id}, {upload.size:,} bytes")
        finally:
            for upload in waiting:
                if ledger.upload(row.scope, upload.sha256) is None:
                    ledger.keep_upload(row.scope, upload)
    return deleted


def _over(row: JobRow) -> None:
    if row.state.open:
        raise OutcomeUnknown(
            f"job {row.id} is {row.phase} and may be made from its files: nothing was deleted; find out with "
            f"`ftkit job settle {row.id}` first"
        )
    if row.state is State.MADE and not row.status.final:
        raise CapabilityError(
            f"job {row.id} is {row.status} and is made from its files: nothing was deleted; wait for its end, or stop it "
            f"with `ftkit job cancel {row.id}`"
        )


def _unused(ledger: Ledger, settings: Settings, row: JobRow, upload: Upload) -> None:
    for other in _not_over(ledger, settings, row):
        _, training = training_of(other.instance, settings)
        if _uses(training, other, upload):
            raise CapabilityError(
                f"{upload.id} is used by job {other.id} too, which is {other.phase} ({other.status}): nothing was deleted; "
                f"wait for its end, or stop it with `ftkit job cancel {other.id}`"
            )


def _not_over(ledger: Ledger, settings: Settings, row: JobRow) -> Iterator[JobRow]:
    """Other jobs of the same account from which something may still be made."""
    for other in ledger.jobs():
        if other.id == row.id or other.scope != row.scope or _is_over(other):
            continue
        if other.state is State.MADE:
            _, training = training_of(other.instance, settings)
            other = _now(ledger, training, other)
        if not _is_over(other):
            yield other


def _is_over(row: JobRow) -> bool:
    return row.state is State.CLOSED or (row.state is State.MADE and row.status.final)


def _uses(training: Training, row: JobRow, upload: Upload) -> bool:
    """By the rows' hashes; of a job that was taken up from its provider by what that says, and where it cannot say, yes."""
    hashes = _hashes(row)
    if hashes:
        return upload.sha256 in hashes
    id = row.remote_id
    if id is None or not isinstance(training, History):
        return True
    told = patiently(row.instance, lambda: training.told(id))
    return upload.id in [file.id for file in told.files]


def _hashes(row: JobRow) -> list[str]:
    request = row.request
    files = (request.get(name) for name in ("train", "validation"))
    return list(dict.fromkeys(str(file["sha256"]) for file in files if file is not None))


def _now(ledger: Ledger, training: Training, row: JobRow) -> JobRow:
    id = row.remote_id
    if row.state is not State.MADE or row.status.final or id is None:
        return row
    return observe(ledger, row.id, patiently(row.instance, lambda: training.get(id)))
