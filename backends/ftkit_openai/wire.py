"""Between OpenAI's JSON and the contract: pure functions. What is missing or of another kind is named by its field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ftkit.backend import Checkpoint, Event, JobStatus, Remote
from ftkit.data.example import Example, as_dicts
from ftkit.errors import ProviderError
from ftkit.http.replies import (
    ident,
    number,
    optional_number,
    optional_text,
    optional_whole,
    text,
    whole,
)
from ftkit_openai import failures

KEY_FIELD = "ftkit_key"
MAX_SUFFIX = 64

_STATUS = {
    "validating_files": JobStatus.QUEUED,
    "queued": JobStatus.QUEUED,
    "running": JobStatus.RUNNING,
    "paused": JobStatus.PAUSED,  # in no list of statuses, but jobs can be paused
    "succeeded": JobStatus.SUCCEEDED,
    "failed": JobStatus.FAILED,
    "cancelled": JobStatus.CANCELLED,
}
_STEP = re.compile(r"Step (\d+)/(\d+)")


def row(example: Example) -> bytes:
    """One line of a training file: {"messages": [...]}, or of a preference pair {"input", "preferred_output", ...}.

    All of a row that the model reads is in it; its other columns (`Example.fields`) stay here.
    """
    read = example.prompt if example.rejected else example.messages
    wire: dict[str, Any] = {"messages": as_dicts(read)}
    if example.tools:
        wire["tools"] = list(example.tools)
    if example.parallel_tool_calls is not None:
        wire["parallel_tool_calls"] = example.parallel_tool_calls
    if example.rejected:
        wire = {
            "input": wire,
            "preferred_output": as_dicts(example.messages[len(example.prompt) :]),
            "non_preferred_output": as_dicts(example.rejected),
        }
    return json.dumps(wire, ensure_ascii=False).encode()


def suffix(name: str | None) -> str | None:
    """A name as the part of the tuned model's id that it may be, or None."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name or "")[:MAX_SUFFIX] or None


def remote(reply: Mapping[str, Any], usd_of: Callable[[str, int], Decimal | None]) -> Remote:
    """A job; `usd_of(base, trained tokens)` prices what was billed. ProviderError names a field that is not as it should be."""
    word, base = text(reply, "status"), text(reply, "model")
    trained = optional_whole(reply, "trained_tokens")
    return Remote(
        id=ident(reply, "id"),
        status=_STATUS.get(word, JobStatus.OTHER),
        raw_status=word,
        model=optional_text(reply, "fine_tuned_model"),
        error=error_of(reply),
        key=key_of(reply),
        base=base,
        usd=None if trained is None else usd_of(base, trained),
        created_at=iso(reply, "created_at"),
        finished_at=None
        if optional_number(reply, "finished_at") is None
        else iso(reply, "finished_at"),
    )


def key_of(reply: Mapping[str, Any]) -> str | None:
    """Our key in a job's metadata, which anybody may have written."""
    marks = reply.get("metadata")
    return optional_text(marks, KEY_FIELD) if isinstance(marks, dict) else None


def error_of(reply: Mapping[str, Any]) -> str | None:
    """Why a job failed; a healthy one may carry an `error` whose fields are all null."""
    error = reply.get("error")
    if not isinstance(error, dict):
        return None
    return failures.explained(optional_text(error, "code"), optional_text(error, "message"))


def checkpoint(reply: Mapping[str, Any]) -> Checkpoint:
    """A checkpoint with those of its metrics that are numbers."""
    metrics = reply.get("metrics")
    numbers = {
        name: value
        for name, value in (metrics.items() if isinstance(metrics, dict) else ())
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    id = ident(reply, "fine_tuned_model_checkpoint")
    return Checkpoint(id, whole(reply, "step_number"), numbers)


def event(reply: Mapping[str, Any], id: int) -> Event:
    """An event under our number; one with a step's numbers is a "step", with `step`, `steps` and `loss`."""
    message = optional_text(reply, "message") or ""
    given = reply.get("data")
    data = dict(given) if isinstance(given, dict) else {}
    kind = optional_text(reply, "type") or "message"
    steps = _steps(kind, data, message)
    if steps is not None:
        kind = "step"
        data = {**data, "step": steps[0], "steps": steps[1]}
        if "train_loss" in data:
            data["loss"] = data["train_loss"]
    elif kind == "moderation_checks" and (failed := failures.failed_checks(data)):
        message = f"{message} What failed: {failed}. The model cannot be used."
    elif kind == "message":
        level = optional_text(reply, "level") or "info"
        kind = {"warn": "warning", "error": "error"}.get(level, kind)
    return Event(id, iso(reply, "created_at"), kind, message or kind, data)


def _steps(kind: str, data: Mapping[str, Any], message: str) -> tuple[int, int] | None:
    if kind != "metrics":
        return None
    told = _STEP.match(message)
    step, steps = data.get("step"), data.get("total_steps")
    if told is not None:
        step = int(told[1]) if step is None else step
        steps = int(told[2]) if steps is None else steps
    whole = isinstance(step, int) and isinstance(steps, int)
    return (int(step), int(steps)) if whole and step is not None and steps is not None else None


def iso(reply: Mapping[str, Any], field: str) -> str:
    """Epoch seconds as ISO time in UTC."""
    try:
        return datetime.fromtimestamp(number(reply, field), UTC).isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise ProviderError(f"the provider's {field} is not a time") from error
