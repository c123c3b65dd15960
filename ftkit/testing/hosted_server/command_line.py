"""The server's command line and its life: it ends when told to, and by itself when its parent is gone."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from threading import Thread

from .book import Book
from .clock import Clock
from .connection import Server
from .records import Settings

PARENT_CHECKED_EVERY_S = 1.0


def main() -> int:
    """Serve until stopped; the ready file then holds {"url", "pid"}."""
    parent = os.getppid()
    parser = argparse.ArgumentParser(prog="hosted_server", description=__doc__)
    parser.add_argument("--ready-file", type=Path, required=True, help="is written when it listens")
    parser.add_argument("--listing-lag", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--queue-seconds", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--run-seconds", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--idempotent", action="store_true", help="honours Idempotency-Key")
    parser.add_argument("--account", action="append", default=[], metavar="KEY=ORGANISATION")
    parser.add_argument("--echo-credentials", action="store_true", help="errors repeat the request")
    parser.add_argument("--now", default=os.environ.get("FTKIT_NOW"), help="as FTKIT_NOW")
    options = parser.parse_args()
    pairs = [entry.partition("=") for entry in options.account or ["fake-key=org-1"]]
    if not all(key and organisation for key, _, organisation in pairs):
        parser.error("--account is written KEY=ORGANISATION")
    try:
        clock = Clock(options.now)
    except (ValueError, OSError) as error:
        parser.error(f"--now or FTKIT_NOW: {error}")
    settings = Settings(
        listing_lag=options.listing_lag,
        queue_seconds=options.queue_seconds,
        run_seconds=options.run_seconds,
        idempotent=options.idempotent,
    )
    accounts = {key: organisation for key, _, organisation in pairs}
    server = Server(Book(clock, accounts, settings, options.echo_credentials))
    _announce(options.ready_file, f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    while not server.stopping.wait(PARENT_CHECKED_EVERY_S) and os.getppid() == parent:
        pass
    server.shutdown()
    server.server_close()
    return 0


def _announce(ready_file: Path, url: str) -> None:
    """Write the ready file whole: who waits for it never reads half."""
    fresh = ready_file.with_name(f"{ready_file.name}.new")
    fresh.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
    fresh.replace(ready_file)
