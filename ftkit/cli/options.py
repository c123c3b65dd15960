"""Options that several verbs share; each has the name of the Python argument, with dashes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

from ftkit.errors import ConfigError
from ftkit.hyperparameters import Hyperparameters

Data = Annotated[
    Path,
    typer.Argument(
        help="File of rows: JSONL, JSON, CSV, TSV, Parquet or Arrow.", show_default=False
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(help="provider/model, as in local/smollm2-135m; else the profile's."),
]
MethodOption = Annotated[
    str | None, typer.Option(help="lora (default), qlora, full or dpo, as the provider has them.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Format = Annotated[
    str | None, typer.Option(help="Shape of the rows, such as chat or alpaca; else detected.")
]
Prompt = Annotated[str | None, typer.Option(help="Column with the question.")]
Completion = Annotated[str | None, typer.Option(help="Column with the answer.")]
System = Annotated[str | None, typer.Option(help="System prompt for rows without one.")]
Validation = Annotated[Path | None, typer.Option(help="Rows to watch the loss on while training.")]

MaxCost = Annotated[str | None, typer.Option(help="Stop once answers have cost this many USD.")]
AllowUnpriced = Annotated[
    bool, typer.Option("--allow-unpriced", help="Pay a price that is not known.")
]

_JOB: dict[str, Any] = {
    "model": ModelOption,
    "method": MethodOption,
    "validation": Validation,
    "name": Annotated[str | None, typer.Option(help="A name to find the job by.")],
    "max_cost_usd": Annotated[str | None, typer.Option(help="Refuse a run that could cost more.")],
    "allow": Annotated[
        list[str] | None, typer.Option(help="Check code that does not block (repeat).")
    ],
    "allow_unpriced": Annotated[
        bool | None, typer.Option("--allow-unpriced", help="Pay a price that is not known.")
    ],
    "allow_retiring": Annotated[
        bool | None,
        typer.Option("--allow-retiring", help="Train a base that is switched off within 90 days."),
    ],
    "force_new": Annotated[
        bool | None, typer.Option("--force-new", help="Start a second job for the same work.")
    ],
}
StripSeparators = Annotated[
    bool | None,
    typer.Option(
        "--strip-separators", help="Take off what nearly all prompts and completions end with."
    ),
]
_LOAD = {
    "format": Format,
    "prompt": Prompt,
    "completion": Completion,
    "system": System,
    "strip_separators": StripSeparators,
}


def with_load_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options of `ftkit.load`; it receives them as the dict `load_options`."""
    return _widened(function, "load_options", dict(_LOAD))


def with_reading_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same but for what changes texts on reading: for a verb that writes the file anew as it is."""
    kept = {name: option for name, option in _LOAD.items() if name != "strip_separators"}
    return _widened(function, "load_options", kept)


def with_job_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options of a job; it receives those that were set as the dict `job_options`."""
    return _widened(function, "job_options", dict(_JOB))


def with_hyperparameters(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb one option a hyperparameter; it receives those that were set as the dict `hyperparameters`."""
    options = {
        name: Annotated[
            _plain(field.annotation) | None, typer.Option(rich_help_panel="Hyperparameters")
        ]
        for name, field in Hyperparameters.model_fields.items()
    }
    return _widened(function, "hyperparameters", options)


def pairs(option: str, form: str, given: Iterable[str] | None) -> dict[str, str]:
    """NAME=VALUE of a repeated option; raises ConfigError that says how it is written."""
    found = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--{option} is written {form}, not {text!r}")
        found[name] = value
    return found


def _widened(
    function: Callable[..., Any], into: str, options: dict[str, Any]
) -> Callable[..., Any]:
    """`function` with the parameter `into` replaced by one parameter an option."""
    signature = inspect.signature(function, eval_str=True)

    @wraps(function)
    def verb(**arguments: Any) -> Any:
        given = {name: arguments.pop(name) for name in options}
        arguments[into] = {name: value for name, value in given.items() if value is not None}
        return function(**arguments)

    kept = [parameter for name, parameter in signature.parameters.items() if name != into]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in options.items()
    ]
    verb.__signature__ = signature.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    verb.__annotations__ = {p.name: p.annotation for p in [*kept, *added]}
    return verb


def _plain(annotation: Any) -> Any:
    """The type that the command line can parse for a field: its number type, or text."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    kind = kinds[0] if get_origin(annotation) is not None and len(kinds) == 1 else str
    return kind if kind in (int, float) else str
