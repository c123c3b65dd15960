"""The data as rules see it: each row decoded, hashed and rendered once, whatever number of rules look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from ftkit.data.dataset import Dataset
from ftkit.data.example import Example, digest, digest_of
from ftkit.data.tasks import Task, task_of
from ftkit.data.token_counts import RowCount, count_rows, totals
from ftkit.data.tokens import Counts, Renderer


@dataclass(frozen=True, slots=True)
class RowView:
    """One row: its number in the file, hashes of the whole and of the prompt, its texts, tokens of its longest sequence.

    `tokens` (its tools included) and `trained` (learned tokens over all sequences, of a pair in both answers) are None without a renderer and where
    the renderer refused the row; `refusal` is what it said then. `cautions` is what it is not certain about.
    """

    number: int
    example: Example
    digest: str
    prompt_digest: str
    texts: tuple[str, ...]
    tokens: int | None = None
    trained: int | None = None
    refusal: str | None = None
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataView:
    """Everything a rule may look at. `limit` is in tokens, None where no limit is known.

    `smallest_gain(rows, disagree)` is the smallest gain that so many held-out rows can show, as a share, where two models
    differ on a share `disagree` of them; the statistics lie in a room above, so it comes in as an argument.
    """

    rows: tuple[RowView, ...]
    columns: tuple[str, ...]
    renderer: Renderer | None
    limit: int | None
    smallest_gain: Callable[[int, float], float | None] | None
    guess: Callable[[], Task | None]
    counts: Counts | None = None  # of all rows, where a renderer takes them all
    against: tuple[RowView, ...] | None = None  # the held-out rows, where they are given

    @property
    def task(self) -> Task | None:
        """What kind of task the rows teach; looked for once, when the first rule asks."""
        return self.guess()


def view(
    data: Dataset,
    renderer: Renderer | None,
    max_length: int | None,
    smallest_gain: Callable[[int, float], float | None] | None = None,
    against: Dataset | None = None,
    train_on: str = "assistant",
) -> DataView:
    """Look at every row once. Of two limits the lower one holds."""
    limits = [max_length, renderer.max_length if renderer is not None else None]
    known = [limit for limit in limits if limit is not None]
    counted: tuple[RowCount, ...] | tuple[None, ...] = (None,) * len(data)
    counts = None
    if renderer is not None:
        counted = count_rows(data, renderer, train_on)
        if not any(count.refused for count in counted):
            counts = totals(data, counted)
    rows = tuple(
        _row(row.number, example, count)
        for row, example, count in zip(data.rows, data, counted, strict=True)
    )
    limit = min(known, default=None)
    guess = cache(lambda: task_of([row.example for row in rows]))
    held = None if against is None else tuple(_plain(against))
    return DataView(rows, data.columns, renderer, limit, smallest_gain, guess, counts, held)


def _plain(data: Dataset) -> Iterator[RowView]:
    return (_row(row.number, one, None) for row, one in zip(data.rows, data, strict=True))


def _row(number: int, example: Example, count: RowCount | None) -> RowView:
    whole, prompt, texts = digest_of(example), digest(example.prompt), example.texts
    if count is None:
        return RowView(number, example, whole, prompt, texts)
    if count.refused:
        said = "; ".join(map(str, count.refused))
        return RowView(number, example, whole, prompt, texts, refusal=said)
    return RowView(
        number,
        example,
        whole,
        prompt,
        texts,
        tokens=count.longest,
        trained=count.trained,
        cautions=count.cautions,
    )
