"""The index of a folder, for people as `index.html` and for programs as `index.json`; written anew from the manifest.

Everything on the page but its own words is a stranger's: the template escapes every value, a strict content policy
stands behind it, and links lead only to names that `names.file_name` has made.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from ftkit import clock
from ftkit.pages.html import page
from ftkit.pages.visible_text import one_line
from ftkit.rescuing.answers import answers_path
from ftkit.rescuing.folder import Folder
from ftkit.rescuing.manifest import TakenJob
from ftkit.rescuing.result import Missing

SCHEMA_VERSION = 1


def write_index(
    folder: Folder, instance: str, jobs: Sequence[TakenJob], missing: Sequence[Missing]
) -> None:
    """Both files."""
    value = describe(folder, instance, jobs, missing)
    folder.write("index.json", json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    folder.write("index.html", render(value))


def describe(
    folder: Folder, instance: str, jobs: Sequence[TakenJob], missing: Sequence[Missing]
) -> dict[str, Any]:
    """What is in the folder, as plain values; paths are relative to it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "provider": instance,
        "account": folder.manifest.account,
        "written_at": clock.now().isoformat(),
        "jobs": [_job(folder, job) for job in jobs],
        "missing": [asdict(one) for one in missing],
    }


def render(value: dict[str, Any]) -> str:
    """The page of what `describe` tells."""
    jobs = value["jobs"]
    files = {one["path"]: one for job in jobs for one in job["files"] if one["size"] is not None}
    return page(
        "ftkit.rescuing/index.html.j2",
        {"path": quote, "day": _day, "size": _size},
        **value,
        title=one_line(f"Tuning history of {value['account']}", 160),
        files=len(files),
        bytes=sum(one["size"] for one in files.values()),
        tokens=sum(job["tokens"] or 0 for job in jobs),
        models=sum(job["model"] is not None for job in jobs),
    )


def _job(folder: Folder, job: TakenJob) -> dict[str, Any]:
    answers = None if job.model is None else answers_path(job.model)
    return {
        **{name: value for name, value in asdict(job).items() if name != "sources"},
        "answers": answers if answers and (folder.path / answers).exists() else None,
        "files": [_file(folder, source.path, source.id, source.role) for source in job.sources],
    }


def _file(folder: Folder, path: str, id: str, role: str) -> dict[str, Any]:
    """A file of a job; without a size where it is not here."""
    kept = folder.manifest.files.get(path) if folder.holds(path) else None
    return {
        "id": id,
        "role": role,
        "path": path,
        "name": None if kept is None else kept.name,
        "size": None if kept is None else kept.size,
        "sha256": None if kept is None else kept.sha256,
    }


def _day(moment: str | None) -> str:
    return "" if moment is None else moment[:16].replace("T", " ")


def _size(bytes: int) -> str:
    amount, unit = float(bytes), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{bytes:,} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"
