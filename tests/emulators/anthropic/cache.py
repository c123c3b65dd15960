"""The prompt cache: what was marked and is still alive is read, the rest up to the last mark is written.

An entry lies where a request had a mark, belongs to a workspace and a model, and lives 5 minutes or an hour from the
start of the request that last used it. A mark looks back over 20 blocks, itself included. A prefix below the model's
minimum is not cached, and nobody is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .prompt import Block

LIVES = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1)}
LOOKS_BACK = 20


@dataclass(slots=True)
class Entry:
    """A cached prefix."""

    ttl: str
    until: datetime


@dataclass(slots=True)
class Read:
    """How a prompt's tokens are billed: anew, written for 5 minutes or an hour, read."""

    input: int = 0
    write_5m: int = 0
    write_1h: int = 0
    read: int = 0

    @property
    def total(self) -> int:
        """The whole prompt."""
        return self.input + self.write_5m + self.write_1h + self.read


class Cache:
    """All cached prefixes, by workspace and digest."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}

    def take(self, owner: str, prompt: Sequence[Block], minimum: int, now: datetime) -> Read:
        """Read and write what a prompt's marks say."""
        upto: list[int] = []
        for block in prompt:
            upto.append(block.tokens + (upto[-1] if upto else 0))
        marks = [at for at, block in enumerate(prompt) if block.ttl and upto[at] >= minimum]
        hit = max(
            (
                at
                for mark in marks
                for at in range(max(0, mark - LOOKS_BACK + 1), mark + 1)
                if self._alive(owner, prompt[at], now)
            ),
            default=-1,
        )
        for at in {*marks, hit}:
            if 0 <= at <= hit and (entry := self._alive(owner, prompt[at], now)):
                entry.until = now + LIVES[entry.ttl]
        found = Read(read=upto[hit] if hit >= 0 else 0)
        last = found.read
        for mark in marks:
            if mark > hit:
                ttl = prompt[mark].ttl or "5m"
                self._entries[owner, prompt[mark].digest] = Entry(ttl, now + LIVES[ttl])
                if ttl == "1h":
                    found.write_1h += upto[mark] - last
                else:
                    found.write_5m += upto[mark] - last
                last = upto[mark]
        found.input = (upto[-1] if upto else 0) - last
        return found

    def _alive(self, owner: str, block: Block, now: datetime) -> Entry | None:
        entry = self._entries.get((owner, block.digest))
        return entry if entry is not None and now < entry.until else None
