"""`ftkit.rescue`: list, take up in the ledger, take home, ask, write the page. Killed anywhere, the same call goes on."""

from __future__ import annotations

from pathlib import Path

from ftkit.backend import History, Listing
from ftkit.config import Settings
from ftkit.registry import training_of
from ftkit.rescuing.answers import Answered, Progress, Questions, ask_models
from ftkit.rescuing.folder import Folder, opened
from ftkit.rescuing.index import write_index
from ftkit.rescuing.manifest import TakenJob
from ftkit.rescuing.outages import Reads
from ftkit.rescuing.result import Missing, Rescue
from ftkit.rescuing.taking import Taking
from ftkit.spending import scope_of
from ftkit.submission import import_jobs


def rescue(
    instance: str,
    to: Path,
    settings: Settings,
    *,
    questions: Questions | None = None,
    progress: Progress = lambda key, done, total: None,
) -> Rescue:
    """Everything of an account into a folder; raises Unavailable where the provider cannot be reached any more."""
    backend, training = training_of(instance, settings)
    if not isinstance(training, History):
        raise backend.refuse("history")
    if not isinstance(training, Listing):
        raise backend.refuse("listing")
    if questions is not None and backend.inference is None:
        raise backend.refuse("inference")
    reads, listing = Reads(instance), training.listing
    try:
        with opened(to) as folder:
            account = reads(lambda: scope_of(instance, backend))
            folder.manifest.begin(instance, account)
            taking, answered = Taking(training, training, folder, reads), Answered()
            taken_up = 0
            try:
                listed = reads(lambda: list(listing()))
                taken_up = len(import_jobs(instance, settings, listed=listed))
                for done, remote in enumerate(listed):
                    progress("jobs", done, len(listed))
                    taking.job(remote.id)
                progress("jobs", len(listed), len(listed))
                if questions is not None:
                    jobs = in_order(folder)
                    answered = ask_models(instance, jobs, questions, folder, settings, progress)
            finally:  # an interrupt leaves a page of what is there
                missing = (*taking.missing, *answered.missing)
                write_index(folder, instance, in_order(folder), missing)
            return _result(folder, instance, account, taken_up, answered, missing)
    except Exception:
        raise
    except BaseException as interrupt:
        interrupt.add_note(f"what is whole stays in {to}; the same command goes on")
        raise


def in_order(folder: Folder) -> list[TakenJob]:
    """The jobs of a folder, newest first; those that the provider has forgotten since are among them."""
    jobs = folder.manifest.jobs.values()
    return sorted(jobs, key=lambda job: (job.created_at or "", job.id), reverse=True)


def _result(
    folder: Folder,
    instance: str,
    account: str,
    taken_up: int,
    answered: Answered,
    missing: tuple[Missing, ...],
) -> Rescue:
    jobs, files = folder.manifest.jobs.values(), folder.manifest.files.values()
    return Rescue(
        folder.path,
        instance,
        account,
        jobs=len(jobs),
        unfinished=sum(job.status not in ("succeeded", "failed", "cancelled") for job in jobs),
        taken_up=taken_up,
        files=len(files),
        bytes=sum(one.size for one in files),
        fetched=folder.fetched,
        answers=answered.answers,
        usd=answered.usd,
        missing=missing,
    )
