"""The data as rules see it: each row decoded, hashed and rendered once, whatever number of rules look at it."""

from __future__ import annotations

from dataclasses import dataclass

from ftkit.data.dataset import Dataset
from ftkit.data.example import Example, digest, digest_of
from ftkit.data.tokens import Renderer
from ftkit.errors import DataError


@dataclass(frozen=True, slots=True)
class RowView:
    """One row: its number in the file, hashes of the whole and of the prompt, tokens of its longest sequence.

    `tokens` and `trained` (learned tokens over all sequences) are None without a renderer and where the renderer
    refused the row; `refusal` is what it said then.
    """

    number: int
    example: Example
    digest: str
    prompt_digest: str
    tokens: int | None = None
    trained: int | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class DataView:
    """Everything a rule may look at. `limit` is in tokens, None where no limit is known."""

    rows: tuple[RowView, ...]
    columns: tuple[str, ...]
    renderer: Renderer | None
    limit: int | None


def view(data: Dataset, renderer: Renderer | None, max_length: int | None) -> DataView:
    """Look at every row once. Of two limits the lower one holds."""
    limits = [max_length, renderer.max_length if renderer is not None else None]
    known = [limit for limit in limits if limit is not None]
    rows = tuple(
        _row(row.number, example, renderer) for row, example in zip(data.rows, data, strict=True)
    )
    return DataView(rows, data.columns, renderer, min(known, default=None))


def _row(number: int, example: Example, renderer: Renderer | None) -> RowView:
    whole, prompt = digest_of(example), digest(example.prompt)
    if renderer is None:
        return RowView(number, example, whole, prompt)
    try:
        sequences = renderer.render(example.messages)
    except DataError as error:
        return RowView(number, example, whole, prompt, refusal=error.message)
    return RowView(
        number,
        example,
        whole,
        prompt,
        tokens=max((len(sequence.ids) for sequence in sequences), default=0),
        trained=sum(sequence.trained for sequence in sequences),
    )
