"""`ftkit jobs`: every job of this ledger, newest first."""

from __future__ import annotations

import typer

import ftkit
from ftkit.cli.options import Json
from ftkit.cli.terminal import show
from ftkit.cli.watching import as_dict


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("jobs")(jobs)


def jobs(json: Json = False) -> None:
    """List all jobs, newest first."""
    values = [as_dict(job) for job in ftkit.jobs()]
    lines = [
        f"{value['id']:<18}  {value['status']:<10}  {value['created_at'][:16]}  "
        f"{value['model'] or '':<32}  {', '.join(value['names'])}".rstrip()
        for value in values
    ]
    show("\n".join(lines) or "no jobs yet", {"schema_version": 1, "jobs": values}, json)
