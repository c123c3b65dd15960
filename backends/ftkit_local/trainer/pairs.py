"""Preference pairs of wire rows: one prompt with a better and a worse answer, of which only the answers are learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, as_dicts
from ftkit.data.formats.preference import Preference
from ftkit.data.tokens import IGNORED, Rendered, Renderer, rendered
from ftkit.errors import DataError
from ftkit_local.trainer.rows import parsed, rows_of, too_long
from ftkit_local.trainer.spec import SpecFile

_FORM = Preference()


@dataclass(frozen=True, slots=True)
class PairRow:
    """Both conversations of one row, labels on the last answer alone; `number` is the 1-based row of its file.

    `reference` are the log-probabilities of both answers under the model that training starts from, once they are known.
    """

    number: int
    better: Rendered
    worse: Rendered
    reference: tuple[float, float] | None = None

    @property
    def length(self) -> int:
        """Tokens of both side by side, the shorter one padded."""
        return 2 * max(len(self.better.ids), len(self.worse.ids))

    @property
    def tokens(self) -> int:
        """Tokens of both without padding."""
        return len(self.better.ids) + len(self.worse.ids)

    @property
    def weight(self) -> int:
        """A pair counts as one, however long its answers are."""
        return 1

    @property
    def trained(self) -> int:
        """Tokens of both answers."""
        return _answer_tokens(self.better) + _answer_tokens(self.worse)


def encoded_pair(example: Example) -> dict[str, Any]:
    """A preference pair as a wire row, the shape of hosted preference tuning; its further columns stay behind."""
    prompt: dict[str, Any] = {"messages": as_dicts(example.prompt)}
    if example.tools:
        prompt["tools"] = list(example.tools)
    if example.parallel_tool_calls is not None:
        prompt["parallel_tool_calls"] = example.parallel_tool_calls
    return {
        "input": prompt,
        "preferred_output": as_dicts(example.messages[len(example.prompt) :]),
        "non_preferred_output": as_dicts(example.rejected),
    }


def read_pairs(file: SpecFile, renderer: Renderer, *, max_length: int) -> list[PairRow]:
    """All pairs of a file in order; raises one DataError with every bad row, StorageError if the file changed."""

    def pair(number: int, line: bytes) -> list[PairRow]:
        example = _example(parsed(line))
        better, worse = (_one(each, renderer) for each in _conversations(example))
        row = PairRow(number, better, worse)
        if better == worse:
            raise DataError("both answers are the same to the model: there is nothing to prefer")
        if not (_answer_tokens(better) and _answer_tokens(worse)):
            raise DataError("there is no token to learn in one of its answers")
        if (longest := row.length // 2) > max_length:
            raise DataError(too_long(longest, max_length))
        return [row]

    return rows_of(file, pair)


def _example(row: Mapping[str, Any]) -> Example:
    faults = list(_FORM.faults(row))
    if faults:
        raise DataError("; ".join(map(str, faults)))
    return _FORM.example(row)


def _conversations(example: Example) -> tuple[Example, Example]:
    def ending(*answer: Any) -> Example:
        return Example(
            (*example.prompt, *answer),
            tools=example.tools,
            parallel_tool_calls=example.parallel_tool_calls,
        )

    return ending(*example.messages[len(example.prompt) :]), ending(*example.rejected)


def _one(example: Example, renderer: Renderer) -> Rendered:
    (sequence,) = rendered(example, renderer, "last")
    return sequence


def _answer_tokens(sequence: Rendered) -> int:
    return sum(label != IGNORED for label in sequence.labels[1:])
