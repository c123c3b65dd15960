"""What every verb prints with: text for people, JSON for programs, bars only on a terminal.

Results go to standard output, everything else to standard error, so that a pipe carries only the result.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ftkit.pages.visible_text import code_point, pieces


class Update(Protocol):
    """Moves the bar named `key`; `words` replace its label."""

    def __call__(self, key: str, done: int, total: int, words: str | None = None) -> None: ...


out = Console(highlight=False, markup=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def plain(text: str) -> str:
    """Text as it may reach a terminal: what would steer it (escapes, bidi marks) stands there as `<U+001B>`."""
    return "".join(f"<{code_point(run)}>" if hidden else run for run, hidden in pieces(text))


def show(text: str, value: dict[str, Any], as_json: bool) -> None:
    """Print `value` as JSON, or `text`."""
    if as_json:
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    else:
        out.print(plain(text))


def note(text: str, *, style: str | None = None) -> None:
    """A line for the person at the terminal."""
    err.print(plain(text), style=style)


@contextmanager
def bars() -> Iterator[Update]:
    """A function `(key, done, total, words=key)` that keeps one bar a key; silent without a terminal."""
    if not err.is_terminal:
        yield lambda key, done, total, words=None: None
        return
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
    )
    tasks: dict[str, Any] = {}
    with progress:

        def update(key: str, done: int, total: int, words: str | None = None) -> None:
            if key not in tasks:
                tasks[key] = progress.add_task(words or key, total=total)
            progress.update(tasks[key], completed=done, total=total, description=words or key)

        yield update
