"""Between a tuning job as Google tells it and the contract: pure functions. Whole numbers of 64 bits come as text.

A job has two words for its state. The second one, told while it is in hand, changes while a job waits for quota or for
machines: both together are what shows that a job lives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ftkit.backend import Checkpoint, JobStatus, Remote
from ftkit.errors import ProviderError
from ftkit.http.replies import ident, optional_text, text
from ftkit_google import failures
from ftkit_google.names import parsed

KEY_LABEL = "ftkit_key"

_STATUS = {
    "JOB_STATE_QUEUED": JobStatus.QUEUED,
    "JOB_STATE_PENDING": JobStatus.QUEUED,
    "JOB_STATE_RUNNING": JobStatus.RUNNING,
    "JOB_STATE_UPDATING": JobStatus.RUNNING,
    "JOB_STATE_CANCELLING": JobStatus.RUNNING,  # asked to stop, and not over
    "JOB_STATE_PAUSED": JobStatus.PAUSED,
    "JOB_STATE_SUCCEEDED": JobStatus.SUCCEEDED,
    "JOB_STATE_PARTIALLY_SUCCEEDED": JobStatus.SUCCEEDED,  # where there is a model
    "JOB_STATE_FAILED": JobStatus.FAILED,
    "JOB_STATE_EXPIRED": JobStatus.FAILED,
    "JOB_STATE_CANCELLED": JobStatus.CANCELLED,
}
_IN_HAND = {"JOB_STATE_QUEUED", "JOB_STATE_PENDING", "JOB_STATE_RUNNING"}
SPECS = ("supervisedTuningSpec", "preferenceOptimizationSpec")
_STATS = ("supervisedTuningDataStats", "preferenceOptimizationDataStats")
_WHOLE = re.compile(r"[0-9]{1,18}")
_FRACTION = re.compile(r"\.(\d{1,6})\d*")

Raw = Mapping[str, Any]
UsdOf = Callable[[Raw], Decimal | None]


def remote(reply: Raw, usd_of: UsdOf) -> Remote:
    """A job; `usd_of` prices what was billed. ProviderError names a field that is not as it should be."""
    name = ident(reply, "name")
    found = parsed(name)
    if found is None or found.kind != "tuningJobs":
        raise ProviderError("the provider's reply has a 'name' that is none of a tuning job")
    word, status, model = text(reply, "state"), status_of(reply), model_of(reply)
    ended = optional_text(reply, "endTime")
    return Remote(
        id=name,
        status=status,
        raw_status=raw_status(word, reply),
        model=model,
        error=error_of(reply) if status in (JobStatus.FAILED, JobStatus.CANCELLED) else None,
        progress=progress(reply, status),
        key=key_of(reply),
        base=base_of(reply),
        usd=usd_of(reply) if status is JobStatus.SUCCEEDED else None,
        created_at=when(reply, "createTime"),
        finished_at=None if ended is None else when(reply, "endTime"),
    )


def status_of(reply: Raw) -> JobStatus:
    """Ours; a job that succeeded in part has succeeded where there is a model to ask."""
    word = text(reply, "state")
    status = _STATUS.get(word, JobStatus.OTHER)
    if word == "JOB_STATE_PARTIALLY_SUCCEEDED" and model_of(reply) is None:
        return JobStatus.FAILED
    return status


def raw_status(word: str, reply: Raw) -> str:
    """Both words while the job is in hand, the first one alone otherwise."""
    detail = optional_text(reply, "tuningJobState")
    if word not in _IN_HAND or not detail or detail.endswith("UNSPECIFIED"):
        return word
    return f"{word}/{detail}"


def key_of(reply: Raw) -> str | None:
    """Our key in a job's labels, which anybody may have written."""
    labels = reply.get("labels")
    return optional_text(labels, KEY_LABEL) if isinstance(labels, dict) else None


def base_of(reply: Raw) -> str | None:
    """The base by its own name; that of a job that goes on from a tuned model stands with that model."""
    before = reply.get("preTunedModel")
    named = optional_text(reply, "baseModel") or (
        optional_text(before, "baseModel") if isinstance(before, dict) else None
    )
    return None if named is None else re.sub(r"^(?:.*/)?publishers/google/models/", "", named)


def model_of(reply: Raw) -> str | None:
    """What can be asked: the endpoint; of an open model the folder that its weights lie in."""
    made = reply.get("tunedModel")
    if isinstance(made, dict) and made.get("endpoint") is not None:
        return endpoint(made)
    folder = optional_text(reply, "outputUri")
    ended_well = reply.get("state") in ("JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED")
    return weights_in(folder) if folder and ended_well else None


def endpoint(made: Raw) -> str:
    """The name of an endpoint."""
    name = ident(made, "endpoint")
    found = parsed(name)
    if found is None or found.kind != "endpoints":
        raise ProviderError("the provider's reply has an 'endpoint' that is none")
    return name


