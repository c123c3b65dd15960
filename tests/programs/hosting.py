"""What is deployed and stopped again: `block` uses a deployment, `command` is the next ftkit command after it.

`block` waits for the end of its input. `deploy` is for an hour; `verbs` stops it again.
"""

from __future__ import annotations

import sys

import ftkit
from ftkit import config
from ftkit.errors import NotFound, OutcomeUnknown
from ftkit.models import stop_left_behind
from tests.programs import wrong

MODEL = "fake/dedicated"


def main(what: str, way: str = "") -> int:
    wrong.do(way)
    try:
        if what == "block":
            with ftkit.model(MODEL).deployed(max_cost_usd=5):
                print("in the block", flush=True)
                sys.stdin.read()
        elif what == "undeploy":
            _undeployed()
        elif what == "command":
            stop_left_behind(config.settings())
        else:
            ftkit.deploy(MODEL, hours=1, max_cost_usd=5)
            if what == "verbs":
                ftkit.undeploy(MODEL)
    except OutcomeUnknown:
        return 4
    return 0


def _undeployed() -> None:
    """It does not run, whoever has stopped it."""
    try:
        ftkit.undeploy(MODEL)
    except NotFound:
        print("nothing is deployed")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
