"""Entry of the command: registers the verbs and turns errors into one message and an exit code.

0 done, 1 failed, 2 usage, 3 refused before anything was spent, 4 unsettled, 5 gate not met, 130 interrupted.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import traceback
from dataclasses import asdict
from importlib import import_module
from types import FrameType
from typing import Any

import typer
import typer.core

from ftkit import config
from ftkit.cli.exit_codes import INTERRUPTED
from ftkit.cli.terminal import note
from ftkit.errors import DataError, FtkitError
from ftkit.ledger import deployments_at
from ftkit.models import stop_left_behind
from ftkit.secrets import RedactingFilter, redact


class _Verbs(typer.core.TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """Run the verb; an interrupt says what it leaves behind."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            note("ftkit: interrupted")
            for line in getattr(interrupt, "__notes__", ()):
                note(redact(line))
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="ftkit",
    cls=_Verbs,
    help="Fine-tune language models: check the data, know the cost first, train, and show that it worked.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_VERBS = (
    "check",
    "fix",
    "split",
    "convert",
    "estimate",
    "compare",
    "prices",
    "finetune",
    "job",
    "jobs",
    "deploy",
    "undeploy",
    "hosting",
    "batch",
    "batches",
    "spent",
    "rescue",
    "chat",
    "map",
    "evaluate",
    "save",
    "config",
    "doctor",
    "demo",
)
# doctor changes nothing; the others would stop what their own argument names
_SEE_TO_IT_THEMSELVES = ("doctor", "deploy", "undeploy", "hosting")
_HELP = {"-h", "--help"}
for _verb in _VERBS:
    import_module(f"ftkit.cli.{_verb}").register(app)


def _version(value: bool) -> None:
    if value:
        from ftkit import __version__

        typer.echo(f"ftkit {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks."),
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    asks_for_help = _HELP & {*(context.obj or ())}
    if context.invoked_subcommand not in _SEE_TO_IT_THEMSELVES and not asks_for_help:
        _stop_left_behind()


def _stop_left_behind() -> None:
    """Any command stops what costs money by the hour and nobody uses; where there is none, that is a glance at the ledger."""
    home = config.home()
    if not deployments_at(home):
        return
    try:
        settings = config.settings()
    except FtkitError:  # the command itself says so, if it needs them
        return
    stop_left_behind(settings)


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    given = ["--debug"] * debug + [word for word in given if word != "--debug"]
    _report_slow_work()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(given, standalone_mode=True, prog_name="ftkit", obj=tuple(given))
    except FtkitError as error:
        if "--json" in given:
            sys.stdout.write(json.dumps(_as_dict(error), ensure_ascii=False) + "\n")
        note(redact(traceback.format_exc() if debug else f"ftkit: {error}"))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception:  # noqa: BLE001 - a bug is shown in full, but not by the interpreter, which shows credentials too
        note(redact(traceback.format_exc()))
        sys.exit(FtkitError.exit_code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """SIGTERM is what Ctrl-C is: our process ends, the job goes on."""
    raise KeyboardInterrupt


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())


def _report_slow_work() -> None:
    """Lines that ftkit logs (a model that is imported once, say) reach the person at the terminal."""
    logger = logging.getLogger("ftkit")
    if not logger.handlers:
        handler = _Notes()
        handler.addFilter(RedactingFilter())
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _as_dict(error: FtkitError) -> dict[str, object]:
    value: dict[str, object] = {
        "schema_version": 1,
        "error": type(error).__name__,
        "message": redact(str(error)),
        "exit_code": error.exit_code,
    }
    if isinstance(error, DataError):
        value["faults"] = [
            {**asdict(fault), "reason": redact(fault.reason)} for fault in error.faults
        ]
    return value
