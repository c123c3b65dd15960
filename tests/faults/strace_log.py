"""The log of strace as values: which thread made which call, the how manieth, and on what.

Only the line on which a call begins is read: where threads overlap, its end stands further down.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ENTRY = re.compile(r"^(\d+) +(\w+)\((.*)$", re.MULTILINE)
_FD = re.compile(r"^(\d+)<(.*?)>(?=[,()]|$)")
_ADDRESS = re.compile(r"\{sa_family=[^}]*\}")
_FOLDER = re.compile(r"AT_FDCWD<([^>]*)>")
_OUTPUTS = {"1": "stdout", "2": "stderr"}
_SOCKET = re.compile(r"^(?!pipe:|anon_inode:)[\w-]+:\[")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_HELD = re.compile(r"^(\d+) .*\(DELAYED\)$", re.MULTILINE)

Categories = Sequence[tuple[str, str]]
"""(name, substring) pairs: the first whose substring is in `where` names the category."""


@dataclass(frozen=True, slots=True)
class Call:
    """One system call: `n` counts from 1 per (syscall, thread), as `when=` does.

    `thread` is 0 for the command's own thread; further threads and child processes are numbered
    as they appear. `where` is a path, a socket (`TCP:[127.0.0.1:4->127.0.0.1:80]`, with the address
    at a connect), both paths of a rename, or `stdout` or `stderr`. A byte that is not printable
    ASCII stands as strace writes it (`\\303`).
    """

    syscall: str
    thread: int
    n: int
    where: str
    category: str


def entries(log: str) -> Counter[int]:
    """Calls begun, by thread id; `log` may stop anywhere, and holds one kind of call."""
    return Counter(int(entry[1]) for entry in _ENTRY.finditer(log))


def held(log: str) -> int | None:
    """The id of the first thread that is held after its call."""
    line = _HELD.search(log)
    return int(line[1]) if line else None


def failed(log: str) -> set[int]:
    """The ids of the threads in which a call was made to fail."""
    return {int(line.split()[0]) for line in log.splitlines() if line.endswith("(INJECTED)")}


def threads(log: str, pid: int) -> dict[int, int]:
    """Thread ids of this run to numbers that mean the same in the next run."""
    seen = dict.fromkeys([pid, *(int(entry[1]) for entry in _ENTRY.finditer(log))])
    return {thread: number for number, thread in enumerate(seen)}


def calls(log: str, pid: int, cwd: Path, categories: Categories) -> list[Call]:
    """Every call of the log in its order; `pid` is the command's own process."""
    numbers = threads(log, pid)
    counts: Counter[tuple[str, int]] = Counter()
    found = []
    for entry in _ENTRY.finditer(log):
        thread, syscall = numbers[int(entry[1])], entry[2]
        counts[syscall, thread] += 1
        where = _where(entry[3], cwd)
        category = next((name for name, part in categories if part in where), None)
        if category is None:
            output = where in _OUTPUTS.values()
            category = "output" if output else "socket" if _SOCKET.match(where) else "other"
        found.append(Call(syscall, thread, counts[syscall, thread], where, category))
    return found


def _where(arguments: str, cwd: Path) -> str:
    if descriptor := _FD.match(arguments):
        if descriptor[1] in _OUTPUTS:
            return _OUTPUTS[descriptor[1]]
        address = _ADDRESS.search(arguments)  # connect, or a datagram to somebody
        return f"{descriptor[2]} {address[0]}" if address else descriptor[2]
    folder = _FOLDER.search(arguments)
    base = Path(folder[1]) if folder else cwd
    return " -> ".join(str(base / name) for name in _QUOTED.findall(arguments))
