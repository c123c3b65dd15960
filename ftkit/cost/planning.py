"""From data and a model to a Quote: every open setting is decided here, once, before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftkit.backend import Backend, Base
from ftkit.catalogue import ModelFacts
from ftkit.config import Settings
from ftkit.cost.quote import Quote, priced
from ftkit.data import KINDS, Dataset
from ftkit.data.token_counts import count_rows, totals
from ftkit.data.token_estimate import estimated_counts
from ftkit.data.tokens import Renderer
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
    base = backend.training.base(native)
    for rows in (data, validation):
        if rows is not None:
            _refuse_rows(rows, wanted, backend, f"{instance}/{base.id}", base)
    chosen = settings.hyperparameters.overridden_by(_checked(hyperparameters))
    renderer = backend.training.renderer(base)
    if renderer is None:
        counts = estimated_counts(data)
    else:
        counts = totals(data, count_rows(data, renderer, chosen.train_on or "assistant"))
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


def _refuse_rows(data: Dataset, method: Method, backend: Backend, model: str, base: Base) -> None:
    """Raise CapabilityError for rows of a kind that backend or model cannot train, DataError for rows that do not fit."""
    preference = method is Method.DPO
    facts = backend.catalogue.model(base.id)
    lacks = [(backend.name, backend.lacks), (model, {} if facts is None else facts.lacks)]
    unfit: list[Fault] = []
    with_images = 0
    for row, example in zip(data.rows, data, strict=True):
        kinds = [kind for kind, belongs in KINDS.items() if belongs(example)]
        for who, missing in lacks:
            for kind in kinds:
                if kind in missing:
                    raise CapabilityError(
                        f"{data.source}, row {row.number}: {who} cannot train {kind.replace('_', ' ')}: {missing[kind]}"
                    )
        if "image_rows" in kinds:
            with_images += 1
            _refuse_images(data, facts, model, with_images, row.number, row.line)
        if bool(example.rejected) is not preference:
            unfit.append(Fault(_UNFIT[preference], row=row.number, line=row.line))
    if unfit:
        raise DataError(f"{data.source}: {len(unfit)} rows do not fit the method {method}", unfit)


def _refuse_images(
    data: Dataset, facts: ModelFacts | None, model: str, so_far: int, row: int, line: int | None
) -> None:
    """Raise DataError at the first row with images that is one too many."""
    most = None if facts is None or facts.images is None else facts.images.max_rows
    if most is not None and so_far > most:
        reason = f"is row {so_far:,} with images; leave rows with images out, or train in two jobs"
        raise DataError(
            f"{data.source}: {model} takes at most {most:,} rows with images",
            [Fault(reason, row=row, line=line)],
        )


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
