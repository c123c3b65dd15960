"""Each value of the answer, or of a column, is held out in the same share, as near as components allow.

Components of one value are fitted value by value; those of several are drawn by their place before, where that does not worsen
the shares. A value that stands in one component only cannot be on both sides: it is trained on.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ftkit.data.splitting.choice import Chosen, near_enough, up_to
from ftkit.data.splitting.links import Joined
from ftkit.data.splitting.ranks import below, rank
from ftkit.errors import DataError

if TYPE_CHECKING:
    from ftkit.data.dataset import Dataset

_SHOWN = 5
_ANSWER = "label"
_NO_PROMISE = "adding rows may move old ones: the shares of {by} are fitted anew"


def labels_of(data: Dataset, stratify_by: str) -> list[str]:
    """The value of each row as text: of the column, or of the answer for "label" where no column bears that name.

    Raises DataError for an unknown column, and where no value stands twice.
    """
    if stratify_by == _ANSWER and _ANSWER not in (*data.layout.mapped, *data.columns):
        labels = [repr(example.answer.strip()) for example in data]
    else:
        labels = [json.dumps(value, sort_keys=True) for value in data.values(stratify_by)]
    if len(set(labels)) == len(labels):
        raise DataError(
            f"{data.source}: stratify_by={stratify_by!r}: no value stands in two rows, so none can be shared out"
        )
    return labels


def by_label(joined: Joined, labels: Sequence[str], wanted: int, by: str) -> Chosen:
    """Components so that each label has its share among the held-out rows."""
    counts = [Counter(labels[row] for row in rows) for rows in joined.parts]
    standing = Counter(label for count in counts for label in count)
    totals, seed = Counter(labels), joined.rules.seed
    targets = _targets(totals, standing, wanted, seed)
    given: Counter[str] = Counter()
    pure: defaultdict[str, list[int]] = defaultdict(list)
    chosen = []
    share = Fraction(wanted, len(labels))
    for index, count in enumerate(counts):
        if len(count) == 1:
            pure[next(iter(count))].append(index)
        elif below(joined.places[index], share) and _no_worse(count, given, targets, totals):
            chosen.append(index)
            given += count
    for label, indices in pure.items():
        sizes = [len(joined.parts[index]) for index in indices]
        taken = [indices[at] for at in up_to(sizes, targets[label] - given[label])]
        chosen += taken
        given[label] += sum(len(joined.parts[index]) for index in taken)
    size = given.total()
    if not size or size == len(labels) or not near_enough(size, wanted):
        raise DataError(
            f"{joined.source}: {wanted:,} of {len(labels):,} rows should be held out, but with equal shares of {by!r} only "
            f"{size:,} can be: most of its values have too few rows, or all of theirs hang together. Try another test=, or "
            "leave stratify_by= out"
        )
    rows = [row for index in chosen for row in joined.parts[index]]
    notes = (*_notes(totals, given, share, by), _NO_PROMISE.format(by=repr(by)))
    return Chosen(rows, notes)


def _targets(
    totals: Counter[str], standing: Counter[str], wanted: int, seed: int
) -> dict[str, int]:
    """Rows of each label that sum to `wanted` where they can: shares by the largest remainder."""
    rows = totals.total()
    exact = {label: Fraction(total * wanted, rows) for label, total in totals.items()}
    most = {label: totals[label] - 1 if standing[label] > 1 else 0 for label in totals}
    targets = {label: min(int(share), most[label]) for label, share in exact.items()}
    ordered = sorted(
        totals,
        key=lambda label: (
            int(exact[label]) - exact[label],
            rank(seed, label.encode("utf-8", "surrogatepass")),
        ),
    )
    for label in ordered:
        if sum(targets.values()) < wanted and targets[label] < most[label]:
            targets[label] += 1
    return targets


def _no_worse(
    count: Counter[str], given: Counter[str], targets: dict[str, int], totals: Counter[str]
) -> bool:
    """Whether the shares come no further from what they should be; each label weighs the same, and none is held out whole."""
    if any(given[label] + more == totals[label] for label, more in count.items()):
        return False

    def off(rows: int, label: str) -> float:
        return float((rows - targets[label]) / totals[label]) ** 2

    return (
        sum(off(given[one] + more, one) - off(given[one], one) for one, more in count.items()) <= 0
    )


def _notes(totals: Counter[str], given: Counter[str], share: Fraction, by: str) -> list[str]:
    notes = []
    none = sorted((label for label in totals if not given[label]), key=lambda label: totals[label])
    off = [
        label for label in totals if given[label] and abs(given[label] - share * totals[label]) > 1
    ]
    if none:
        shown = ", ".join(f"{label} ({totals[label]:,})" for label in none[:_SHOWN])
        notes.append(
            f"{len(none):,} of {len(totals):,} values of {by!r} have no held-out row, as they have too few rows or all of "
            f"theirs hang together: {shown}{', ...' if len(none) > _SHOWN else ''}"
        )
    if off:
        shown = ", ".join(
            f"{label} ({given[label]:,} of {totals[label]:,})" for label in off[:_SHOWN]
        )
        notes.append(
            f"{len(off):,} values of {by!r} are more than a row off their share, as rows hang together: "
            f"{shown}{', ...' if len(off) > _SHOWN else ''}"
        )
    return notes
