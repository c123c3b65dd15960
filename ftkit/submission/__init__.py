"""Submission: from a plan to exactly one job, and the handle that watches it."""

from ftkit.submission.adopt import find_job, list_jobs
from ftkit.submission.job import Job
from ftkit.submission.opening import open_model
from ftkit.submission.submitting import submit

__all__ = ["Job", "find_job", "list_jobs", "open_model", "submit"]
