"""From data and a model to a Quote: every open setting is decided here, once, before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftkit.backend import Backend, Base
from ftkit.config import Settings
from ftkit.cost.quote import Quote, priced
from ftkit.data import KINDS, Dataset, Example
from ftkit.data.tokens import Counts, CountsTools, CountsTurns, Renderer
from ftkit.errors import CapabilityError, ConfigError, DataError, Fault
from ftkit.hyperparameters import Hyperparameters, Method, parse_hyperparameters
from ftkit.registry import open_backend, split_model
from ftkit.words import nearest

_UNFIT = {
    True: "it has one answer; preference tuning needs a better and a worse one (format 'preference')",
    False: "it is a preference pair; pass method='dpo', which learns from pairs",
}


def plan(
    data: Dataset,
    settings: Settings,
    *,
    model: str | None,
    method: str | None,
    hyperparameters: Hyperparameters | Mapping[str, Any] | None,
    validation: Dataset | None = None,
) -> Quote:
    """The quote of one run. Arguments override the profile; the backend decides what is left open."""
    instance, native = split_model(chosen_model(model, settings))
    backend = open_backend(instance, settings)
    if backend.training is None:
        raise backend.refuse("training")
    if backend.pricing is None:
        raise backend.refuse("pricing")
    wanted = _method(method or settings.method or Method.LORA)
    if str(wanted) in backend.lacks:
        raise backend.refuse(str(wanted))
    for rows in (data, validation):
        if rows is not None:
            _refuse_rows(rows, wanted, backend)
    chosen = settings.hyperparameters.overridden_by(_checked(hyperparameters))
    base = backend.training.base(native)
    renderer = backend.training.renderer(base)
    if renderer is None:
        raise CapabilityError(
            f"tokens cannot be counted for {instance}/{native}: no tokenizer at hand"
        )
    counts = _counts(data, renderer, chosen.train_on or "assistant")
    resolved = backend.pricing.resolve(base, wanted, chosen, counts)
    return priced(
        backend,
        instance,
        resolved,
        data.sha256,
        None if validation is None else validation.sha256,
    )


def chosen_model(model: str | None, settings: Settings) -> str:
    """The model argument, or the profile's; raises ConfigError where neither names one."""
    chosen = model or settings.model
    if chosen is None:
        raise ConfigError(
            "no model is named; pass model=, set FTKIT_MODEL, or write model = ... into "
            f"[profiles.{settings.profile}] of ftkit.toml; for example local/smollm2-135m"
        )
    return chosen


def model_renderer(model: str, settings: Settings) -> tuple[Base, Renderer | None]:
    """The base and, where it is at hand, its tokenizer with template."""
    instance, native = split_model(model)
    backend = open_backend(instance, settings)
    if backend.training is None:
        raise backend.refuse("training")
    base = backend.training.base(native)
    return base, backend.training.renderer(base)


def _counts(data: Dataset, renderer: Renderer, train_on: str) -> Counts:
    """Token counts; rows that the renderer refuses become one error that names them all."""
    lengths: list[int] = []
    trained = 0
    refused: list[Fault] = []
    for row, example in zip(data.rows, data, strict=True):
        try:
            for tokens, learned in _sequences(example, renderer, train_on):
                lengths.append(tokens)
                trained += learned
        except DataError as error:
            refused.append(Fault(error.message, row=row.number, line=row.line))
    if refused:
        raise DataError(
            f"{data.source}: {len(refused)} rows cannot be trained on; run ftkit check, then mend or filter them",
            refused,
        )
    return Counts(len(data), sum(lengths), trained, tuple(lengths))


def _sequences(example: Example, renderer: Renderer, train_on: str) -> list[tuple[int, int]]:
    """(tokens, trained tokens) of each sequence that a row becomes; raises DataError for one that cannot be rendered."""
    found = [(len(one.ids), one.trained) for one in renderer.render(example.messages, train_on)]
    extra = 0
    if example.tools:
        if not isinstance(renderer, CountsTools):
            raise DataError("the tokens of its tools cannot be counted")
        extra = renderer.tool_tokens(example.tools)
    if not example.rejected:
        return [(tokens + extra, trained) for tokens, trained in found]
    rejected = renderer.render((*example.prompt, *example.rejected), train_on)
    if isinstance(renderer, CountsTurns):
        second = renderer.turn_tokens(example.rejected)
    else:
        second = sum(len(one.ids) for one in rejected) - len(renderer.prompt(example.prompt))
    tokens = sum(tokens for tokens, _ in found) + second
    trained = sum(trained for _, trained in found) + sum(one.trained for one in rejected)
    return [(tokens + extra, trained)]


def _refuse_rows(data: Dataset, method: Method, backend: Backend) -> None:
    """Raise CapabilityError for rows of a kind that the backend cannot train, DataError for rows that the method cannot."""
    preference = method is Method.DPO
    unfit: list[Fault] = []
    for row, example in zip(data.rows, data, strict=True):
        for kind, belongs in KINDS.items():
            if kind in backend.lacks and belongs(example):
                raise CapabilityError(
                    f"{data.source}, row {row.number}: {backend.name} cannot train {kind.replace('_', ' ')}: "
                    f"{backend.lacks[kind]}"
                )
        if bool(example.rejected) is not preference:
            unfit.append(Fault(_UNFIT[preference], row=row.number, line=row.line))
    if unfit:
        raise DataError(f"{data.source}: {len(unfit)} rows do not fit the method {method}", unfit)


def _checked(hyperparameters: Hyperparameters | Mapping[str, Any] | None) -> Hyperparameters:
    if isinstance(hyperparameters, Hyperparameters):
        return hyperparameters
    given = {key: value for key, value in (hyperparameters or {}).items() if value is not None}
    return parse_hyperparameters(given, "arguments")


def _method(method: str) -> Method:
    try:
        return Method(method)
    except ValueError as error:
        raise ConfigError(
            f"there is no method {method!r}{nearest(method, list(Method))}"
        ) from error
