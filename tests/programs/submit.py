"""One submission to the model SWEPT_MODEL; prints the job's id, or ends with 4 where it may have been billed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import ftkit
from ftkit.errors import OutcomeUnknown
from tests.programs import wrong


def main(rows: str, way: str = "") -> int:
    wrong.do(way)
    try:
        model = os.environ.get("SWEPT_MODEL", "fake/small")
        print(ftkit.submit(json.loads(Path(rows).read_text()), model, allow_retiring=True).id)
    except OutcomeUnknown:
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
