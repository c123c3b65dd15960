"""The result file of a job, with Azure's columns."""

from __future__ import annotations

import csv
import io

from .jobs import Job

# Azure's name of a column, and the metric of a job that it holds.
COLUMNS = {
    "step": "step",
    "train_loss": "train_loss",
    "train_mean_token_accuracy": "train_mean_token_accuracy",
    "valid_loss": "valid_loss",
    "validation_mean_token_accuracy": "valid_mean_token_accuracy",
    "full_valid_loss": "valid_loss",
    "full_valid_mean_token_accuracy": "valid_mean_token_accuracy",
}


def csv_of(job: Job) -> bytes:
    """The file's bytes; a column without a figure is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for step in range(1, job.steps_done + 1):
        found = job.metrics(step)
        writer.writerow([found.get(metric, "") for metric in COLUMNS.values()])
    return text.getvalue().encode()
