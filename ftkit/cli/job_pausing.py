"""`ftkit job pause|resume`: let a job stand still, and let it go on."""

from __future__ import annotations

import typer

import ftkit
from ftkit.cli.job_which import Which
from ftkit.cli.options import Json
from ftkit.cli.terminal import show
from ftkit.cli.watching import as_dict
from ftkit.types import JobStatus


def register(group: typer.Typer) -> None:
    """Add both commands."""
    group.command("pause")(pause)
    group.command("resume")(resume)


def pause(job: Which, json: Json = False) -> None:
    """Let a running job stand still; what it has done stays done, and billed."""
    found = ftkit.job(job)
    found.pause()
    row = found.last_seen
    text = f"job {found.id}: asked to pause, and is {row.status}"
    if row.status.final:
        text = f"job {found.id} had ended already: {row.status}"
    elif row.status is JobStatus.PAUSED:
        text = f"job {found.id} is paused; `ftkit job resume {found.id}` lets it go on"
    show(text, as_dict(found, row), json)


def resume(job: Which, json: Json = False) -> None:
    """Let a paused job go on. (`ftkit job go-on` is for a trainer that died.)"""
    found = ftkit.job(job)
    found.resume()
    row = found.last_seen
    show(f"job {found.id}: {row.status} (provider: {row.raw_status})", as_dict(found, row), json)
