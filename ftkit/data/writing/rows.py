"""The rows of a data set into a file: each is written whole or refused, and the file is read again before it gets its name.

Two passes over the rows and one over the file, three and one for tables, as their header needs the columns of all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ftkit.data.dataset import Dataset
from ftkit.data.example import Example
from ftkit.data.formats import Format, row_of
from ftkit.data.loading import read_rows
from ftkit.data.reading.fault_log import FaultLog, refusal
from ftkit.data.storage import Row
from ftkit.data.writing.json_rows import objects
from ftkit.data.writing.packing import packed
from ftkit.data.writing.tables import cell_faults, lines
from ftkit.data.writing.targets import Target, target
from ftkit.errors import DataError, Fault
from ftkit.whole_files import WholeFile, whole_files

_ABSENT = object()


def write(parts: Sequence[tuple[Path, Dataset]], format: Format, *, force: bool = False) -> None:
    """Each file holds its rows at the end, or none is there: all are written and read again before one gets its name.

    Raises DataError naming every row that the format or the kind of file cannot carry, ConfigError for an unknown ending or
    one file for two parts, StorageError where a file is there (without `force`) or cannot be written, NotInstalled for .zst
    without its package.
    """
    goals = [target(path) for path, _ in parts]
    for _, data in parts:
        if not len(data):
            raise DataError(f"{data.source} has no rows to write")
    with whole_files([path for path, _ in parts], force=force) as files:
        for file, goal, (_, data) in zip(files, goals, parts, strict=True):
            _fill(file, data, goal, format)
            _read_again(file.hidden, data, goal, format)


def _fill(file: WholeFile, data: Dataset, goal: Target, format: Format) -> None:
    with packed(file, goal.packing) as sink:
        for piece in _pieces(data, goal, format):
            sink.write(piece)
    file.flush()


def _pieces(data: Dataset, goal: Target, format: Format) -> Iterator[bytes]:
    """The text of the file. Once a row is refused the others are only judged."""
    log = FaultLog()
    separator = goal.separator
    rows = _rows(data, format, separator is not None, log)
    if separator is not None:
        columns = dict.fromkeys(name for row in rows for name in row)
        _refuse(data, goal, format, log)
        yield from lines(_rows(data, format, True, log), columns, separator)
    else:
        yield from objects(rows, goal.suffix == ".json")
    _refuse(data, goal, format, log)


def _rows(data: Dataset, format: Format, flat: bool, log: FaultLog) -> Iterator[dict[str, Any]]:
    for example, place in zip(data, data.rows, strict=True):
        try:
            row = row_of(example, format)
            faults = list(cell_faults(row)) if flat else []
        except DataError as error:
            faults = list(error.faults)
        for fault in faults:
            log.add(_placed(fault, place))
        if not log.rows:
            yield row


def _read_again(hidden: Path, data: Dataset, goal: Target, format: Format) -> None:
    """Raise where a row does not come back from the file as it was."""
    log = FaultLog()
    try:
        pairs = zip_longest(data, data.rows, read_rows(hidden, (format,)))
        for example, place, found in pairs:
            if place is None:
                raise DataError(f"{goal.path}: more rows would be read again than were written")
            faults = _changes(example, found, format)
            for fault in faults:
                log.add(_placed(fault, place))
    except DataError as error:
        if str(hidden) not in error.message:  # it is about the source
            raise
        message = error.message.replace(str(hidden), str(goal.path))
        raise DataError(
            f"what was written would not be read again: {message}", error.faults
        ) from error
    _refuse(data, goal, format, log)


def _changes(example: Example, found: Any, format: Format) -> Iterator[Fault]:
    if found is None or isinstance(found, Fault):
        yield Fault("is not read again" + (f": {found.reason}" if found else ""))
        return
    faults = list(format.faults(found.values))
    yield from faults
    if faults:
        return
    again = format.example(found.values)
    if not _same(again, example):
        yield Fault("would not be the same when it is read again", field=_changed(example, again))


def _same(one: Example, other: Example) -> bool:
    """JSON values are not compared by ==, for which 1, 1.0 and true are the same. Only the order of columns is no content."""
    return (one.messages, one.rejected) == (other.messages, other.rejected) and _json(one) == _json(
        other
    )


def _json(example: Example) -> str:
    return repr((sorted(example.fields.items()), example.tools, example.parallel_tool_calls))


def _changed(was: Example, now: Example) -> str | None:
    """Where, if that can be said."""
    for name in {**was.fields, **now.fields}:
        if repr(was.fields.get(name, _ABSENT)) != repr(now.fields.get(name, _ABSENT)):
            return name
    for index, (one, other) in enumerate(zip(was.messages, now.messages, strict=False)):
        if one != other:
            return f"messages[{index}]"
    return None


def _refuse(data: Dataset, goal: Target, format: Format, log: FaultLog) -> None:
    if log.rows:
        message = (
            f"{data.source}: {log.rows:,} of {len(data):,} rows cannot be written as {format.name!r} to "
            f"{goal.path}; nothing was written"
        )
        raise refusal(message, [log])


def _placed(fault: Fault, place: Row) -> Fault:
    return replace(fault, row=place.number, line=place.line, offset=place.offset)
