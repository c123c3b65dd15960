"""Wire rows to token ids with labels. Every row that cannot be trained on is named before the first step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ftkit.data.example import Example
from ftkit.data.formats.turns import row_faults, rows_tools, turn_faults, turns
from ftkit.data.tokens import IGNORED, Renderer, rendered
from ftkit.errors import DataError, Fault, StorageError
from ftkit_local.trainer.spec import SpecFile

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """One training sequence and the 1-based row of the file it came from."""

    number: int
    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def length(self) -> int:
        """Tokens of the sequence."""
        return len(self.ids)

    @property
    def tokens(self) -> int:
        """The same: nothing of it is padding."""
        return len(self.ids)

    @property
    def weight(self) -> int:
        """Tokens that are learned: the first has nothing before it to be predicted from."""
        return sum(label != IGNORED for label in self.labels[1:])

    @property
    def trained(self) -> int:
        """The same: each learned token weighs 1."""
        return self.weight


def read_rows(
    file: SpecFile, renderer: Renderer, *, train_on: str, max_length: int
) -> list[TrainingRow]:
    """All sequences of a file in order; raises one DataError with every bad row, StorageError if the file changed."""

    def sequences(number: int, line: bytes) -> list[TrainingRow]:
        found = [
            TrainingRow(number, one.ids, one.labels)
            for one in rendered(_example(parsed(line)), renderer, train_on)
        ]
        fault = _fault(found, max_length)
        if fault is not None:
            raise DataError(fault)
        return found

    return rows_of(file, sequences)


def rows_of(file: SpecFile, made: Callable[[int, bytes], Sequence[T]]) -> list[T]:
    """What is `made` of each row's number and line; raises one DataError with every row that raised one."""
    try:
        content = file.path.read_bytes()
    except OSError as error:
        raise StorageError(f"{file.path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise StorageError(
            f"{file.path} is not the file that the run was prepared with; submit again"
        )
    rows: list[T] = []
    faults: list[Fault] = []
    numbered = [(n, line) for n, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    for number, line in numbered:
        try:
            rows.extend(made(number, line))
        except DataError as error:
            faults.append(Fault(str(error), row=number))
    if faults:
        raise DataError(f"{len(faults)} of {len(numbered)} rows cannot be trained on", faults)
    if not rows:
        raise DataError(f"{file.path}: there are no rows in it")
    return rows


def parsed(line: bytes) -> Mapping[str, Any]:
    """The JSON object of a line; raises DataError for anything else."""
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataError("not a JSON object")
    return row


def too_long(tokens: int, max_length: int) -> str:
    """What is wrong with a row of so many tokens."""
    return f"{tokens} tokens are more than max_length {max_length}; raise max_length or shorten the row"


def _example(row: Mapping[str, Any]) -> Example:
    if "messages" not in row:
        raise DataError('not a row of the form {"messages": [{"role", "content"}, ...]}')
    messages = row["messages"]
    faults = [*turn_faults(messages, "messages"), *row_faults(row)]
    if faults:
        raise DataError("; ".join(map(str, faults)))
    return Example(
        turns(messages),
        tools=rows_tools(row),
        parallel_tool_calls=row.get("parallel_tool_calls"),
    )


def _fault(sequences: Sequence[TrainingRow], max_length: int) -> str | None:
    longest = max((len(row.ids) for row in sequences), default=0)
    if longest > max_length:
        return too_long(longest, max_length)
    if not sequences or any(row.weight == 0 for row in sequences):
        return "there is no token to learn in it; give it an answer, or change train_on"
    return None
