"""The command `ftkit` with one thing wrong in it: `python -m tests.programs.command WRONG submit rows.jsonl ...`."""

from __future__ import annotations

import sys

from ftkit.cli import main
from tests.programs import wrong

if __name__ == "__main__":
    wrong.do(sys.argv[1])
    main(sys.argv[2:])
