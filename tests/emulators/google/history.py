"""A tuning history that was there before: finished jobs with their files; never counted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from . import jobs_routes, shown_jobs
from .book import Book

BASE = "gemini-3.5-flash"


def plant(
    book: Book,
    jobs: int,
    *,
    rows: int = 12,
    model: str = BASE,
    epochs: int = 2,
    validation: bool = True,
    failed_every: int = 0,
    method: str = "supervised",
    location: str = "us-central1",
    days_apart: float = 1.0,
    delete_files_every: int = 0,
    labels: dict[str, str] | None = None,
) -> list[str]:
    """Jobs of the main project, the newest one day old; returns their resource names, oldest first.

    Every `failed_every`-th had a row that is none; every `delete_files_every`-th has lost its training file since. Rows
    are "question J-N?" with "answer J-N", so that each file differs.
    """
    project = next(iter(book.projects))
    bucket = next(name for name, found in book.buckets.items() if found.project == project)
    now = book.clock.now()
    made = []
    for number in range(1, jobs + 1):
        created = now - timedelta(days=1 + (jobs - number) * days_apart)
        text = _rows(number, rows, method)
        if failed_every and number % failed_every == 0:
            text += b'{"contents": []}\n'
        name = f"history/train-{number}.jsonl"
        book.put(bucket, name, text, "application/jsonl", {})
        spec: dict[str, Any] = {
            "trainingDatasetUri": f"gs://{bucket}/{name}",
            "hyperParameters": {"epochCount": epochs},
        }
        if validation:
            held_out = f"history/valid-{number}.jsonl"
            book.put(bucket, held_out, _rows(-number, 2, method), "application/jsonl", {})
            spec["validationDatasetUri"] = f"gs://{bucket}/{held_out}"
        kind = "supervisedTuningSpec" if method == "supervised" else "preferenceOptimizationSpec"
        body = {
            "baseModel": model,
            "tunedModelDisplayName": f"history-{number}",
            "labels": labels or {"history": str(number)},
            kind: spec,
        }
        job = jobs_routes.start(book, project, location, body, created)
        job.planted = True
        job.settings = replace(
            job.settings, dataset_s=60, capacity_s=600, run_s=1800, post_s=60, job_error=None
        )
        job.begin(created)
        job.advance(now)
        if delete_files_every and number % delete_files_every == 0:
            del book.objects[bucket, name]
        made.append(shown_jobs.name_of(job, book.named))
    return made


def _rows(number: int, count: int, method: str) -> bytes:
    lines: list[dict[str, Any]] = []
    for row in range(count):
        mark = f"{number}-{row}"
        asked = {"role": "user", "parts": [{"text": f"question {mark}?"}]}
        right = {"role": "model", "parts": [{"text": f"answer {mark}"}]}
        if method == "supervised":
            lines.append({"contents": [asked, right]})
            continue
        wrong = {"role": "model", "parts": [{"text": f"nonsense {mark}"}]}
        lines.append(
            {
                "contents": [asked],
                "completions": [
                    {"score": 1.0, "completion": right},
                    {"score": 0.0, "completion": wrong},
                ],
            }
        )
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
