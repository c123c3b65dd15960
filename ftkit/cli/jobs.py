"""`ftkit jobs`: every job of this ledger, newest first; `ftkit jobs import PROVIDER` takes up those it has never seen."""

from __future__ import annotations

from typing import Annotated

import typer

import ftkit
from ftkit.cli.options import Json
from ftkit.cli.terminal import note, show
from ftkit.cli.watching import as_dict
from ftkit.errors import FtkitError
from ftkit.ledger import JobRow
from ftkit.types import Job, Phase


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="List all jobs, or take up those of a provider.")
    group.callback(invoke_without_command=True)(jobs)
    group.command("import")(import_jobs)
    app.add_typer(group, name="jobs")


def jobs(context: typer.Context, json: Json = False) -> None:
    """List all jobs, newest first."""
    if context.invoked_subcommand is not None:
        return
    found = ftkit.jobs()
    _show(found, "no jobs yet", json)


def import_jobs(
    provider: Annotated[str, typer.Argument(help="A provider, as in fake or azure-eu.")],
    json: Json = False,
) -> None:
    """Take up every job that a provider lists and this ledger does not know. Nothing is started."""
    taken = ftkit.import_jobs(provider)
    note(f"{len(taken)} jobs of {provider} taken up")
    _show(taken, "", json)


def _show(found: list[Job], nothing: str, json: bool) -> None:
    values = [as_dict(job, _now(job)) for job in found]
    lines = [
        f"{value['id']:<18}  {value['status']:<10}  {value['created_at'][:16]}  "
        f"{value['model'] or '':<32}  {', '.join(value['names'])}".rstrip()
        for value in values
    ]
    show("\n".join(lines) or nothing, {"schema_version": 1, "jobs": values}, json)


def _now(job: Job) -> JobRow:
    """The job as its provider sees it, or as it was last seen where the provider cannot be asked."""
    if job.last_seen.phase is not Phase.SUBMITTED:
        return job.last_seen
    try:
        return job.refresh()
    except FtkitError as error:
        note(f"{job.id} is shown as it was last seen: {error}")
        return job.last_seen
