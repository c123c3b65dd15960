"""`ftkit job delete-files`: what a job has left at its provider, deleted there and forgotten here."""

from __future__ import annotations

from typing import Any

import typer

import ftkit
from ftkit.cli.job_which import Which
from ftkit.cli.options import Json
from ftkit.cli.terminal import show
from ftkit.types import Job


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("delete-files")(delete_files)


def delete_files(job: Which, json: Json = False) -> None:
    """Delete the files of a job that has ended, or never began, at its provider; refused while something uses them."""
    found = ftkit.job(job)
    deleted = found.delete_files()
    provider = found.last_seen.instance
    lines = [f"{one.id} ({one.size:,} bytes) is deleted at {provider}" for one in deleted]
    nothing = f"job {found.id} has no file at {provider} that this ledger knows of"
    value = {
        "schema_version": 1,
        "id": found.id,
        "deleted": [{"id": one.id, "bytes": one.size, "sha256": one.sha256} for one in deleted],
    }
    show("\n".join(lines) or nothing, value, json)


def lying(job: Job) -> dict[str, Any]:
    """Files that lie at the provider, as part of what is shown of a job."""
    return {"files": [{"id": one.id, "bytes": one.size} for one in job.files()]}
