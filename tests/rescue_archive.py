"""A provider that only has a past: jobs and files in memory, which the instance "archive" leads to. It counts its reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ftkit.backend import (
    Backend,
    Checkpoint,
    Event,
    FileRole,
    JobStatus,
    Remote,
    RemoteFile,
    Told,
)
from ftkit.config import Settings
from ftkit.errors import NotFound
from ftkit.registry import replaced
from ftkit.testing.fake_backend import backend as plugin

ROWS = b'{"messages": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"}]}\n'
METRICS = b"step,train_loss\n1,0.5\n"


@dataclass
class Archive:
    """`contents` has a file's bytes, or the error of whoever reads it; `before_read` sees every read before it is made."""

    jobs: dict[str, Told] = field(default_factory=dict)
    contents: dict[str, bytes | BaseException] = field(default_factory=dict)
    reads: Counter[str] = field(default_factory=Counter)
    account: str = "archive|here|org-acme"

    def add(self, id: str, status: str = "succeeded", *, training: str | None = None) -> None:
        """A job of the past with rows of its own (or shared ones), metrics, and what it says in its own words."""
        rows, metrics = training or f"file-{id}", f"results-{id}"
        job = Remote(
            id,
            JobStatus(status),
            status,
            model=f"tuned-{id}" if status == "succeeded" else None,
            base="base",
            created_at=f"2026-11-01T12:00:{len(self.jobs) % 60:02d}+00:00",
            finished_at=None,
        )
        files = [RemoteFile(rows, FileRole.TRAINING)]
        self.contents.setdefault(rows, ROWS)
        if status == "succeeded":
            files.append(RemoteFile(metrics, FileRole.METRICS))
            self.contents[metrics] = METRICS
        words = {"id": id, "own": {"words": [1, None, "ü"]}}
        self.jobs[id] = Told(job, words, tuple(files), 1200, {"n_epochs": 2})

    def ends(self, id: str) -> None:
        """A job that was running has succeeded."""
        told = self.jobs[id]
        job = replace(told.job, status=JobStatus.SUCCEEDED, raw_status="succeeded")
        self.jobs[id] = replace(told, job=job)

    def open(self) -> AbstractContextManager[None]:
        """Until the block ends every instance is this provider."""
        return replaced(self._open)

    def before_read(self, what: str, id: str) -> None:
        """For tests to replace."""

    def _open(self, instance: str, settings: Settings) -> Backend:
        fake = plugin.open(plugin.settings(url="http://127.0.0.1:9"), settings.home)
        part: Any = Past(self)
        return Backend(
            "archive",
            fake.settings,
            fake.catalogue,
            lambda: self.account,
            training=part,
            lacks={"inference": "the archive only remembers"},
        )

    def read(self, what: str, id: str) -> None:
        self.reads[f"{what} {id}".strip()] += 1
        self.before_read(what, id)


class Past:
    """What a rescue needs of Training."""

    wire, listing_lag_s, poll_s, idempotent_create = "chat", 0.0, 0.1, False

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def listing(self) -> Iterator[Remote]:
        self._archive.read("list", "")
        yield from (told.job for told in reversed(self._archive.jobs.values()))

    def get(self, id: str) -> Remote:
        return self.told(id).job

    def told(self, id: str) -> Told:
        self._archive.read("job", id)
        if id not in self._archive.jobs:
            raise NotFound(f"archive has no job {id!r}")
        return self._archive.jobs[id]

    def events(self, id: str, after: int) -> Iterator[Event]:
        self._archive.read("events", id)
        yield Event(1, "2026-11-01T12:00:00+00:00", "message", f"{id} began", {"n": 1})

    def checkpoints(self, id: str) -> list[Checkpoint]:
        self._archive.read("checkpoints", id)
        return [Checkpoint(f"tuned-{id}:1", 1)]

    def fetch(self, file: RemoteFile, to: Path) -> str | None:
        content = self._archive.contents[file.id]
        to.write_bytes(content[:5] if isinstance(content, bytes) else b"half")
        self._archive.read("fetch", file.id)
        if isinstance(content, BaseException):
            raise content
        to.write_bytes(content)
        return f"{file.id}.jsonl"


def here(folder: Path) -> dict[str, bytes]:
    """Every file of a folder that has its final name, by its path; the two of the index left out."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    for name in ("index.html", "index.json", "manifest.jsonl"):
        found.pop(name, None)
    return found
