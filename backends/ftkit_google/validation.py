"""How many validation rows Google takes beside the training rows: more are an error before anything is sent.

Documentation of supervised tuning, copies of September 2026, and Google's guide to tuning open models, August 2026.
"""

from __future__ import annotations

from pathlib import Path

from ftkit.backend import Refused, Resolved, TrainRequest
from ftkit.errors import CapabilityError, StorageError

_MOST = 5_000
_FREE = 1_000  # so many are taken whatever the training rows are
_SHARE = 0.30
_SHARE_OF_BYTES = 0.25  # open models


def check_rows(resolved: Resolved) -> None:
    """Raise CapabilityError where there are too many."""
    watched = resolved.validation
    if watched is None:
        return
    trained = resolved.counts.rows
    most = _MOST if watched.rows <= _FREE else min(_MOST, int(_SHARE * trained))
    if watched.rows > most:
        raise CapabilityError(
            f"google takes at most {most:,} validation rows beside {trained:,} training rows ({_MOST:,}, and above {_FREE:,} of "
            f"them {_SHARE:.0%} of the training rows); these are {watched.rows:,}"
        )


def check_bytes(request: TrainRequest) -> None:
    """Raise Refused, with nothing sent, where an open model's validation file is too large beside its training file."""
    if request.validation_file is None:
        return
    watched, trained = _size(request.validation_file), _size(request.train_file)
    if watched > _SHARE_OF_BYTES * trained:
        raise Refused(
            "validation_too_large",
            f"google takes validation rows of open models up to {_SHARE_OF_BYTES:.0%} of the bytes of the training rows; these "
            f"are {watched:,} of {trained:,} bytes ({watched / max(1, trained):.0%}): hold back fewer rows. Nothing was started",
        )


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
