"""One split from first to last: find what hangs together, choose components, and say what was not done.

Of several ways to join rows the strictest is taken with which a split can be made.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ftkit.data.splitting.choice import Chosen, by_number, by_share
from ftkit.data.splitting.earlier import Earlier, kept
from ftkit.data.splitting.in_time import latest, times_of
from ftkit.data.splitting.links import Joined, joined
from ftkit.data.splitting.rules import Rules, wanted_rows
from ftkit.data.splitting.sides import MovedRow, Split
from ftkit.data.splitting.stratified import by_label, labels_of
from ftkit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from ftkit.data.dataset import Dataset

log = logging.getLogger("ftkit")
T = TypeVar("T")


def part(
    data: Dataset,
    test: float,
    rules: Rules,
    *,
    stratify_by: str | None = None,
    time_by: str | None = None,
    previous: object = None,
) -> Split:
    """Train and held-out rows. Raises ConfigError for arguments that make no sense, else DataError."""
    given = {"stratify_by": stratify_by, "time_by": time_by, "previous": previous}
    several = [f"{name}=" for name, value in given.items() if value is not None]
    if len(several) > 1:
        raise ConfigError(
            f"{' and '.join(several)} cannot go together: each decides which rows are held out"
        )
    wanted = wanted_rows(len(data), test, data.source)
    share = Fraction(test) if isinstance(test, float) else None
    choice: Callable[[Joined], Chosen]
    if stratify_by is not None:
        choice = partial(
            by_label, labels=labels_of(data, stratify_by), wanted=wanted, by=stratify_by
        )
    elif time_by is not None:
        choice = partial(latest, times=times_of(data, time_by), wanted=wanted)
    elif previous is not None:
        old = Earlier.of(previous).sides(data, by_prompt=rules.duplicates == "prompt")
        choice = partial(kept, data=data, old=old, share=share, wanted=wanted)
    elif share is not None:
        choice = partial(by_share, share=share, wanted=wanted)
    else:
        choice = partial(by_number, wanted=wanted)
    found, chosen = with_fewer_links(data, rules, choice)
    notes = [*found.notes, *chosen.notes]
    return sides(data, chosen.rows, notes, f"seed {rules.seed}", chosen.moved)


def with_fewer_links(
    data: Dataset, rules: Rules, choice: Callable[[Joined], T]
) -> tuple[Joined, T]:
    """What `choice` makes of the rows joined as strictly as it can be done; what is given up for that is logged."""
    refused: DataError | None = None
    for one in joined(data, rules):
        try:
            result = choice(one)
        except DataError as error:
            refused = error
            continue
        for warning in one.warnings:
            log.warning("%s: %s", data.source, warning)
        return one, result
    assert refused is not None
    raise refused


def sides(
    data: Dataset,
    held: Iterable[int],
    notes: Sequence[str],
    way: str,
    moved: Sequence[MovedRow] = (),
) -> Split:
    """The two sets, each in the order of the rows; `way` is written into their provenance."""
    out = set(held)
    kept = (index for index in range(len(data)) if index not in out)
    train = data.select(kept, why=f"split train, {way}")
    held_out = data.select(sorted(out), why=f"split held_out, {way}")
    return Split(train, held_out, moved, tuple(dict.fromkeys(notes)))
