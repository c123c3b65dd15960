"""Parquet and Arrow files, batch by batch, through pyarrow. There are no lines and no offsets in them.

JSON knows no dates and no decimal fractions: columns of these become text, 2026-11-24 09:30:00 or 12.50, which loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftkit.errors import DataError, Fault, NotInstalled

SUFFIXES = (".parquet", ".arrow", ".feather")
_ROWS = 256  # of one batch; with images inside, rows are megabytes


def read_table(path: Path) -> Iterator[dict[str, Any] | Fault]:
    """The rows as dicts, or a fault without its place for one that is no text or no value of Python's.

    Raises DataError where the file is no such table or names a column twice, NotInstalled without pyarrow.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise NotInstalled(
            f"files named {path.suffix} are read with the package pyarrow: pip install 'ftkit[data]'"
        ) from error
    try:
        for batch in _batches(path):
            _refuse_twins(batch.schema.names)
            batch = _as_text(batch)
            for first in range(0, batch.num_rows, _ROWS):
                yield from _rows(batch.slice(first, _ROWS))
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        said = str(error).strip().split("\n")[0][:200]
        raise DataError(
            f"it cannot be read as a table of Arrow or Parquet ({said}); fetch or write it again"
        ) from error


def _refuse_twins(names: list[str]) -> None:
    """Raise for a name that stands twice: as a dict, a row would keep only the last of the two values."""
    for position, name in enumerate(names):
        if name in names[:position]:
            raise DataError(f"the table names the column {name!r} twice; rename one")


def _as_text(batch: Any) -> Any:
    """The batch with text in the columns of dates, times and decimal fractions."""
    from pyarrow import string, types

    for position, field in enumerate(batch.schema):
        kind = field.type
        if (
            types.is_date(kind)
            or types.is_time(kind)
            or types.is_timestamp(kind)
            or types.is_decimal(kind)
        ):
            column = batch.column(position).cast(string())
            batch = batch.set_column(position, field.name, column)
    return batch


def _rows(part: Any) -> list[dict[str, Any] | Fault]:
    """All at once, or one by one where a value of some row is damaged.

    Arrow itself looks at nothing: reading a damaged place of a text may end the whole process.
    """
    try:
        part.validate(full=True)
        return list(part.to_pylist())
    except (ValueError, OverflowError):
        return [_row(part, index) for index in range(part.num_rows)]


def _row(part: Any, index: int) -> dict[str, Any] | Fault:
    values: dict[str, Any] = {}
    for name, column in zip(part.schema.names, part.columns, strict=True):
        one = column.slice(index, 1)
        try:
            one.validate(full=True)
            values[name] = one[0].as_py()
        except (ValueError, OverflowError) as error:  # what Arrow raises is a ValueError too
            if "UTF8" in str(error):
                return Fault("invalid UTF-8; write the table with texts in UTF-8", field=name)
            return Fault(f"the value is damaged or none of Python's: {error}", field=name)
    return values


def _batches(path: Path) -> Iterator[Any]:
    import pyarrow
    import pyarrow.parquet

    if path.suffix.lower() == ".parquet":
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
            yield from file.iter_batches(batch_size=_ROWS)
        return
    with pyarrow.OSFile(str(path), "rb") as opened:
        try:
            table = pyarrow.ipc.open_file(opened)
        except pyarrow.ArrowInvalid:  # the stream form, as the cache files of `datasets` have it
            opened.seek(0)
            yield from pyarrow.ipc.open_stream(opened)
            return
        for number in range(table.num_record_batches):
            yield table.get_batch(number)
