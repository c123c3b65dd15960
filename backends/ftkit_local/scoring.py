"""How likely a model finds given answers: summed negative log-likelihood of the last turn.

Ids and labels are those of training (train_on="last"), so a score is comparable with the loss of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ftkit.backend import Score
from ftkit.data.example import Message
from ftkit.data.tokens import IGNORED, Rendered
from ftkit.errors import DataError, Fault
from ftkit_local.batching import score_batches
from ftkit_local.engine import Weights
from ftkit_local.open_renderer import LocalRenderer


def scores(
    weights: Callable[[], Weights],
    renderer: LocalRenderer,
    conversations: Sequence[Sequence[Message]],
) -> Iterator[tuple[int, Score]]:
    """(index, Score) of each conversation as it is ready, short ones first; `nll` in nats.

    Raises DataError naming every conversation (1-based row) that cannot be rendered or is longer than the model.
    """
    rows, faults = [], []
    for row, messages in enumerate(conversations, 1):
        try:
            (rendered,) = renderer.render(messages, "last")
        except DataError as error:
            faults.append(Fault(str(error), row=row))
            continue
        if renderer.max_length is not None and len(rendered.ids) > renderer.max_length:
            faults.append(
                Fault(f"{len(rendered.ids)} tokens; the model reads {renderer.max_length}", row=row)
            )
        rows.append(rendered)
    if faults:
        raise DataError("some conversations cannot be scored: mend or drop them", faults)
    if not rows:
        return
    model = weights()
    for batch in score_batches([len(row.ids) for row in rows], model.device.type):
        yield from zip(batch, _scored(model, [rows[index] for index in batch]), strict=True)


def _scored(model: Weights, rows: Sequence[Rendered]) -> list[Score]:
    import torch

    width = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)  # any id pads: the mask hides it
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED)
    for place, row in enumerate(rows):
        length = len(row.ids)
        ids[place, :length] = torch.tensor(row.ids)
        mask[place, :length] = 1
        labels[place, :length] = torch.tensor(row.labels)
    ids, mask, labels = (tensor.to(model.device) for tensor in (ids, mask, labels))
    labelled = labels != IGNORED
    logits = model.labelled_logits(ids, mask, labelled)
    wanted = labels[:, 1:][labelled[:, 1:]]
    losses = torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="none")
    counts = labelled[:, 1:].sum(1).tolist()
    return [Score(float(part.double().sum()), len(part)) for part in losses.split(counts)]
