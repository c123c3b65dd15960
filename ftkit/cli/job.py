"""`ftkit job show|wait|events|cancel|explain|settle|go-on` and more in `job_*`: one job, by name, id, or provider/id."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import ftkit
from ftkit.cli import job_checkpoints, job_files, job_pausing
from ftkit.cli.job_files import lying
from ftkit.cli.job_which import Which
from ftkit.cli.options import Json
from ftkit.cli.terminal import out, plain, show
from ftkit.cli.watching import as_dict, watch
from ftkit.errors import TrainingError
from ftkit.types import Job


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(
        help="Look at one job, wait for it, pause or cancel it.", no_args_is_help=True
    )
    group.command("show")(show_job)
    group.command("wait")(wait)
    group.command("events")(events)
    group.command("cancel")(cancel)
    job_pausing.register(group)
    job_checkpoints.register(group)
    job_files.register(group)
    group.command("explain")(explain)
    group.command("settle")(settle)
    group.command("go-on")(go_on)
    app.add_typer(group, name="job")


def show_job(job: Which, json: Json = False) -> None:
    """Where a job stands."""
    found = ftkit.job(job)
    value = _told(found)
    show(_in_words(value), value, json)


def wait(
    job: Which,
    timeout_s: Annotated[float | None, typer.Option(help="Give up watching after this.")] = None,
    json: Json = False,
) -> None:
    """Watch a job to its end; exit code 1 if it failed."""
    found = watch(ftkit.job(job), timeout_s)
    value = _told(found)
    show(_in_words(value), value, json)
    if value["status"] != "succeeded":
        raise TrainingError(
            f"job {found.id} {value['status']}: {value['error'] or 'no reason given'}{found.left_behind()}"
        )


def events(
    job: Which,
    follow: Annotated[bool, typer.Option(help="Wait for more until the job has ended.")] = False,
    json: Json = False,
) -> None:
    """What happened to a job, a line each (`--json`: a JSON object a line)."""
    import json as json_module
    from dataclasses import asdict

    for event in ftkit.job(job).events(follow=follow):
        line = json_module.dumps(asdict(event), ensure_ascii=False) if json else str(event)
        out.print(plain(line))


def cancel(job: Which, json: Json = False) -> None:
    """Ask a job to stop."""
    found = ftkit.job(job)
    before = found.refresh()
    found.cancel()
    value = as_dict(found)
    if before.status.final:
        text = f"job {found.id} had ended already: {before.status}"
    elif before.state.open:
        text = f"job {found.id} is {before.phase}: it is stopped as soon as it is found (ftkit job settle {found.id})"
    else:
        text = f"job {found.id}: asked to stop"
    show(text, value, json)


def explain(job: Which, json: Json = False) -> None:
    """What was done for a job and when: intents, calls, money."""
    found = ftkit.job(job)
    lines = found.history()
    row = found.last_seen
    value = {
        "schema_version": 1,
        "id": found.id,
        "scope": row.scope,
        "remote_id": row.remote_id,
        "phase": str(row.phase),
        "quoted_usd": None if row.usd is None else str(row.usd),
        "cost_usd": None if row.cost_usd is None else str(row.cost_usd),
        "history": [
            {
                "at": line.at,
                "what": line.what,
                "detail": line.detail,
                "usd": None if line.usd is None else str(line.usd),
            }
            for line in lines
        ],
    }
    words = [
        f"job     {found.id}" + (f"  at the provider: {row.remote_id}" if row.remote_id else ""),
        f"account {row.scope}",
        *(
            f"{line.at[:19]}  {line.what:<20}  {line.detail}"
            + (f"  {line.usd} USD" if line.usd is not None else "")
            for line in lines
        ),
    ]
    show("\n".join(words), value, json)


def settle(
    job: Which,
    adopt: Annotated[
        str | None, typer.Option(help="Bind the job to this id of the provider.")
    ] = None,
    not_created: Annotated[
        bool, typer.Option("--not-created", help="Close it: the provider shows that there is none.")
    ] = False,
    json: Json = False,
) -> None:
    """Find out what became of a submission whose answer was lost; exit code 4 while that cannot be known."""
    found = ftkit.job(job)
    before = found.phase
    found.settle(adopt=adopt, not_created=not_created)
    value = as_dict(found)
    settled = f"job {found.id} was {before} and is {value['phase']}: {value['status']}"
    show(settled if before != value["phase"] else f"job {found.id} is {before}", value, json)


def go_on(job: Which, json: Json = False) -> None:
    """Finish a submission that was interrupted before anything was paid for, or resume a run whose trainer died."""
    found = ftkit.job(job).go_on()
    value = _told(found)
    show(_in_words(value), value, json)


def _told(job: Job) -> dict[str, Any]:
    """A job as plain values, with what lies at its provider and what was quoted."""
    usd = job.last_seen.usd
    return {**as_dict(job), **lying(job), "quoted_usd": None if usd is None else str(usd)}


def _in_words(value: dict[str, Any]) -> str:
    lines = [
        f"job     {value['id']}" + (f"  ({', '.join(value['names'])})" if value["names"] else ""),
        f"model   {value['model'] or 'unknown'}  {value['method'] or ''}".rstrip(),
        f"status  {value['status']} (provider: {value['raw_status']}; ours: {value['phase']})",
        f"since   {value['created_at'][:19]} UTC",
    ]
    if value["cost_usd"] is not None:
        quoted = f", {value['quoted_usd']} USD were quoted" if value["quoted_usd"] else ""
        lines.append(f"cost    {value['cost_usd']} USD so far{quoted}")
    if value["silent_s"] is not None:
        lines.append(f"silent  no new step or event for {value['silent_s'] / 60:.0f} min")
    if value["files"]:
        ids = ", ".join(one["id"] for one in value["files"])
        lines.append(f"files   {ids} at the provider")
    if value["error"]:
        lines.append(f"error   {value['error']}")
    return "\n".join(lines)
