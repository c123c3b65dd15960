"""From data and a plan to exactly one job.

The order is the point: every local gate first, then the rows on disk, then what only the provider knows, then the intent
in the ledger, then one look for a job that carries our key already, and only then the create. Whatever dies in between,
the same call finds the same job; what would refuse a new job does not refuse one that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from ftkit.backend import Backend, EncodesByBase, Preflight, Training
from ftkit.config import Settings
from ftkit.cost import Quote
from ftkit.data import Dataset, Example
from ftkit.data.tokens import Renderer
from ftkit.errors import DataError
from ftkit.ledger import Ledger, State
from ftkit.models import stop_left_behind
from ftkit.patience import patiently
from ftkit.registry import training_of
from ftkit.spending import MonthlyBudget, one_at_a_time, scope_of, stem_of
from ftkit.spending.spool import spool
from ftkit.submission.attempts import attempt_at, is_there
from ftkit.submission.creating import create, request_values, train_request
from ftkit.submission.fingerprints import fingerprint
from ftkit.submission.gates import Terms, alive_there, may_start, pass_gates
from ftkit.submission.interrupts import explained
from ftkit.submission.job import Job

_NO_TERMS = Terms()
UNKNOWN_KEY = "ftk" + "?" * 14


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a submission would send, with nothing sent. Ids that only the provider gives are named in angle brackets."""

    plan: Quote
    request: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"schema_version": 1, "plan": self.plan.to_dict(), "request": dict(self.request)}

    def __str__(self) -> str:
        import json

        return f"{self.plan}\n\nnothing was sent; this would be:\n" + json.dumps(
            self.request, indent=2, ensure_ascii=False
        )


@dataclass(frozen=True, slots=True)
class _Checked:
    """Work whose rows may be trained; whether a job may be started for it is another question."""

    backend: Backend
    training: Training
    record: dict[str, Any]


def submit(
    data: Dataset,
    plan: Quote,
    settings: Settings,
    *,
    validation: Dataset | None = None,
    name: str | None = None,
    terms: Terms = _NO_TERMS,
    force_new: bool = False,
) -> Job:
    """Start the run that `plan` describes, or attach to the one that is there already."""
    checked = _checked(data, plan, settings, validation, terms)
    backend, training = checked.backend, checked.training
    stop_left_behind(settings)
    ledger = Ledger(settings.home)
    month = MonthlyBudget(ledger, settings.monthly_budget_usd)

    @cache  # asked early where nothing is known, and again before a new attempt: once a submission
    def gates() -> None:
        may_start(plan, backend, terms, month)
        if isinstance(training, Preflight):
            preflight = training.preflight
            day = patiently(plan.instance, lambda: preflight(plan.resolved))
            base, may = plan.resolved.base.id, terms.allow_retiring
            alive_there(backend, base, day, allow_retiring=may)

    if force_new or not is_there(ledger, plan, checked.record):
        gates()
    request, hashes = _spooled(data, plan, settings, validation, checked, name, terms)
    scope = scope_of(plan.instance, backend)
    work = fingerprint(scope, plan.resolved, hashes, checked.record)
    with one_at_a_time(settings.home, stem_of(work)):
        row = attempt_at(
            ledger,
            training,
            plan,
            work,
            scope,
            request,
            force_new=force_new,
            before_new=gates,
            may=month.reserving(plan.model, plan.usd if plan.paid else None),
        )
        if name is not None:
            ledger.name(name, row.id)
        if row.state in (State.PREPARED, State.UPLOADING):
            with explained(lambda: ledger.job(row.id)):
                create(ledger, backend, training, row)
    return Job(row.id, settings)


def dry_run(
    data: Dataset,
    plan: Quote,
    settings: Settings,
    *,
    validation: Dataset | None = None,
    name: str | None = None,
    terms: Terms = _NO_TERMS,
) -> DryRun:
    """The exact create request, after the same local gates; no request is made and the ledger stays as it is."""
    checked = _checked(data, plan, settings, validation, terms)
    may_start(
        plan,
        checked.backend,
        terms,
        MonthlyBudget(Ledger(settings.home), settings.monthly_budget_usd),
    )
    request, _ = _spooled(data, plan, settings, validation, checked, name, terms)
    return DryRun(plan, checked.training.preview(train_request(UNKNOWN_KEY, request)))


def common_system(data: Dataset) -> str | None:
    """The system prompt that every row has, or None where rows differ or have none."""
    first = data[0].system
    return first if all(example.system == first for example in data) else None


def _checked(
    data: Dataset, plan: Quote, settings: Settings, validation: Dataset | None, terms: Terms
) -> _Checked:
    """The gates that hold for every submission; nothing is written."""
    backend, training = training_of(plan.instance, settings)
    renderer = training.renderer(plan.resolved.base)
    pass_gates(plan, backend, renderer, data, validation, terms)
    return _Checked(backend, training, _record(plan, backend, renderer, data, validation))


def _spooled(
    data: Dataset,
    plan: Quote,
    settings: Settings,
    validation: Dataset | None,
    checked: _Checked,
    name: str | None,
    terms: Terms,
) -> tuple[dict[str, Any], dict[str, str | None]]:
    """The rows on disk: the request as the ledger keeps it, and the hashes of its files."""
    training, encode = checked.training, checked.training.encode
    if isinstance(training, EncodesByBase):
        encode = partial(training.encode_for, plan.resolved.base)
    train = spool(_encoded(data, encode), settings.home)
    held = None
    if validation is not None:
        held = spool(_encoded(validation, encode), settings.home)
    request = request_values(
        plan, checked.backend, train, held, checked.record, name=name, terms=terms
    )
    return request, {"train": train.sha256, "validation": None if held is None else held.sha256}


def _encoded(data: Dataset, encode: Callable[[Example], bytes]) -> Iterator[bytes]:
    """The rows of the file; DataError that names the first row which the provider's format cannot hold."""
    for row, example in zip(data.rows, data, strict=True):
        try:
            yield encode(example)
        except DataError as error:
            faults = [replace(fault, row=row.number, line=row.line) for fault in error.faults]
            raise DataError(f"{data.source}: {error.message}", faults) from error


def _record(
    plan: Quote,
    backend: Backend,
    renderer: Renderer | None,
    data: Dataset,
    validation: Dataset | None,
) -> dict[str, Any]:
    """What is frozen with the model."""
    return {
        "instance": plan.instance,
        "base": plan.resolved.base.id,
        "snapshot": plan.resolved.base.snapshot,
        "family": backend.name,
        "system": common_system(data),
        "template": renderer.fingerprint if renderer is not None else None,
        "method": str(plan.resolved.method),
        "data_sha256": data.sha256,
        "rows": len(data),
        "validation_sha256": None if validation is None else validation.sha256,
        "continues": plan.resolved.base.continues,
    }
