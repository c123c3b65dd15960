"""One application, wherever it runs. The profile in ftkit.toml says where; this file names nobody.

    profile = "laptop"

    [profiles.laptop]
    model = "local/smollm2-135m"

    [profiles.openai]
    model = "openai/gpt-4.1-mini"
    allow_retiring = true       # it answers until 2027-01-13
    max_cost_usd = 10

    [profiles.azure]
    model = "azure/gpt-4.1-mini"
    max_cost_usd = 10

    [profiles.google]
    model = "google/gemini-3.1-flash-lite"
    max_cost_usd = 10

    FTKIT_PROFILE=azure python cookbook/anywhere.py

Each run adds its line to anywhere.jsonl and prints the table of all of them. A model that answers only from a deployment
is deployed for the evaluation and stopped behind it; for all others the same two lines do nothing.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import ftkit
from ftkit.samples import TICKETS_SYSTEM, tickets_path

TABLE = Path("anywhere.jsonl")


def main(rows: int = 300, epochs: int = 1, held_out_rows: int = 60) -> dict[str, Any]:
    """Price, train, deploy, judge against the base, ask: one line of the table."""
    tickets = [json.loads(line) for line in tickets_path().read_text().splitlines()][:rows]
    data = ftkit.load(tickets, system=TICKETS_SYSTEM)
    train, held_out = data.split(test=held_out_rows, seed=0, group_by="template")

    quote = ftkit.estimate(train, hyperparameters={"epochs": epochs})
    model = ftkit.submit(train, plan=quote, name="router").wait().model()
    with model.deployed(max_cost_usd=5) as tuned, model.base.deployed(max_cost_usd=5) as base:
        report = ftkit.evaluate(tuned, against=[base], data=held_out, train=train)
        reply = tuned.chat("Parcel K-1234 never came. I need it by Friday!", max_tokens=20)
    left = [one for one in ftkit.hosting() if one.model == model.record.native]
    return {
        "profile": os.environ.get("FTKIT_PROFILE", "as configured"),
        "base": model.base.id,
        "quoted USD": "nothing" if quote.usd is None else f"{quote.usd:.4f}",
        "verdict": str(report.verdict),
        "answers until": str(model.ends_on or "no end is known"),
        "left running": str(len(left)),
        "answer": reply.text[:24],
    }


def table_of(lines: list[dict[str, Any]]) -> str:
    """Columns as wide as they need to be."""
    head = list(lines[0])
    cells = [head, *([str(line[name]) for name in head] for line in lines)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


if __name__ == "__main__":
    line = main(*map(int, sys.argv[1:]))
    with TABLE.open("a", encoding="utf-8") as table:
        table.write(json.dumps(line) + "\n")
    print(table_of([json.loads(one) for one in TABLE.read_text().splitlines()]))
