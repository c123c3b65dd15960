"""From data and a model to a Quote: every open setting is decided here, once, before anything is spent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ftkit.backend import Backend, Base, NamesBases
from ftkit.config import Settings
from ftkit.cost.calibration import calibrations
from ftkit.cost.quote import Quote, priced
from ftkit.cost.unfit_rows import refuse_rows
from ftkit.cost.untunable import refuse_untunable
from ftkit.data import Dataset
from ftkit.data.token_counts import count_rows, totals
from ftkit.data.token_estimate import estimated_counts
from ftkit.data.tokens import Counts, Renderer
from ftkit.errors import CapabilityError, ConfigError, LedgerError, StorageError
from ftkit.hyperparameters import Hyperparameters, Method, parse_hyperparameters
from ftkit.ledger import Ledger
from ftkit.registry import open_backend, split_model
from ftkit.words import nearest

log = logging.getLogger("ftkit")


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
    wanted = parsed_method(method or settings.method or Method.LORA)
    chosen = settings.hyperparameters.overridden_by(parsed_settings(hyperparameters))
    refuse_untunable(data, instance, native, backend)
    quote = quoted(data, instance, native, backend, wanted, chosen, validation)
    told = (
        *quote.old_prices(settings.stale_after_days),
        *_time_limit(quote, backend),
        *_calibration(instance, settings.home),
    )
    return replace(quote, notes=(*quote.notes, *told))


def _time_limit(quote: Quote, backend: Backend) -> tuple[str, ...]:
    """Whether a run that is charged by time will be stopped at a limit."""
    if not quote.by_time or backend.training is None:
        return ()
    if "time_limit" in backend.lacks:
        why = backend.lacks["time_limit"]
        return (f"it is charged by time, and max_cost_usd will not stop it once it runs: {why}",)
    return (
        "it is charged by time: with max_cost_usd it ends before it costs more, with what is trained by then",
    )


def _calibration(instance: str, home: Path) -> tuple[str, ...]:
    """How the bills of earlier jobs on this provider compare with their quotes; a quote needs no ledger that can be read."""
    ledger = Ledger(home)
    if not ledger.path.exists():
        return ()
    try:
        jobs = [job for job in ledger.jobs() if job.instance == instance]
    except (LedgerError, StorageError) as error:
        log.debug("a quote without earlier bills: %s", error)
        return ()
    return tuple(str(one) for one in calibrations(jobs))


def quoted(
    data: Dataset,
    instance: str,
    native: str,
    backend: Backend,
    method: Method,
    hyperparameters: Hyperparameters,
    validation: Dataset | None = None,
) -> Quote:
    """The quote of one model of an open backend, with nothing taken from the configuration."""
    if backend.pricing is None:
        raise backend.refuse("pricing")
    if str(method) in backend.lacks:
        raise backend.refuse(str(method))
    base, renderer = _with_renderer(backend, native)
    for rows in (data, validation):
        if rows is not None:
            refuse_rows(rows, method, backend, f"{instance}/{base.id}", base)
    train_on = hyperparameters.train_on or "assistant"
    resolved = backend.pricing.resolve(
        base, method, hyperparameters, _counted(data, renderer, train_on)
    )
    if validation is None and resolved.hyperparameters.early_stopping_patience is not None:
        raise CapabilityError(
            "early_stopping_patience watches validation rows: pass validation=, or leave it out"
        )
    if validation is not None:
        resolved = replace(resolved, validation=_counted(validation, renderer, train_on))
    return priced(
        backend,
        instance,
        resolved,
        data.sha256,
        None if validation is None else validation.sha256,
    )


def _counted(data: Dataset, renderer: Renderer | None, train_on: str) -> Counts:
    if renderer is None:
        return estimated_counts(data)
    return totals(data, count_rows(data, renderer, train_on))


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
    return _with_renderer(open_backend(instance, settings), native)


def base_of(backend: Backend, native: str) -> Base:
    """The base, of a backend that trains or of one that has prices alone."""
    if backend.training is not None:
        return backend.training.base(native)
    if isinstance(backend.pricing, NamesBases):
        return backend.pricing.base(native)
    raise backend.refuse("training")


def _with_renderer(backend: Backend, native: str) -> tuple[Base, Renderer | None]:
    base = base_of(backend, native)
    return base, None if backend.training is None else backend.training.renderer(base)


def parsed_settings(hyperparameters: Hyperparameters | Mapping[str, Any] | None) -> Hyperparameters:
    """Settings from an argument; raises ConfigError naming the one that is wrong."""
    if isinstance(hyperparameters, Hyperparameters):
        return hyperparameters
    given = {key: value for key, value in (hyperparameters or {}).items() if value is not None}
    return parse_hyperparameters(given, "arguments")


def parsed_method(method: str) -> Method:
    """A method from its word; raises ConfigError with the nearest."""
    try:
        return Method(method)
    except ValueError as error:
        raise ConfigError(
            f"there is no method {method!r}{nearest(method, list(Method))}"
        ) from error
