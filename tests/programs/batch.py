"""One batch of the model SWEPT_MODEL; prints its key, or ends with 4 where it may have been billed."""

from __future__ import annotations

import os
import sys

import ftkit
from ftkit.errors import OutcomeUnknown
from tests.programs import wrong


def main(way: str = "") -> int:
    wrong.do(way)
    try:
        model = ftkit.model(os.environ.get("SWEPT_MODEL", "fake/small"))
        print(model.batch(["where is my parcel?", "who pays?"], max_tokens=20, max_cost_usd=1).key)
    except OutcomeUnknown:
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
