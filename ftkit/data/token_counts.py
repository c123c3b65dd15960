"""How many tokens every row of a data set has under one renderer, counted once.

Two models of one tokenizer family, a check before a quote, and the gates of a submission ask for the same counts: they
are kept by the hash of the data and the fingerprint of the renderer. Rows with images are counted anew for each model,
since what an image takes is the model's own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from threading import Lock

from ftkit.data.dataset import Dataset
from ftkit.data.example import Example
from ftkit.data.kinds import KINDS
from ftkit.data.tokens import (
    Counts,
    CountsTurns,
    Renderer,
    RowTokens,
    cautions_of,
    collected,
    prompt_of,
    rendered,
    tools_of,
)
from ftkit.errors import DataError, Fault

_ROWS_KEPT = 500_000  # of all data sets together
_Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class RowCount:
    """One row. `sequences` are (tokens, trained tokens) of each training sequence, tools included.

    A preference pair is one sequence: its prompt once, and both answers, which are all that is learned of it; `pair` has the
    tokens of its two conversations, and `longest` is the longer one. `refused` says why a row cannot be rendered, and
    then there is nothing else.
    """

    sequences: tuple[tuple[int, int], ...] = ()
    longest: int = 0
    pair: tuple[int, int] | None = None
    refused: tuple[Fault, ...] = ()
    cautions: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """Tokens of all sequences."""
        return sum(tokens for tokens, _ in self.sequences)

    @property
    def trained(self) -> int:
        """Learned tokens of all sequences."""
        return sum(trained for _, trained in self.sequences)


_kept: OrderedDict[_Key, tuple[RowCount, ...]] = OrderedDict()
_lock = Lock()


def count_rows(
    data: Dataset, renderer: Renderer, train_on: str = "assistant"
) -> tuple[RowCount, ...]:
    """The count of every row, in order."""
    kind = f"{type(renderer).__module__}.{type(renderer).__qualname__}"
    key = (data.sha256, kind, renderer.fingerprint, train_on)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    with_images = False
    counted = []
    for example in data:
        with_images = with_images or KINDS["image_rows"](example)
        counted.append(count_row(example, renderer, train_on))
    rows = tuple(counted)
    if not with_images:
        with _lock:
            _kept[key] = rows
            while len(_kept) > 1 and sum(map(len, _kept.values())) > _ROWS_KEPT:
                _kept.popitem(last=False)
    return rows


def forget_counts() -> None:
    """Count anew from here on; for tests that alter a renderer."""
    with _lock:
        _kept.clear()


def count_row(example: Example, renderer: Renderer, train_on: str = "assistant") -> RowCount:
    """The count of one row."""
    try:
        count = _pair if example.rejected else _conversation
        return replace(count(example, renderer, train_on), cautions=cautions_of(example, renderer))
    except DataError as error:
        return RowCount(refused=tuple(error.faults) or (Fault(error.message),))


def totals(data: Dataset, counted: Iterable[RowCount]) -> Counts:
    """The rows together; those that the renderer refused become one error that names them all."""
    rows = list(zip(data.rows, counted, strict=True))
    refused = [
        replace(fault, row=row.number, line=row.line)
        for row, count in rows
        for fault in count.refused
    ]
    if refused:
        bad = len({fault.row for fault in refused})
        raise DataError(
            f"{data.source}: {bad} rows cannot be trained on; run ftkit check, then mend or filter them",
            refused,
        )
    return Counts(
        rows=len(rows),
        tokens=sum(count.tokens for _, count in rows),
        trained_tokens=sum(count.trained for _, count in rows),
        lengths=tuple(tokens for _, count in rows for tokens, _ in count.sequences),
        cautions=collected((row.number, count.cautions) for row, count in rows if count.cautions),
        by_row=tuple(RowTokens(row.number, count.tokens, count.trained) for row, count in rows),
        pairs=tuple(count.pair for _, count in rows if count.pair is not None),
    )


def _conversation(example: Example, renderer: Renderer, train_on: str) -> RowCount:
    """The count of a row with one answer; DataError where it cannot be rendered."""
    extra = tools_of(example, renderer)
    found = [(len(one.ids) + extra, one.trained) for one in rendered(example, renderer, train_on)]
    return RowCount(tuple(found), max((tokens for tokens, _ in found), default=0))


def _pair(example: Example, renderer: Renderer, train_on: str) -> RowCount:
    """The count of a row with two answers, of which only those are learned, whatever `train_on` says."""
    extra = tools_of(example, renderer)
    other = replace(example, messages=(*example.prompt, *example.rejected), rejected=())
    (better,) = rendered(example, renderer, "last")
    (worse,) = rendered(other, renderer, "last")
    if isinstance(renderer, CountsTurns):
        second = renderer.turn_tokens(example.rejected)
    else:
        second = len(worse.ids) - len(prompt_of(example, renderer))
    both = (len(better.ids) + extra, len(worse.ids) + extra)
    whole = (len(better.ids) + second + extra, better.trained + worse.trained)
    return RowCount((whole,), max(both), both)
