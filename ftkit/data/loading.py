"""`load`: one strict pass over whatever holds rows, one DataError that names every bad row.

The format is decided after the pass, from the keys of all rows; until then each format that is still possible judges
every row as it goes by.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ftkit.data.dataset import Dataset, Row, sha256
from ftkit.data.delimited import read_delimited
from ftkit.data.fault_log import FaultLog, refusal
from ftkit.data.formats import Chat, Format, candidates
from ftkit.data.in_memory import read_objects
from ftkit.data.json_array import read_json_array
from ftkit.data.jsonl import read_jsonl
from ftkit.data.records import Reading, Record
from ftkit.data.strict_json import check_text
from ftkit.errors import ConfigError, DataError, Fault, NotFound, StorageError
from ftkit.words import nearest

SUFFIXES = (".jsonl", ".json", ".csv", ".tsv")
_UTF8_MARK = b"\xef\xbb\xbf"


def load(
    source: str | Path | Iterable[Any] | Dataset,
    *,
    format: str | None = None,
    prompt: str | None = None,
    completion: str | None = None,
    system: str | None = None,
) -> Dataset:
    """The rows of a file (.jsonl, .json, .csv, .tsv, each also .gz), a list of dicts or a Hugging Face data set.

    `format` is chat or prompt_completion, detected where left out; `prompt` and `completion` name the two columns;
    `system` is added to every row that has no system message. A Dataset comes back as it is. Raises DataError with
    `.faults` for bad rows, NotFound where the file is missing, ConfigError for options that cannot be meant.
    """
    if isinstance(source, Dataset):
        if any(option is not None for option in (format, prompt, completion, system)):
            raise ConfigError(
                f"{source.source} is loaded already: its format, columns and system message are "
                "settled; pass the file to load it in another way, or use .map()"
            )
        return source
    if system is not None:
        try:
            check_text(system, None)
        except DataError as error:
            raise ConfigError(f"system=: {error.message}") from error
    formats = candidates(format, prompt, completion, system)
    if isinstance(source, str | Path):
        path = Path(source)
        origin, name = str(source), path.name.split(".")[0] or path.name
        return _collect(origin, name, _read(path, origin, formats), formats)
    return _collect(*_in_memory(source), formats)


def _body(path: Path) -> bytes:
    name = path.name.lower()
    packed = name.endswith(".gz")
    if not name.removesuffix(".gz").endswith(SUFFIXES):
        raise DataError(
            f"{path}: a data file is named {', '.join(SUFFIXES)}, each also with .gz behind it"
        )
    try:
        body = path.read_bytes()
    except FileNotFoundError as error:
        folder = path.parent
        beside = [p.name for p in folder.iterdir() if p.is_file()] if folder.is_dir() else []
        hint = nearest(path.name, [b for b in beside if b.lower().endswith((*SUFFIXES, ".gz"))])
        raise NotFound(f"there is no file {path}{hint}") from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder; name one file in it") from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    if not packed:
        if body.startswith(b"\x1f\x8b"):
            raise DataError(f"{path} is compressed with gzip; name it {path.name}.gz")
        return body
    try:
        return gzip.decompress(body)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: the gzip file is cut or damaged ({error}); fetch or write it again"
        ) from error


def _read(path: Path, origin: str, formats: tuple[Format, ...]) -> Reading:
    """The rows of a file; an error about the whole file gets its name in front."""
    body = _body(path)
    start = len(_UTF8_MARK) if body.startswith(_UTF8_MARK) else 0
    name = path.name.lower().removesuffix(".gz")
    try:
        if body.startswith((b"\xff\xfe", b"\xfe\xff")):
            reason = "the file is UTF-16; save it as UTF-8"
            raise DataError(reason, [Fault(reason, row=1, line=1, offset=0)])
        if name.endswith(".jsonl"):
            yield from read_jsonl(body, start)
        elif name.endswith(".json"):
            yield from read_json_array(body, start)
        else:
            lists = Chat.wants if any(isinstance(format, Chat) for format in formats) else ()
            delimiter = "\t" if name.endswith(".tsv") else ","
            yield from read_delimited(body, start, delimiter, json_columns=lists)
    except DataError as error:
        raise DataError(f"{origin}: {error.message}", error.faults) from error


def _in_memory(source: Any) -> tuple[str, str, Reading]:
    columns = getattr(source, "column_names", None)
    if isinstance(columns, dict):
        raise DataError(
            f"this holds several splits ({', '.join(map(str, columns))}); pass one of them"
        )
    if hasattr(source, "column_names"):
        name = getattr(getattr(source, "info", None), "dataset_name", None) or "dataset"
        return f"the data set {name!r}", str(name), read_objects(source)
    if isinstance(source, list | tuple):
        return "the list of rows", "rows", read_objects(source)
    raise ConfigError(
        "load takes a path, a list of dicts, a Hugging Face data set or a Dataset, not "
        f"{type(source).__name__}; a table gives its rows as a list of dicts "
        "(pandas: frame.to_dict('records'))"
    )


class _Tally:
    """What one possible format thinks of the rows so far."""

    def __init__(self, format: Format) -> None:
        self.format = format
        self.fitting = 0
        self.log = FaultLog()

    def see(self, record: Record) -> None:
        self.fitting += all(key in record.values for key in self.format.wants)
        for fault in self.format.faults(record.values):
            self.log.add(Fault(fault.reason, record.row, record.line, record.offset, fault.field))


def _collect(source: str, name: str, reading: Reading, formats: tuple[Format, ...]) -> Dataset:
    unreadable = FaultLog()
    tallies = [_Tally(format) for format in formats]
    rows: list[Row] = []
    records: list[bytes] = []
    keys: dict[str, None] = {}
    for item in reading:
        if isinstance(item, Fault):
            unreadable.add(item)
            continue
        keys.update(dict.fromkeys(item.values))
        for tally in tallies:
            tally.see(item)
        rows.append(Row(item.row, item.line, item.offset, sha256(item.data)))
        records.append(item.data)
    if not rows and not unreadable.rows:
        raise DataError(f"{source} has no rows")
    if not rows:
        raise refusal(f"{source}: none of {unreadable.rows:,} rows can be read", [unreadable])
    tally = _choose(source, tallies, list(keys), unreadable)
    if unreadable.rows or tally.log.rows:
        bad, total = unreadable.rows + tally.log.rows, len(rows) + unreadable.rows
        message = f"{source}: {bad:,} of {total:,} rows cannot be used as {tally.format.name!r}"
        raise refusal(message, [unreadable, tally.log])
    extra = tuple(key for key in keys if key not in tally.format.reads)
    return Dataset(source, name, tally.format, tuple(rows), tuple(records), extra)


def _choose(source: str, tallies: list[_Tally], keys: list[str], unreadable: FaultLog) -> _Tally:
    """The format that fits most rows; a tie, or none at all, is an error."""
    if len(tallies) == 1:
        for column in tallies[0].format.wants:
            if column not in keys:
                raise refusal(
                    f"{source}: there is no column {column!r}{nearest(column, keys)}", [unreadable]
                )
        return tallies[0]
    best = max(tally.fitting for tally in tallies)
    if best == 0:
        semicolons = len(keys) == 1 and ";" in keys[0]
        hint = " (its only column holds semicolons: separate the columns by commas)"
        raise refusal(
            f"{source}: no known format: its rows have the columns {', '.join(keys) or 'none'}"
            f"{hint if semicolons else ''}; pass prompt= and completion= to name the two to learn "
            "from, or give each row a list 'messages'",
            [unreadable],
        )
    fitting = [tally for tally in tallies if tally.fitting == best]
    if len(fitting) > 1:
        names = " and ".join(repr(tally.format.name) for tally in fitting)
        raise DataError(
            f"{source}: {best:,} rows fit {names} equally; say which is meant with format="
        )
    return fitting[0]
