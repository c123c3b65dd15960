"""One job, taken home: its words, events and checkpoints, then each of its files that is not whole here yet.

A job that has ended and was read in full is never read again; what cannot be had is told with its reason, and the rest
goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, TypeVar

from ftkit.backend import Checkpoint, Checkpoints, FileRole, History, RemoteFile, Told, Training
from ftkit.errors import AuthError, NotFound, ProviderError
from ftkit.rescuing.folder import Folder
from ftkit.rescuing.manifest import Source, TakenJob
from ftkit.rescuing.names import file_name
from ftkit.rescuing.outages import Reads
from ftkit.rescuing.result import Missing
from ftkit.secrets import redact
from ftkit.submission.observing import status_of

T = TypeVar("T")


class Taking:
    """Takes jobs of one provider into one folder; `missing` is what could not be had so far."""

    def __init__(self, training: Training, history: History, folder: Folder, reads: Reads) -> None:
        self.missing: list[Missing] = []
        self._training = training
        self._history = history
        self._folder = folder
        self._reads = reads
        self._tried: set[str] = set()

    def job(self, id: str) -> None:
        """All of one job; raises Unavailable where the provider seems to be gone."""
        known = self._folder.manifest.jobs.get(id)
        if known is None or not known.complete:
            told = self._had("job", id, id, lambda: self._history.told(id))
            if told is not None:
                known = self._words(id, told)
        for source in known.sources if known is not None else ():
            self._file(id, source)

    def _words(self, id: str, told: Told) -> TakenJob:
        place = f"jobs/{file_name(id)}"
        self._folder.write(f"{place}/job.json", _json(told.words))
        events = self._had("events", id, id, lambda: list(self._training.events(id, 0)))
        if events is not None:
            lines = (json.dumps(asdict(one), ensure_ascii=False) for one in events)
            self._folder.write(f"{place}/events.jsonl", "".join(f"{line}\n" for line in lines))
        checkpoints = self._had("checkpoints", id, id, lambda: self._checkpoints(told))
        if checkpoints is not None:
            kept = [asdict(one) for one in checkpoints]
            self._folder.write(f"{place}/checkpoints.json", _json(kept))
        job, status = told.job, status_of(told.job)
        taken = TakenJob(
            id,
            place,
            str(status),
            redact(job.raw_status),
            job.base,
            job.model,
            None if job.error is None else redact(job.error),  # the index is a page to show around
            job.created_at,
            job.finished_at,
            told.tokens,
            None if job.usd is None else str(job.usd),
            dict(told.hyperparameters),
            tuple(_sources(place, told.files)),
            len(events or ()),
            tuple(one.id for one in checkpoints or ()),
            complete=status.final and events is not None and checkpoints is not None,
        )
        self._folder.manifest.add_job(taken)
        return taken

    def _checkpoints(self, told: Told) -> list[Checkpoint]:
        """Those there are; a job that made no model may know nothing of any."""
        if not isinstance(self._training, Checkpoints):
            return []
        try:
            return self._training.checkpoints(told.job.id)
        except NotFound:
            if told.job.model is not None:
                raise
            return []

    def _file(self, job: str, source: Source) -> None:
        """Each file once a run, also where many jobs share it and it cannot be had."""
        folder, path = self._folder, source.path
        if path in self._tried or folder.holds(path) or folder.found(path, source.id):
            return
        self._tried.add(path)
        remote = RemoteFile(source.id, FileRole(source.role))

        def keep() -> bool:
            folder.keep(path, source.id, lambda to: self._history.fetch(remote, to))
            return True

        self._had(f"{source.role} file", job, source.id, keep)

    def _had(self, what: str, job: str, id: str, read: Callable[[], T]) -> T | None:
        """What was read; None, and a line in `missing`, where it cannot be had."""
        try:
            return self._reads(read)
        except (NotFound, ProviderError, AuthError) as error:
            # a key may be good for jobs and not for their files, but one that reads no job reads nothing
            if self._reads.dead or (isinstance(error, AuthError) and what == "job"):
                raise
            self.missing.append(Missing(what, job, id, str(error)))
            return None


def _sources(place: str, files: tuple[RemoteFile, ...]) -> Iterator[Source]:
    """Files of rows lie together, since jobs share them; the metrics of a job lie with it."""
    metrics = 0
    for file in files:
        if file.role is FileRole.METRICS:
            metrics += 1
            name = "metrics.csv" if metrics == 1 else f"metrics-{metrics}.csv"
            yield Source(file.id, str(file.role), f"{place}/{name}")
        else:
            yield Source(file.id, str(file.role), f"files/{file_name(file.id)}.jsonl")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
