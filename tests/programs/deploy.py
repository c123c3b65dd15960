"""One answer of a model that answers only while it is deployed; ends with 4 where it may run and be billed."""

from __future__ import annotations

import os
import sys

import ftkit
from ftkit.errors import OutcomeUnknown
from tests.programs import wrong


def main(way: str = "") -> int:
    wrong.do(way)
    try:
        name = os.environ.get("SWEPT_DEPLOYED", "fake/dedicated")
        with ftkit.model(name).deployed(max_cost_usd=5) as model:
            print(model.chat("hello").text)
    except OutcomeUnknown:
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
