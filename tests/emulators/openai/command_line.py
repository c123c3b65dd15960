"""The server's command line and its life: it ends when told to, and by itself when its parent is gone."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
from pathlib import Path

import uvicorn

from .app import application
from .book import Book
from .clock import Clock
from .connection import Protocol
from .contract import Contract, contract_file
from .records import Account, Settings
from .replies import Refusal

PARENT_CHECKED_EVERY_S = 0.5
DEFAULT_ACCOUNT = "sk-emulated=org-acme/proj-main"


def main() -> int:
    """Serve until SIGTERM or until the parent is gone; the ready file then holds {"url", "pid", "validated"}."""
    parser = argparse.ArgumentParser(prog="tests.emulators.openai", description=__doc__)
    parser.add_argument("--ready-file", type=Path, required=True, help="is written when it listens")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="ends when it is gone")
    parser.add_argument("--account", action="append", metavar="KEY=ORGANISATION/PROJECT")
    parser.add_argument("--settings", default="{}", help="as JSON, see records.py; `now` too")
    parser.add_argument("--no-contract", action="store_true", help="judge nothing")
    options = parser.parse_args()
    accounts = {}
    for entry in options.account or [DEFAULT_ACCOUNT]:
        key, _, owner = entry.partition("=")
        organisation, _, project = owner.partition("/")
        if not (key and organisation and project):
            parser.error("--account is written KEY=ORGANISATION/PROJECT")
        accounts[key] = Account(key, organisation, project)
    changes = json.loads(options.settings)
    now = changes.pop("now", os.environ.get("FTKIT_NOW"))
    try:
        book = Book(Clock(now), accounts, Settings())
        book.change(changes)
    except (Refusal, ValueError, OSError) as error:
        parser.error(str(error))
    book.keep_as_first()
    path = None if options.no_contract else contract_file()
    contract = Contract(path) if path else None
    asyncio.run(_serve(book, contract, options.ready_file, options.parent))
    return 0


async def _serve(book: Book, contract: Contract | None, ready_file: Path, parent: int) -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    config = uvicorn.Config(
        application(book, contract),
        http=Protocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        # A client keeps its connection longer than five seconds, and would take its end for a lost answer.
        timeout_keep_alive=600,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)
    port = listening.getsockname()[1]
    told = {
        "url": f"http://127.0.0.1:{port}",
        "pid": os.getpid(),
        "validated": contract is not None,
    }
    _announce(ready_file, json.dumps(told))
    while not serving.done():
        if os.getppid() != parent:
            server.should_exit = server.force_exit = True
        await asyncio.wait([serving], timeout=PARENT_CHECKED_EVERY_S)
    await serving


def _announce(ready_file: Path, text: str) -> None:
    """Write the ready file whole: who waits for it never reads half."""
    fresh = ready_file.with_name(f"{ready_file.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(ready_file)
