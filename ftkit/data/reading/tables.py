"""Parquet and Arrow files, batch by batch, through pyarrow. There are no lines and no offsets in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftkit.errors import DataError, NotInstalled

SUFFIXES = (".parquet", ".arrow", ".feather")
_ROWS = 256  # of one batch; with images inside, rows are megabytes


def read_table(path: Path) -> Iterator[dict[str, Any]]:
    """The rows as dicts. Raises DataError where the file is no such table, NotInstalled without pyarrow."""
    try:
        import pyarrow
    except ImportError as error:
        raise NotInstalled(
            f"files named {path.suffix} are read with the package pyarrow: pip install 'ftkit[data]'"
        ) from error
    try:
        for batch in _batches(path):
            for first in range(0, batch.num_rows, _ROWS):
                yield from batch.slice(first, _ROWS).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        said = str(error).strip().split("\n")[0][:200]
        raise DataError(
            f"it cannot be read as a table of Arrow or Parquet ({said}); fetch or write it again"
        ) from error


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
