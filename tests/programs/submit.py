"""One submission; prints the job's id, or ends with 4 where it may have been billed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ftkit
from ftkit.errors import OutcomeUnknown
from tests.programs import wrong


def main(rows: str, way: str = "") -> int:
    wrong.do(way)
    try:
        print(ftkit.submit(json.loads(Path(rows).read_text()), "fake/small").id)
    except OutcomeUnknown:
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
