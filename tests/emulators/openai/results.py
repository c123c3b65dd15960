"""The result file of a job: metrics by step as CSV, or as base64 of it, which clients have met in the wild."""

from __future__ import annotations

import base64
import csv
import io

from .jobs import Job

COLUMNS = ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")


def csv_of(job: Job, as_base64: bool) -> bytes:
    """The file's bytes; a column without a figure is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for step in range(1, job.steps_done + 1):
        found = job.metrics(step)
        found["train_accuracy"] = found["train_mean_token_accuracy"]
        writer.writerow([found.get(column, "") for column in COLUMNS])
    content = text.getvalue().encode()
    return base64.b64encode(content) if as_base64 else content
