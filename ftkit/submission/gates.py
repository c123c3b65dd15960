"""What must hold before anything is sent: data, capability, fit; and, before anything new is started, dates and price.

Local, no request. Attaching to a job that is there costs nothing, so a date that has passed or a budget that is smaller now
does not stand in its way.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ftkit import clock
from ftkit.backend import Backend, Resolved
from ftkit.catalogue import lifecycle
from ftkit.cost import Quote
from ftkit.data import CheckReport, Dataset, check
from ftkit.data.tokens import Renderer
from ftkit.errors import CapabilityError, DataError, Fault, LifecycleError
from ftkit.spending import MonthlyBudget, affordable

log = logging.getLogger("ftkit")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the caller accepts: a limit in USD, check codes that do not block, an unknown price, a base that retires soon."""

    max_cost_usd: Decimal | None = None
    allow: Collection[str] = ()
    allow_unpriced: bool = False
    allow_retiring: bool = False


def pass_gates(
    plan: Quote,
    backend: Backend,
    renderer: Renderer | None,
    data: Dataset,
    validation: Dataset | None,
    terms: Terms,
) -> None:
    """Raise DataError or CapabilityError; nothing was sent then."""
    _same_data(plan, data, validation)
    chosen = plan.resolved.hyperparameters
    for role, rows in (("training data", data), ("validation data", validation)):
        if rows is not None:
            report = check(
                rows,
                renderer=renderer,
                max_length=chosen.max_length,
                advisory=False,
                train_on=chosen.train_on or "assistant",
            )
            _accept(report, role, terms.allow)
    _capable(plan.resolved, backend, len(data))
    _fits(plan)


def may_start(plan: Quote, backend: Backend, terms: Terms, month: MonthlyBudget) -> None:
    """Raise LifecycleError or BudgetError where no new job may be started; nothing was sent then."""
    alive(backend, plan.resolved.base.id, allow_retiring=terms.allow_retiring)
    affordable(
        plan.model,
        plan.usd,
        limit=terms.max_cost_usd,
        allow_unpriced=terms.allow_unpriced or not plan.paid,
    )
    month.before(plan.model, plan.usd if plan.paid else None)


def alive(backend: Backend, base: str, *, allow_retiring: bool) -> None:
    """Raise LifecycleError where a base is closed to training, or switched off so soon that it must be allowed."""
    facts = backend.catalogue.model(base)
    if facts is None:
        return
    reason = lifecycle.closed(base, facts, clock.now().date())
    if reason is not None:
        raise LifecycleError(reason)
    if facts.shutdown is not None:
        _lasting(base, facts.shutdown, lifecycle.told(facts), allow_retiring)


def alive_there(backend: Backend, base: str, day: date | None, *, allow_retiring: bool) -> None:
    """The same of the day on which the provider itself says that it switches the base off; warned about where allowed."""
    if day is None:
        return
    facts = backend.catalogue.model(base)
    listed = None if facts is None else facts.shutdown
    moved = f"; the catalogue says {listed}" if facts is not None and listed != day else ""
    basis = f"(as {backend.name} says today{moved})"
    instead = "" if facts is None else facts.instead
    _lasting(base, day, f"{basis}{instead}", allow_retiring)
    if lifecycle.retires(day, clock.now().date()):
        log.warning("%s %s", lifecycle.ends(base, day, clock.now().date()), basis)


def _lasting(base: str, day: date, basis: str, allow_retiring: bool) -> None:
    today = clock.now().date()
    if today >= day:
        raise LifecycleError(lifecycle.switched_off(base, day, basis))
    if lifecycle.retires(day, today) and not allow_retiring:
        raise LifecycleError(
            f"{lifecycle.ends(base, day, today)} {basis}; pass allow_retiring=True to train it all the same"
        )


def _capable(resolved: Resolved, backend: Backend, rows: int) -> None:
    facts = backend.catalogue.model(resolved.base.id)
    if facts is None:
        return
    name = f"{backend.name}/{resolved.base.id}"
    if facts.methods is not None and resolved.method not in facts.methods:
        known = ", ".join(facts.methods) or "nothing"
        raise CapabilityError(f"{name} cannot be trained with {resolved.method}; it takes {known}")
    if facts.min_rows is not None and rows < facts.min_rows:
        raise CapabilityError(f"{name} needs at least {facts.min_rows} rows, these are {rows}")
    if facts.max_rows is not None and rows > facts.max_rows:
        raise CapabilityError(f"{name} takes at most {facts.max_rows} rows, these are {rows}")


def _same_data(plan: Quote, data: Dataset, validation: Dataset | None) -> None:
    if plan.data_sha256 != data.sha256:
        raise DataError(
            f"the plan was made for other rows than {data.source} (SHA-256 {plan.data_sha256[:12]} against "
            f"{data.sha256[:12]}); call ftkit.estimate again"
        )
    given = None if validation is None else validation.sha256
    if plan.validation_sha256 != given:
        raise DataError(
            "the plan was made with other validation rows; call ftkit.estimate(..., validation=) again"
        )


def _accept(report: CheckReport, role: str, allow: Collection[str]) -> None:
    blocking = report.blocking(allow)
    if not blocking:
        return
    faults = [
        Fault(f"{finding.code} {finding.detail or finding.title}; {finding.mend}", row=row)
        for finding in blocking
        for row in (finding.rows or (None,))
    ]
    codes = ", ".join(sorted({finding.code for finding in blocking}))
    raise DataError(
        f"{report.source}: the {role} has errors; mend them, or pass allow={codes!r} to train all the same",
        faults,
    )


def _fits(plan: Quote) -> None:
    forecast = plan.resolved.forecast
    if forecast is not None and not forecast.fits:
        raise CapabilityError(
            f"{plan.model} with {plan.resolved.method} needs {forecast.memory_needed / 2**30:.1f} GiB, and "
            f"{forecast.memory_free / 2**30:.1f} GiB are free on {forecast.device}; "
            + "; ".join(forecast.remedies)
        )