def weights_in(folder: str) -> str:
    """Where a job of an open model writes its last weights."""
    return f"{folder.rstrip('/')}/postprocess/node-0/checkpoints/final"


def error_of(reply: Raw) -> str | None:
    """Why a job failed."""
    error = reply.get("error")
    if not isinstance(error, dict):
        expired = optional_text(reply, "state") == "JOB_STATE_EXPIRED"
        return "Google ended the job: its time had expired; submit again" if expired else None
    code = error.get("code")
    return failures.explained(
        code if isinstance(code, int) and not isinstance(code, bool) else None,
        optional_text(error, "message"),
    )


def progress(reply: Raw, status: JobStatus) -> tuple[int, int] | None:
    """Epochs that are done, of all; None before Google tells them."""
    done, epochs = epochs_done(reply), epochs_of(reply)
    if done is None or not epochs or not 0 <= done <= epochs:
        return None
    if status is JobStatus.SUCCEEDED and done < epochs:
        return None
    return done, epochs


def epochs_of(reply: Raw) -> int | None:
    """How often the rows are read."""
    return _count(settings_of(reply), "epochCount")


def epochs_done(reply: Raw) -> int | None:
    """How often they have been."""
    told = reply.get("tuningJobMetadata")
    return _count(told, "completedEpochCount") if isinstance(told, dict) else None


def spec_of(reply: Raw) -> Raw:
    """What the job was asked for, {} where it is of a kind that ftkit never makes."""
    found = (reply.get(name) for name in SPECS)
    return next((spec for spec in found if isinstance(spec, dict)), {})


def settings_of(reply: Raw) -> Raw:
    """Its hyperparameters."""
    given = spec_of(reply).get("hyperParameters")
    return given if isinstance(given, dict) else {}


def stats_of(reply: Raw) -> Raw:
    """What Google has counted of the rows, {} before it has."""
    told = reply.get("tuningDataStats")
    found = (told.get(name) for name in _STATS) if isinstance(told, dict) else ()
    return next((stats for stats in found if isinstance(stats, dict)), {})


def billed_tokens(reply: Raw) -> int | None:
    """Tokens that are billed: those of the rows, once an epoch. None before Google has counted them."""
    tokens, epochs = _count(stats_of(reply), "totalBillableTokenCount"), epochs_of(reply)
    return None if tokens is None or epochs is None else tokens * epochs


def left_out(reply: Raw) -> tuple[int, list[tuple[int, str]]]:
    """How many rows were not trained on, and of some the number, counted from 1 as they were sent, with the reason."""
    stats = stats_of(reply)
    indices = stats.get("truncatedExampleIndices") or stats.get("droppedExampleIndices")
    reasons = stats.get("droppedExampleReasons")
    words = reasons if isinstance(reasons, list) else []
    rows: list[tuple[int, str]] = []
    for place, index in enumerate(indices if isinstance(indices, list) else ()):
        number = _number(index)
        why = words[place] if place < len(words) and isinstance(words[place], str) else ""
        if number is not None:
            rows.append((number, why))
    return max(_count(stats, "totalTruncatedExampleCount") or 0, len(rows)), rows


def checkpoints(reply: Raw) -> list[Checkpoint]:
    """Those that have an endpoint of their own, oldest first."""
    made = reply.get("tunedModel")
    listed = made.get("checkpoints") if isinstance(made, dict) else None
    found = []
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict) or one.get("endpoint") is None:
            continue
        step, epoch = _count(one, "step"), _count(one, "epoch")
        at = step if step is not None else epoch
        if at is None:
            raise ProviderError("the provider's reply has a checkpoint without a step")
        metrics = {} if epoch is None else {"epoch": float(epoch)}
        found.append(Checkpoint(endpoint(one), at, metrics))
    return sorted(found, key=lambda one: one.step)


def when(reply: Raw, field: str) -> str:
    """A time of Google's, which may have nanoseconds, as ISO time in UTC."""
    said = _FRACTION.sub(lambda match: f".{match[1]:0<6}", text(reply, field))
    try:
        moment = datetime.fromisoformat(said)
    except ValueError as error:
        raise ProviderError(f"the provider's {field} is not a time") from error
    if moment.tzinfo is None:
        raise ProviderError(f"the provider's {field} is a time without a zone")
    return moment.astimezone(UTC).isoformat()


def _count(holder: Raw, field: str) -> int | None:
    """A whole number, which is text where it may be large; None where it is not there."""
    value = holder.get(field)
    if value is None:
        return None
    number = _number(value)
    if number is None:
        raise ProviderError(f"the provider's reply has a {field!r} that is no whole number")
    return number


def _number(value: Any) -> int | None:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
