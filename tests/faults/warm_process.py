"""The program behind `warm.Warm`: it imports what a program imports, then forks once for each run of it.

It takes over the code of a run, never its state: what is to be imported is learned from a run in a child. A child waits
at a gate before its first line, so that the moment at which it starts is known, and fifty can start at the same one.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import sys
from typing import Any


def main() -> int:
    """Carry out orders, a line of JSON each, until there are no more. In a child it returns the run's end."""
    gate: tuple[int, int] | None = None
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        order = json.loads(line)
        answer: Any = None
        if order["do"] == "start":
            gate = gate or os.pipe()
            answer = os.fork()
            if answer == 0:
                _run(order, gate)
                return 0
        elif order["do"] == "go" and gate is not None:
            for end in gate:
                os.close(end)
            gate = None
        elif order["do"] == "wait":
            answer = os.waitstatus_to_exitcode(os.waitpid(order["pid"], 0)[1])
        elif order["do"] == "import":
            for name in order["modules"]:
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
            gc.freeze()  # or each child's first collection copies all of it
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


def _run(order: dict[str, Any], gate: tuple[int, int]) -> None:
    """Become the program; it ends as any Python program does, with its exit handlers and its traceback."""
    with contextlib.suppress(OSError, AttributeError):  # strace may attach to it: see attached.py
        ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
    os.close(gate[1])
    os.read(gate[0], 1)
    os.close(gate[0])
    for number, path in enumerate((os.devnull, order["stdout"], order["stderr"])):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(order["cwd"])
    os.environ.update(order["env"])
    if order["modules"]:
        atexit.register(_note_modules, order["modules"])
    sys.argv = ["", *order["arguments"]]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


def _note_modules(path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump([name for name in sys.modules if name != "__main__"], file)


if __name__ == "__main__":
    sys.exit(main())
