"""The decoding loop: many prompts at once over a growing cache, each row with its own length, limits and draws.

Rows are padded on the left. A row that is done leaves the batch with its part of the cache, so no time goes into it;
what all prompts of a batch start with (a system prompt, say) is read once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from ftkit import clock
from ftkit.errors import DataError, Fault
from ftkit_local.answer_text import AnswerText
from ftkit_local.sampling import GREEDY, Sampling, draw

if TYPE_CHECKING:
    from torch import Tensor

_WORTH_SHARING = 8  # tokens; a pass of their own costs more than fewer would save


class Decoder(Protocol):
    """A causal model with its weights chosen, as the loop needs it."""

    @property
    def device(self) -> Any:
        """Where inputs must lie."""

    def cache(self) -> Any:
        """An empty transformers cache, to be handed to every step of one batch."""

    @property
    def can_share(self) -> bool:
        """True where padding may stand between cached tokens: a sliding window would count it as text."""

    def step(self, ids: Tensor, mask: Tensor | None, positions: Tensor, cache: Any) -> Tensor:
        """Read ids [rows, new] behind what the cache holds; logits [rows, vocabulary] after the last of them.

        `mask` [rows, held + new] is 0 at padding, None where there is none; `positions` [rows, new].
        """


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What ids mean: `decode` to text, `stop` ids end an answer, a `hidden` id has no text in one."""

    decode: Callable[[Sequence[int]], str]
    stop: frozenset[int]
    hidden: Callable[[int], bool] = lambda token: False


@dataclass(frozen=True, slots=True)
class Prompt:
    """One row. `max_tokens` >= 1; `timeout_s` counts from the start of `generate`."""

    ids: tuple[int, ...]
    max_tokens: int
    sampling: Sampling = GREEDY
    stop: tuple[str, ...] = ()
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A whole answer: its text, the ids as generated (a stop id included) and why it ended."""

    text: str
    ids: tuple[int, ...]
    reason: str  # stop, length or timeout


def fitted(prompts: Sequence[Prompt], max_length: int | None) -> list[Prompt]:
    """The prompts with `max_tokens` cut to what the model has room for.

    Raises one DataError naming every prompt (1-based row) that alone fills the model's `max_length` tokens.
    """
    if max_length is None:
        return list(prompts)
    faults = [
        Fault(
            f"the prompt has {len(prompt.ids)} tokens; the model reads {max_length}, answer included",
            row=row,
            field="messages",
        )
        for row, prompt in enumerate(prompts, 1)
        if len(prompt.ids) >= max_length
    ]
    if faults:
        raise DataError("a prompt leaves no room for an answer: shorten it", faults)
    return [
        replace(prompt, max_tokens=min(prompt.max_tokens, max_length - len(prompt.ids)))
        for prompt in prompts
    ]


def generate(
    decoder: Decoder,
    prompts: Sequence[Prompt],
    vocabulary: Vocabulary,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[int, str | Finished]]:
    """Answer all prompts as one batch; yields (index, piece of text) and once (index, Finished) a prompt.

    Pieces of a row add up to its Finished.text. Limits are looked at between tokens; when `cancelled` turns True every
    row that is left ends with reason "timeout".
    """
    import torch

    started = clock.monotonic()
    rows = [_Row(index, prompt, vocabulary) for index, prompt in enumerate(prompts)]
    cache = decoder.cache()
    shared = _shared(prompts) if decoder.can_share else 0
    ids, mask = _left_padded([prompt.ids[shared:] for prompt in prompts], decoder.device)
    positions = shared + (mask.cumsum(-1) - 1).clamp(min=0)
    if shared:
        start = torch.tensor([prompts[0].ids[:shared]], device=decoder.device)
        decoder.step(start, None, torch.arange(shared, device=decoder.device)[None], cache)
        cache.batch_repeat_interleave(len(prompts))
        mask = torch.cat([mask.new_ones(len(prompts), shared), mask], dim=1)
    while rows:
        over, elapsed = cancelled(), clock.monotonic() - started
        for row in rows:
            if not row.reason and (over or elapsed >= row.timeout_s):
                yield from row.end("timeout")
        staying = [place for place, row in enumerate(rows) if not row.reason]
        if len(staying) < len(rows):
            rows = [rows[place] for place in staying]
            if not rows:
                return
            kept = torch.tensor(staying, device=decoder.device)
            cache.batch_select_indices(kept)
            ids, mask, positions = ids[kept], mask[kept], positions[kept]
        padded = bool((mask == 0).any())
        logits = decoder.step(ids, mask if padded else None, positions, cache)
        tokens = _choose(logits, rows)
        for row, token in zip(rows, tokens, strict=True):
            yield from row.take(token)
        ids = torch.tensor(tokens, device=decoder.device)[:, None]
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
        positions = positions[:, -1:] + 1


class _Row:
    """One answer on its way; `reason` is empty until it ended."""

    def __init__(self, index: int, prompt: Prompt, vocabulary: Vocabulary) -> None:
        self.sampling = prompt.sampling
        self.generator = prompt.sampling.generator()
        self.timeout_s = inf if prompt.timeout_s is None else prompt.timeout_s
        self.reason = ""
        self._index = index
        self._limit = prompt.max_tokens
        self._stop = vocabulary.stop
        self._ids: list[int] = []
        self._text = AnswerText(vocabulary.decode, prompt.stop, vocabulary.hidden)

    def take(self, token: int) -> Iterator[tuple[int, str | Finished]]:
        """Add a token, and end where that was the last."""
        self._ids.append(token)
        if token in self._stop:
            yield from self.end("stop")
            return
        if piece := self._text.push(token):
            yield self._index, piece
        if self._text.stopped:
            yield from self.end("stop")
        elif len(self._ids) >= self._limit:
            yield from self.end("length")

    def end(self, reason: str) -> Iterator[tuple[int, str | Finished]]:
        """Show what was held back, then the whole answer."""
        piece = self._text.finish(cut_short=reason != "stop")
        # What was held back may have turned into a stop string at the very end.
        self.reason = "stop" if self._text.stopped else reason
        if piece:
            yield self._index, piece
        yield self._index, Finished(self._text.text, tuple(self._ids), self.reason)


def _shared(prompts: Sequence[Prompt]) -> int:
    """How many first tokens to read once for all; every prompt keeps a token of its own to be read."""
    first, *others = (prompt.ids for prompt in prompts)
    if not others:
        return 0
    length = min(len(first), *map(len, others)) - 1
    while any(other[:length] != first[:length] for other in others):
        length -= 1
    return length if length >= _WORTH_SHARING else 0


def _left_padded(rows: Sequence[tuple[int, ...]], device: Any) -> tuple[Tensor, Tensor]:
    import torch

    width = max(map(len, rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long)  # any id pads: the mask hides it
    mask = torch.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, width - len(row) :] = torch.tensor(row)
        mask[place, width - len(row) :] = 1
    return ids.to(device), mask.to(device)


def _choose(logits: Tensor, rows: Sequence[_Row]) -> list[int]:
    tokens: list[int] = logits.argmax(-1).tolist()
    for place, row in enumerate(rows):
        if row.generator is not None:
            tokens[place] = draw(logits[place].float().cpu(), row.sampling, row.generator)
    return tokens
