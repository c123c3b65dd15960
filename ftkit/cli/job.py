"""`ftkit job show|wait|events|cancel`: one job, by name, id, or provider/id."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import ftkit
from ftkit.cli.options import Json
from ftkit.cli.terminal import note, out, plain, show
from ftkit.cli.watching import as_dict, watch
from ftkit.errors import TrainingError

Which = Annotated[str, typer.Argument(help="Name, id, or provider/id.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Look at one job, wait for it, or cancel it.", no_args_is_help=True)
    group.command("show")(show_job)
    group.command("wait")(wait)
    group.command("events")(events)
    group.command("cancel")(cancel)
    app.add_typer(group, name="job")


def show_job(job: Which, json: Json = False) -> None:
    """Where a job stands."""
    value = as_dict(ftkit.job(job))
    show(_in_words(value), value, json)


def wait(
    job: Which,
    timeout_s: Annotated[float | None, typer.Option(help="Give up watching after this.")] = None,
    json: Json = False,
) -> None:
    """Watch a job to its end; exit code 1 if it failed."""
    found = watch(ftkit.job(job), timeout_s)
    value = as_dict(found)
    show(_in_words(value), value, json)
    if value["status"] != "succeeded":
        raise TrainingError(
            f"job {found.id} {value['status']}: {value['error'] or 'no reason given'}"
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
    before = found.status
    found.cancel()
    value = as_dict(found)
    if before.final:
        note(f"job {found.id} had ended already: {before}")
    show(f"job {found.id}: {'asked to stop' if not before.final else before}", value, json)


def _in_words(value: dict[str, Any]) -> str:
    lines = [
        f"job     {value['id']}" + (f"  ({', '.join(value['names'])})" if value["names"] else ""),
        f"model   {value['model']}  {value['method']}",
        f"status  {value['status']} (provider: {value['raw_status']}; ours: {value['phase']})",
        f"since   {value['created_at'][:19]} UTC",
    ]
    if value["error"]:
        lines.append(f"error   {value['error']}")
    return "\n".join(lines)
