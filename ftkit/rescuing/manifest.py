"""`manifest.jsonl`: what in a folder is whole, a line for each file and job; the newest line about a job counts.

A line is on disk before the next thing is asked for. One that a kill has cut is dropped at the next start: what it
stood for is found by its name, since nothing bears its final name before it is whole.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ftkit.errors import ConfigError

log = logging.getLogger("ftkit")

NAME = "manifest.jsonl"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is whole: `path` below the folder, `name` as the provider calls it, size in bytes."""

    path: str
    id: str
    name: str | None
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a job names, and where it is or will be."""

    id: str
    role: str
    path: str


@dataclass(frozen=True, slots=True)
class TakenJob:
    """A job as it was last read. `complete` where nothing about it will change and all of it was read."""

    id: str
    folder: str
    status: str
    raw_status: str
    base: str | None = None
    model: str | None = None
    error: str | None = None
    created_at: str | None = None
    finished_at: str | None = None
    tokens: int | None = None
    usd: str | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    events: int = 0
    checkpoints: tuple[str, ...] = ()
    complete: bool = False


class Manifest:
    """The manifest of one folder, which belongs to one account of one provider."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, Kept] = {}
        self.jobs: dict[str, TakenJob] = {}
        self.account: str | None = None
        self._path = folder / NAME
        if self._path.exists():
            self._read()

    def begin(self, provider: str, account: str) -> None:
        """Name the account; raises ConfigError where the folder is another's."""
        if self.account is None:
            self.account = account
            self._add("folder", {"version": VERSION, "provider": provider, "account": account})
        elif not _may_be_same(self.account, account):
            raise ConfigError(
                f"{self._path.parent} holds the history of {self.account}, and the settings of {provider} lead to "
                f"{account}; give each account a folder of its own"
            )

    def add_file(self, kept: Kept) -> None:
        """Note that a file is whole."""
        self.files[kept.path] = kept
        self._add("file", asdict(kept))

    def add_job(self, job: TakenJob) -> None:
        """Note what was read of a job."""
        self.jobs[job.id] = job
        self._add("job", asdict(job))

    def _add(self, kind: str, values: Mapping[str, Any]) -> None:
        line = json.dumps({"kind": kind, **values}, ensure_ascii=True) + "\n"
        with open(self._path, "a", encoding="ascii") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> None:
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with open(self._path, "r+b") as file:
                file.truncate(len(whole))
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                values = json.loads(line)
                self._take(values.pop("kind"), values)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                log.warning("%s, line %d is no line of a manifest: %s", self._path, number, error)

    def _take(self, kind: str, values: dict[str, Any]) -> None:
        if kind == "folder":
            if values["version"] != VERSION:
                raise ConfigError(
                    f"{self._path} was written by another version of ftkit; give another folder"
                )
            self.account = values["account"]
        elif kind == "file":
            self.files[values["path"]] = Kept(**values)
        elif kind == "job":
            values["sources"] = tuple(Source(**one) for one in values["sources"])
            values["checkpoints"] = tuple(values["checkpoints"])
            self.jobs[values["id"]] = TakenJob(**values)


def _may_be_same(one: str, other: str) -> bool:
    """A piece of a scope that was not known ("?") fits any."""
    pieces, others = one.split("|"), other.split("|")
    return len(pieces) == len(others) and all(
        mine == theirs or "?" in (mine, theirs) for mine, theirs in zip(pieces, others, strict=True)
    )
