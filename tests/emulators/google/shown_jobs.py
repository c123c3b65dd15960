"""How a job looks from outside: the truth in the document's form, and what a test ordered to be shown instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from .jobs import FINAL, Job
from .records import stamp
from .tuning_files import TuningFile

Named = Callable[[str], str]  # a project as resource names carry it


def shown(job: Job, named: Named) -> tuple[dict[str, Any], dict[str, Any], frozenset[str]]:
    """What a client sees, what the document is asked about, and by which deviations the two differ."""
    truth = _truth(job, named)
    if not job.patched:
        return truth, truth, frozenset()
    return truth | job.patched, truth, frozenset(("patched job",))


def name_of(job: Job, named: Named) -> str:
    """Its resource name."""
    return f"projects/{named(job.project)}/locations/{job.location}/tuningJobs/{job.id}"


def model_name(job: Job, named: Named) -> str:
    """The resource name of what it tuned, with the version."""
    place = f"projects/{named(job.project)}/locations/{job.serving}"
    return f"{place}/models/{job.model}@{job.version}"


def endpoint_name(job: Job, named: Named, checkpoint: str | None = None) -> str:
    """The resource name of an endpoint; each checkpoint but the last has one of its own."""
    number = job.endpoint
    kept = job.checkpoints()
    if checkpoint is not None and kept and checkpoint != kept[-1][0]:
        number = f"{int(number) + int(checkpoint)}"
    return f"projects/{named(job.project)}/locations/{job.serving}/endpoints/{number}"


def tuned_model(job: Job, named: Named) -> dict[str, Any]:
    """The tuned model, its endpoint, and the checkpoints with theirs."""
    found: dict[str, Any] = {
        "model": model_name(job, named),
        "endpoint": endpoint_name(job, named),
    }
    if kept := job.checkpoints():
        found["checkpoints"] = [
            {
                "checkpointId": id,
                "epoch": str(epoch),
                "step": str(step),
                "endpoint": endpoint_name(job, named, id),
            }
            for id, epoch, step in kept
        ]
    return found


def _truth(job: Job, named: Named) -> dict[str, Any]:
    body = dict(job.asked.body)
    found: dict[str, Any] = {
        "name": name_of(job, named),
        "state": f"JOB_STATE_{job.state}",
        "createTime": stamp(job.created),
        "updateTime": stamp(job.updated or job.created),
        **{
            key: body[key]
            for key in ("tunedModelDisplayName", "labels", "outputUri")
            if key in body
        },
    }
    for key in ("supervisedTuningSpec", "preferenceOptimizationSpec"):
        if key in body:
            found[key] = _texts(body[key])
    if job.asked.tuned_model is None:
        found["baseModel"] = job.asked.base_model
    else:
        found["preTunedModel"] = {**body["preTunedModel"], "baseModel": job.base.name}
        found["baseModel"] = job.base.name
    if job.started:
        found["startTime"] = stamp(job.started)
    if job.finished:
        found["endTime"] = stamp(job.finished)
    if job.error:
        found["error"] = job.error
    if job.state == "RUNNING":
        found["tuningJobState"] = f"TUNING_JOB_STATE_{job.detail}"
    if job.steps:
        found["tuningJobMetadata"] = {
            "completedEpochCount": str(job.completed_epochs),
            "completedStepCount": str(job.steps_done),
        }
    if job.read is not None and job.read.fault is None:
        found["tuningDataStats"] = _stats(job, job.read)
    if (
        job.state == "SUCCEEDED" and not job.base.open
    ):  # an open one lies in the bucket, served by nobody
        found["tunedModel"] = tuned_model(job, named)
    if job.steps and not job.base.open:
        place = f"projects/{named(job.project)}/locations/{job.location}"
        found["experiment"] = f"{place}/metadataStores/default/contexts/tuning-experiment-{job.id}"
    return found


def _texts(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec as the service repeats it: whole numbers are text."""
    hyper = dict(spec.get("hyperParameters") or {})
    for name in ("epochCount", "batchSize"):
        if name in hyper:
            hyper[name] = str(hyper[name])
    return {**spec, "hyperParameters": hyper} if hyper else dict(spec)


def _stats(job: Job, read: TuningFile) -> dict[str, Any]:
    sample = read.dropped[: job.settings.shown_indices]
    numbers, reasons = [str(n) for n, _ in sample], [reason for _, reason in sample]
    found: dict[str, Any] = {
        "tuningDatasetExampleCount": str(read.lines),
        "totalBillableTokenCount": str(read.tokens),
        "tuningStepCount": str(job.steps),
    }
    sizes = sorted(read.sizes)
    spread = {
        "sum": str(sum(sizes)) if job.asked.method == "supervised" else float(sum(sizes)),
        "min": float(sizes[0]),
        "max": float(sizes[-1]),
        "mean": sum(sizes) / len(sizes),
        "median": float(sizes[len(sizes) // 2]),
    }
    if job.asked.method == "preference":
        if sample:
            found |= {"droppedExampleIndices": numbers, "droppedExampleReasons": reasons}
        found["userInputTokenDistribution"] = spread
        return {"preferenceOptimizationDataStats": found}
    found["totalTruncatedExampleCount"] = str(len(read.dropped))
    found["totalTuningCharacterCount"] = str(read.characters)
    if sample:
        found |= {"truncatedExampleIndices": numbers, "droppedExampleReasons": reasons}
    found["userInputTokenDistribution"] = {**spread, "billableSum": str(sum(sizes))}
    found["userDatasetExamples"] = read.asked[:5]
    return {"supervisedTuningDataStats": found}


def patch(job: Job, fields: dict[str, Any], now: datetime) -> None:
    """Obey a test: a final state ends the job for good, `frozen` stops it, all else is only shown; None shows the
    truth again. `error` beside a state is {"code": a google.rpc word, "message"}.
    """
    fields = dict(fields)
    frozen = fields.pop("frozen", None)
    if frozen is not None:
        (job.freeze if frozen else job.thaw)(now)
    state = str(fields.get("state") or "").removeprefix("JOB_STATE_")
    if state in FINAL and job.active:
        del fields["state"]
        error = fields.pop("error", None) or {}
        if state == "SUCCEEDED":
            job.hurry(now)
        else:
            code, message = error.get("code", "INTERNAL"), error.get("message", "failed")
            job.end(state, now, code, message)
    for name, value in fields.items():
        if value is None:
            job.patched.pop(name, None)
        else:
            job.patched[name] = value
