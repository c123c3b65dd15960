"""A server's life: it listens on loopback, ends when told to, and by itself when its parent is gone."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from .book import Book
from .connection import Protocol
from .exchange import Refusal

PARENT_CHECKED_EVERY_S = 0.5


def parser_of(module: str) -> argparse.ArgumentParser:
    """The options that every emulator has: `ready_file`, `parent` and `settings`."""
    parser = argparse.ArgumentParser(prog=module)
    parser.add_argument("--ready-file", type=Path, required=True, help="is written when it listens")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="ends when it is gone")
    parser.add_argument("--settings", default="{}", help="as JSON, see records.py; `now` too")
    parser.add_argument("--no-contract", action="store_true", help="judge nothing")
    return parser


def clock_setting(changes: dict[str, Any]) -> str | None:
    """`now` taken out of the settings; without one FTKIT_NOW holds."""
    now: str | None = changes.pop("now", os.environ.get("FTKIT_NOW"))
    return now


def begin(book: Book, changes: dict[str, Any], parser: argparse.ArgumentParser) -> None:
    """Let the book begin with these settings, to which its `reset` comes back."""
    try:
        book.change(changes)
    except Refusal as error:
        parser.error(error.message)
    book.keep_as_first()


def serve(application: ASGIApp, ready_file: Path, parent: int, told: Mapping[str, Any]) -> None:
    """Serve until SIGTERM or until the parent is gone; the ready file then holds url, pid and what else is `told`."""
    asyncio.run(_serve(application, ready_file, parent, told))


async def _serve(
    application: ASGIApp, ready_file: Path, parent: int, told: Mapping[str, Any]
) -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    config = uvicorn.Config(
        application,
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
    _announce(ready_file, {"url": f"http://127.0.0.1:{port}", "pid": os.getpid(), **told})
    while not serving.done():
        if os.getppid() != parent:
            server.should_exit = server.force_exit = True
        await asyncio.wait([serving], timeout=PARENT_CHECKED_EVERY_S)
    await serving


def _announce(ready_file: Path, told: Mapping[str, Any]) -> None:
    """Write the ready file whole: who waits for it never reads half."""
    fresh = ready_file.with_name(f"{ready_file.name}.new")
    fresh.write_text(json.dumps(told), encoding="utf-8")
    fresh.replace(ready_file)
