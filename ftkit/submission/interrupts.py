"""What an interrupt leaves behind is said with it: Ctrl-C, SIGTERM and a cancelled task stop our process, not the job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ftkit.ledger import JobRow, Phase

_LEFT = {
    Phase.PREPARED: "nothing was paid for; the same call, or `ftkit job go-on {id}`, goes on with it",
    Phase.UPLOADING: "nothing was paid for; the same call, or `ftkit job go-on {id}`, goes on with it",
    Phase.SUBMITTING: "it may be billed; the same call, or `ftkit job settle {id}`, looks for it",
    Phase.UNSETTLED: "it may be billed; the same call, or `ftkit job settle {id}`, looks for it",
    Phase.SUBMITTED: "it goes on; `ftkit job wait {id}` watches it, `ftkit job cancel {id}` stops it",
    Phase.DONE: "it has ended; `ftkit job show {id}` tells how",
}


@contextmanager
def explained(row: Callable[[], JobRow]) -> Iterator[None]:
    """Add to an interrupt inside the block, as a note of the exception, which job it leaves behind and how to go on."""
    try:
        yield
    except Exception:
        raise
    except GeneratorExit:
        raise
    except BaseException as interrupt:
        left = row()
        interrupt.add_note(f"job {left.id}: {_LEFT[left.phase].format(id=left.id)}")
        raise
