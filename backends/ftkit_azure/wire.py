"""Between Azure's JSON and the contract, where it differs from OpenAI's: pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ftkit.backend import JobStatus
from ftkit.http.replies import optional_text
from ftkit_openai import wire as openai_wire

MAX_SUFFIX = 40
STATUS: Mapping[str, JobStatus] = {
    "validating_files": JobStatus.QUEUED,
    "pending": JobStatus.QUEUED,
    "notRunning": JobStatus.QUEUED,
    "queued": JobStatus.QUEUED,
    "running": JobStatus.RUNNING,
    "pausing": JobStatus.RUNNING,
    "canceling": JobStatus.RUNNING,
    "cancelling": JobStatus.RUNNING,
    "resuming": JobStatus.QUEUED,
    "paused": JobStatus.PAUSED,
    "succeeded": JobStatus.SUCCEEDED,
    "failed": JobStatus.FAILED,
    "canceled": JobStatus.CANCELLED,
    "cancelled": JobStatus.CANCELLED,
}
_KEY = re.compile(r"(?:^|[^a-z0-9])(ftk[a-z2-7]{13}[1-9][0-9]?)$")
_TUNED = ".ft-"
CHECKPOINT = "ftchkpt-"


def suffix(name: str | None, key: str) -> str:
    """Part of the tuned model's id: what fits of the name, and the key, by which the job is found again."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name or "")[: MAX_SUFFIX - len(key) - 1].strip("-_")
    return f"{plain}-{key}" if plain else key


def key_of(job: Mapping[str, Any]) -> str | None:
    """Our key in a job's metadata or, as Azure may keep none, at the end of its suffix or of its model's name."""
    if (marked := openai_wire.key_of(job)) is not None:
        return marked
    for field in ("user_provided_suffix", "suffix", "fine_tuned_model"):
        said = job.get(field)
        if isinstance(said, str) and (found := _KEY.search(said)):
            return found[1]
    return None


def status_of(job: Mapping[str, Any]) -> JobStatus:
    """The status by any of Azure's words; the two APIs have different ones."""
    return STATUS.get(optional_text(job, "status") or "", JobStatus.OTHER)


def is_tuned(model: str) -> bool:
    """True for a tuned model's id and for a checkpoint's."""
    return _TUNED in model or model.startswith(CHECKPOINT)


def base_name(model: str) -> str:
    """`BASE.ft-HEX[-suffix]` without all but the base; any other name as it is: a checkpoint's tells none."""
    return model.partition(_TUNED)[0]
