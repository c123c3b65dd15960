"""A tuning history that was there before: finished jobs with files, events, results and checkpoints; never counted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from . import jobs_routes
from .book import Book

BASE = "gpt-4o-mini-2024-07-18"


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
    days_apart: float = 1.0,
    delete_files_every: int = 0,
    fields: dict[str, Any] | None = None,
) -> list[str]:
    """Jobs of the first account, the newest one day old; returns their ids, oldest first.

    Every `failed_every`-th had too few rows; every `delete_files_every`-th has lost its training file since, as files
    are that somebody deleted. Rows are "question J-N?" with "answer J-N", so that each file differs. `fields` are laid
    over the body of each create.
    """
    account = next(iter(book.accounts.values()))
    now = book.clock.now()
    made = []
    for number in range(1, jobs + 1):
        created = now - timedelta(days=1 + (jobs - number) * days_apart)
        few = bool(failed_every) and number % failed_every == 0
        text = _rows(number, 3 if few else rows, method)
        training = book.add_file(account.owner, f"train-{number}.jsonl", "fine-tune", text, created)
        body: dict[str, Any] = {
            "model": model,
            "training_file": training.id,
            "suffix": f"history-{number}",
            "seed": number,
            "metadata": {"history": str(number)},
            "method": {"type": method, method: {"hyperparameters": {"n_epochs": epochs}}},
        }
        if validation:
            held_out = book.add_file(
                account.owner,
                f"valid-{number}.jsonl",
                "fine-tune",
                _rows(-number, 2, method),
                created,
            )
            body["validation_file"] = held_out.id
        body |= fields or {}
        job = jobs_routes.start(book, account, body, created, planted=True)
        job.settings = replace(
            job.settings,
            validating_s=60,
            queue_s=600,
            run_s=1800,
            quota="ok",
            moderation="pass",
            job_error=None,
        )
        job.advance(now)
        if delete_files_every and number % delete_files_every == 0:
            del book.files[training.id]
        made.append(job.id)
    return made


def _rows(number: int, count: int, method: str) -> bytes:
    lines = []
    for row in range(count):
        mark = f"{number}-{row}"
        asked = {"role": "user", "content": f"question {mark}?"}
        right = {"role": "assistant", "content": f"answer {mark}"}
        if method == "dpo":
            wrong = {"role": "assistant", "content": f"nonsense {mark}"}
            lines.append(
                {
                    "input": {"messages": [asked]},
                    "preferred_output": [right],
                    "non_preferred_output": [wrong],
                }
            )
        else:
            lines.append({"messages": [asked, right]})
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
