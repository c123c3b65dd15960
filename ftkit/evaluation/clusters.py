"""Per-row differences pooled by the source they came from.

Rows cut from one document or conversation are not independent, so tests, intervals and row counts
work on cluster totals; without clusters each row is a cluster of its own.
Source: Miller, "Adding Error Bars to Evals", arXiv 2411.00640.
"""

import math
from collections.abc import Sequence


def pooled(
    differences: Sequence[float], clusters: Sequence[object] | None = None
) -> list[tuple[float, int]]:
    """(total, rows) of each cluster, sorted so that the order of the rows changes nothing.

    A cluster of None means that the row stands alone. Raises ValueError for no rows, for a
    difference that is not finite, and for clusters of another length.
    """
    if not differences:
        raise ValueError("no rows: at least one paired difference is needed")
    for row, difference in enumerate(differences):
        if not math.isfinite(difference):
            raise ValueError(f"the difference of row {row} (counted from 0) is {difference}")
    if clusters is None:
        return sorted((float(difference), 1) for difference in differences)
    if len(clusters) != len(differences):
        raise ValueError(f"{len(clusters)} clusters for {len(differences)} rows")
    members: dict[object, list[float]] = {}
    for difference, cluster in zip(differences, clusters, strict=True):
        members.setdefault(object() if cluster is None else cluster, []).append(difference)
    return sorted((math.fsum(rows), len(rows)) for rows in members.values())
