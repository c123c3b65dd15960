"""From a prepared job in the ledger to the paid call: uploads, the provider's own estimate, and one create.

Everything comes from the ledger and the spool, so a job whose submitter died is finished by any later process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from ftkit.backend import (
    Backend,
    Base,
    JobStatus,
    OwnEstimate,
    Remote,
    Training,
    TrainRequest,
    Upload,
    Uploads,
)
from ftkit.cost import Quote
from ftkit.errors import FtkitError, LedgerError, StorageError
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.ledger import JobRow, Ledger, State
from ftkit.patience import patiently
from ftkit.secrets import redact
from ftkit.spending import Purchase, affordable, spend
from ftkit.spending.spool import Spooled
from ftkit.spending.uploads import uploaded
from ftkit.submission.cancelling import cancel_if_asked
from ftkit.submission.gates import Terms
from ftkit.submission.observing import observe


def request_values(
    plan: Quote,
    backend: Backend,
    train: Spooled,
    validation: Spooled | None,
    record: Mapping[str, Any],
    *,
    name: str | None,
    terms: Terms,
) -> dict[str, Any]:
    """What the ledger keeps of a request, as plain values."""
    resolved = plan.resolved
    return {
        "train": train.values(),
        "validation": None if validation is None else validation.values(),
        "base": asdict(resolved.base),
        "method": str(resolved.method),
        "hyperparameters": resolved.hyperparameters.given(),
        "steps": resolved.steps,
        "tier": resolved.tier,
        "record": dict(record),
        "name": name,
        "max_cost_usd": None if terms.max_cost_usd is None else str(terms.max_cost_usd),
        "allow_unpriced": terms.allow_unpriced,
        "stop_after_s": None
        if terms.max_cost_usd is None or "time_limit" in backend.lacks
        else plan.lasts_s(terms.max_cost_usd),
    }


def train_request(key: str, values: Mapping[str, Any]) -> TrainRequest:
    """The request that `request_values` described, without uploads."""
    validation = values["validation"]
    return TrainRequest(
        key=key,
        base=Base(**values["base"]),
        method=Method(values["method"]),
        hyperparameters=Hyperparameters(**values["hyperparameters"]),
        steps=values["steps"],
        train_file=Path(values["train"]["file"]),
        validation_file=None if validation is None else Path(validation["file"]),
        record=values["record"],
        name=values["name"],
        stop_after_s=values.get("stop_after_s"),
        tier=values.get("tier"),
    )


def create(ledger: Ledger, backend: Backend, training: Training, row: JobRow) -> JobRow:
    """Carry out a prepared job. Raises what refused it; then nothing was started, unless it is OutcomeUnknown."""
    request = _with_uploads(ledger, training, row)
    if isinstance(training, OwnEstimate):
        _estimate(ledger, training, row, request)
    try:
        remote = spend(ledger, row.id, purchase(ledger, training, row, request))
    except FtkitError as error:
        close_refused(ledger, row.id, error)
        raise
    try:
        made = observe(ledger, row.id, remote)
    except (LedgerError, StorageError) as error:
        there = f"job {row.id} was started, as {remote.id}, and the same call attaches to it"
        raise type(error)(f"{there}; but {error}") from error
    return cancel_if_asked(ledger, training, made)


def purchase(
    ledger: Ledger, training: Training, row: JobRow, request: TrainRequest | None = None
) -> Purchase[Remote]:
    """How the job's intent is carried out or settled; without `request` a repetition is made from the ledger."""

    def send() -> Remote:
        return training.submit(request or _with_uploads(ledger, training, row))

    return Purchase(
        what=f"the job on {row.instance}",
        send=send,
        find=lambda: find(training, row.instance, row.id),
        id_of=lambda remote: remote.id,
        listing_lag_s=training.listing_lag_s,
        idempotent=training.idempotent_create,
        settle_hint=(
            f"Look again with `ftkit job settle {row.id}`; where the provider's own page shows it, "
            f"`--adopt ITS_ID`; where it shows that there is none, `--not-created`"
        ),
    )


def find(training: Training, instance: str, key: str) -> list[Remote]:
    """The provider's jobs with this key, oldest first; a provider that ignores the filter lists other work too."""
    remotes = patiently(instance, lambda: training.find(key))
    return [remote for remote in remotes if remote.key in (None, key)]


def _with_uploads(ledger: Ledger, training: Training, row: JobRow) -> TrainRequest:
    """The request, with its files at the provider where it wants them there."""
    values = row.request
    request = train_request(row.id, values)
    if not isinstance(training, Uploads):
        return request
    held = values["validation"]
    return replace(
        request,
        train_upload=_uploaded(ledger, training, row, values["train"]),
        validation_upload=None if held is None else _uploaded(ledger, training, row, held),
    )


def _uploaded(ledger: Ledger, training: Uploads, row: JobRow, values: Mapping[str, Any]) -> Upload:
    return uploaded(
        ledger,
        training,
        instance=row.instance,
        scope=row.scope,
        key=row.id,
        file=Path(values["file"]),
        sha256=str(values["sha256"]),
    )


def _estimate(
    ledger: Ledger,
    training: OwnEstimate,
    row: JobRow,
    request: TrainRequest,
) -> None:
    """The provider's own price, and the budget once more."""
    usd = patiently(row.instance, lambda: training.estimate_usd(request))
    if usd is None:
        return
    ledger.tell(row.id, "provider's estimate", "", usd)
    values = row.request
    limit = values["max_cost_usd"]
    affordable(
        f"{row.model} by the provider's own estimate",
        usd,
        limit=None if limit is None else Decimal(limit),
        allow_unpriced=bool(values["allow_unpriced"]),
    )


def close_refused(ledger: Ledger, id: str, error: FtkitError) -> None:
    """A refused create leaves a job that has failed, with the reason."""
    intent = ledger.intent(id)
    if intent is not None and intent.state is State.CLOSED:
        ledger.change(
            id, status=JobStatus.FAILED.value, raw_status="refused", error=redact(str(error))
        )


def completed(
    ledger: Ledger, row: JobRow, plan: Quote, request: Mapping[str, Any], work: str
) -> None:
    """Give a job that was taken up from its provider what only the submitter knows."""
    if not row.plan:
        values = plan.to_dict()
        ledger.change(
            row.id,
            fingerprint=work,
            plan=json.dumps(values),
            request=json.dumps(request),
            model=values["model"],
            method=values["method"],
        )
