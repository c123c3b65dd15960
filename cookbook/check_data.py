"""Look at a data set before anything is paid for: load, check, a data card to pass on, and a gate for CI.

Runs on the tickets that ftkit brings, with two faults put in: python cookbook/check_data.py
In CI the same is one line: ftkit check tickets.jsonl --html card.html --fail-on warning
"""

from __future__ import annotations

import json
import sys

import ftkit
import ftkit.types
from ftkit.samples import TICKETS_SYSTEM, tickets_path


def main() -> ftkit.types.CheckReport:
    """Check the tickets with an empty answer and a key among them, and write what they look like."""
    tickets = [json.loads(line) for line in tickets_path().read_text().splitlines()][:300]
    tickets[16]["completion"] = ""
    tickets[40]["prompt"] += " My password is Winter#" + "2031x."  # nobody's

    data = ftkit.load(tickets, system=TICKETS_SYSTEM)
    report = ftkit.check(data)
    print(report)

    for finding in report.findings:  # each is data as well as text
        print(f"{finding.code} in {finding.count or 'all'} rows")
    print(report.html("tickets.html", title="Tickets, as they came in"))

    if report.fails(on="warning"):  # what --fail-on does, with exit code 5
        print(f"not yet: {report.summary}")
    return report


if __name__ == "__main__":
    sys.exit(5 if main().fails(on="warning") else 0)
