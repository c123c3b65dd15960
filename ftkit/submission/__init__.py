"""Submission: from a plan to exactly one job, and the handle that watches it."""

from ftkit.submission.checkpoints import JobCheckpoint
from ftkit.submission.gates import Terms
from ftkit.submission.importing import find_job, import_jobs, list_jobs
from ftkit.submission.job import Job
from ftkit.submission.opening import open_model
from ftkit.submission.submitting import DryRun, dry_run, submit

__all__ = [
    "DryRun",
    "Job",
    "JobCheckpoint",
    "Terms",
    "dry_run",
    "find_job",
    "import_jobs",
    "list_jobs",
    "open_model",
    "submit",
]
