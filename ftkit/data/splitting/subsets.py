"""Parts of a training set of growing size, each of which holds the one before: for a curve of learning against rows.

Rows are taken one by one, as all of them are trained on: nothing here has to be kept apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ftkit.data.example import digest_of
from ftkit.data.splitting.ranks import rank
from ftkit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from ftkit.data.dataset import Dataset


def nested(data: Dataset, shares: Sequence[float], seed: int) -> list[list[int]]:
    """Positions, in the order of the rows, for each share; the lowest in the order of the seed come first."""
    if isinstance(shares, str | int | float):
        raise ConfigError(f"fractions are several shares such as (0.25, 0.5, 1.0), not {shares!r}")
    for share in shares:
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise ConfigError(f"a fraction lies above 0 and is at most 1, not {share!r}")
    if not len(data):
        raise DataError(f"{data.source}: there are no rows to take a part of")
    places = [rank(seed, bytes.fromhex(digest_of(example))) for example in data]
    order = sorted(range(len(places)), key=places.__getitem__)
    return [sorted(order[: max(1, round(len(order) * share))]) for share in shares]
