"""Every row held out once: k pairs of sets for cross-validation, with no component on two sides of any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ftkit.data.splitting.links import Joined
from ftkit.data.splitting.parting import sides, with_fewer_links
from ftkit.data.splitting.rules import Rules
from ftkit.data.splitting.sides import Split
from ftkit.data.splitting.stratified import labels_of
from ftkit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from ftkit.data.dataset import Dataset

_NO_PROMISE = "adding rows may move old ones to another fold"


def in_folds(data: Dataset, k: int, rules: Rules, stratify_by: str | None) -> list[Split]:
    """k splits. Raises ConfigError for a k that makes no sense, DataError where fewer than k parts can be made."""
    if isinstance(k, bool) or not isinstance(k, int) or k < 2:
        raise ConfigError(f"k={k!r}: the number of folds is 2 or more")
    labels = None if stratify_by is None else labels_of(data, stratify_by)

    def spread(joined: Joined) -> list[list[int]]:
        if len(joined.parts) < k:
            together = f" hang together by {joined.what}" if joined.what else ""
            knobs = dict.fromkeys(["a smaller k", *(link.mend for link in joined.joining)])
            raise DataError(
                f"{data.source}: {len(data):,} rows{together} in {len(joined.parts):,} parts, too few for {k} folds. Try "
                + "; or ".join(knobs)
            )
        return _spread(joined, k, labels)

    joined, folds = with_fewer_links(data, rules, spread)
    notes = [*joined.notes, _NO_PROMISE]
    sizes = [len(fold) for fold in folds]
    if 2 * (max(sizes) - min(sizes)) > max(sizes):
        notes.append(
            f"folds differ in size, from {min(sizes):,} to {max(sizes):,} rows, as rows hang together"
        )
    return [
        sides(data, fold, notes, f"fold {number} of {k}, seed {rules.seed}")
        for number, fold in enumerate(folds, start=1)
    ]


def _spread(joined: Joined, k: int, labels: Sequence[str] | None) -> list[list[int]]:
    """Each component, the large ones first, to the fold that has the fewest of its labels, of equal ones the smallest."""
    folds: list[list[int]] = [[] for _ in range(k)]
    counts: list[Counter[str]] = [Counter() for _ in range(k)]
    for rows in sorted(joined.parts, key=len, reverse=True):
        own = Counter(labels[row] for row in rows) if labels is not None else Counter[str]()

        def cost(at: int, own: Counter[str] = own) -> tuple[int, int]:
            return sum(counts[at][label] * more for label, more in own.items()), len(folds[at])

        best = min(range(k), key=cost)
        folds[best] += rows
        counts[best] += own
    return folds
