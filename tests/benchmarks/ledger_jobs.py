"""`jobs()` and `named()` of a ledger with 10,000 jobs beside plain SQLite reading the same rows without their seals."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from ftkit.ledger import Ledger, Verb, new_intent, new_job
from ftkit.ledger.columns import intent_values, job_values
from ftkit.ledger.sealing import Tables

COUNT = 10_000


def fill(tables: Tables) -> None:
    """Jobs with plans and requests of 2 KB each, all in one transaction, each with a name."""
    for number in range(COUNT):
        key = f"ftk{number:013d}1"
        intent = new_intent(
            key, Verb.CREATE, instance="local", scope="here", subject=key, usd=Decimal("1.25")
        )
        job = new_job(
            intent,
            stem=key[:-1],
            fingerprint="f" * 64,
            attempt=1,
            plan={"model": "local/x", "settings": "x" * 1950},
            request={"rows": "y" * 1980},
        )
        tables.put("intents", intent_values(intent))
        tables.put("jobs", job_values(job))
        tables.put("names", {"seq": number + 1, "name": f"name-{number}", "job": key})


def best(work: Callable[[], object], rounds: int = 5) -> float:
    """The fastest of some rounds, in seconds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        kept = work()
        times.append(time.perf_counter() - began)
        del kept
    return min(times)


def run() -> None:
    """Print both times and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder))
        ledger._file.write(fill)
        plain = sqlite3.connect(ledger.path)
        tables = ("jobs", "intents", "names")
        theirs = best(
            lambda: [plain.execute(f"SELECT * FROM {name}").fetchall() for name in tables]
        )
        ours = best(lambda: (ledger.jobs(), ledger.named()))
        check = best(lambda: plain.execute("PRAGMA integrity_check").fetchall())
        plain.close()
    print(
        f"{COUNT} jobs: ledger {ours * 1000:.0f} ms, plain rows {theirs * 1000:.0f} ms: ratio {ours / theirs:.1f}; "
        f"the check at opening {check * 1000:.0f} ms"
    )
