"""`python -m tests.benchmarks [NAME...]`: every benchmark, or the named ones."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = ("import_time", "ledger_jobs", "reading", "training")

for name in sys.argv[1:] or NAMES:
    print(f"-- {name}")
    import_module(f"tests.benchmarks.{name}").run()
