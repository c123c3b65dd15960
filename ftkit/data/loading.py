"""`load`: one strict pass over whatever holds rows, one DataError that names every bad row.

The format is decided after the pass, from the keys of all rows; until then each format that is still possible judges
every row as it goes by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ftkit.data.dataset import Dataset
from ftkit.data.formats import Format, PromptCompletion, candidates, separators
from ftkit.data.in_memory import read_objects
from ftkit.data.reading.fault_log import FaultLog, refusal
from ftkit.data.reading.files import in_place, read_file
from ftkit.data.reading.records import Reading
from ftkit.data.storage import Writer
from ftkit.data.strict_json import check_text
from ftkit.data.tally import Contested, Tally
from ftkit.errors import ConfigError, DataError, Fault

_BATCH = 256  # rows that a Hugging Face data set is asked for at once


def load(
    source: str | Path | Iterable[Any] | Dataset,
    *,
    format: str | None = None,
    prompt: str | None = None,
    completion: str | None = None,
    system: str | None = None,
    strip_separators: bool | None = None,
) -> Dataset:
    """The rows of a file (.jsonl, .json, .csv, .tsv, each also .gz or .zst; .parquet, .arrow, .feather), a list of dicts
    or a Hugging Face data set. Rows of more than 8 MB together stay in their file and are read from it when they are used.

    `format` is chat, preference, chosen_rejected, alpaca, sharegpt, google, google_preference, bedrock, anthropic, transcript
    or prompt_completion (or a word of `formats.ALIASES`), detected where left out, and `.detected` says why;
    `prompt` and `completion` name the two columns; `system` is added to every row that has no system message;
    `strip_separators` takes off the ends that nearly all prompts and completions have (see `formats.separators`). A Dataset
    comes back as it is. Raises DataError with `.faults` for bad rows, NotFound where the file is missing, ConfigError for
    options that cannot be meant.
    """
    if isinstance(source, Dataset):
        options = (format, prompt, completion, system, strip_separators)
        if any(option not in (None, False) for option in options):
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
        name = path.name.split(".")[0] or path.name
        kept_in = path if in_place(path) else None
        data = _collect(str(source), name, lambda: read_rows(path, formats), formats, kept_in)
    else:
        data = _collect(*_in_memory(source), formats, None)
    return _stripped(data) if strip_separators else data


def _stripped(data: Dataset) -> Dataset:
    """The same rows, read without the ends that nearly all of them have."""
    layout = data.layout
    if not isinstance(layout, PromptCompletion):
        raise ConfigError(
            f"{data.source}: separators stand in rows of the format 'prompt_completion', these are {layout.name!r}; "
            "leave strip_separators= out"
        )
    found = separators((example.messages[-2].content, example.answer) for example in data)
    if not found:
        raise ConfigError(
            f"{data.source}: nearly all rows should have the separator that is to be stripped, and none is so common; "
            "leave strip_separators= out"
        )
    why = f"{data.detected}; stripped: {found}"
    read = replace(layout, strip=found)
    return Dataset(data.source, data.name, read, data.store, data.picks, data.columns, why)


def read_rows(path: Path, formats: Iterable[Format]) -> Reading:
    """The rows of a file as these formats want them, or their faults."""
    formats = tuple(formats)
    lists = {column for one in formats for column in one.json_columns}
    wanted = {column for one in formats for column in one.wants}
    return read_file(path, wanted, json_columns=lists)


def _in_memory(source: Any) -> tuple[str, str, Callable[[], Reading]]:
    columns = getattr(source, "column_names", None)
    if isinstance(columns, dict):
        raise DataError(
            f"this holds several splits ({', '.join(map(str, columns))}); pass one of them"
        )
    if hasattr(source, "column_names"):
        name = getattr(getattr(source, "info", None), "dataset_name", None) or "dataset"
        return f"the data set {name!r}", str(name), lambda: read_objects(_rows_of(source))
    if isinstance(source, list | tuple):
        return "the list of rows", "rows", lambda: read_objects(source)
    raise ConfigError(
        "load takes a path, a list of dicts, a Hugging Face data set or a Dataset, not "
        f"{type(source).__name__}; a table gives its rows as a list of dicts "
        "(pandas: frame.to_dict('records'))"
    )


def _rows_of(source: Any) -> Iterator[Any]:
    """The rows of a Hugging Face data set, by batches where it gives them: row by row is ten times slower."""
    if not callable(getattr(source, "iter", None)):
        yield from source
        return
    for batch in source.iter(batch_size=_BATCH):
        names = list(batch)
        for cells in zip(*batch.values(), strict=True):
            yield dict(zip(names, cells, strict=True))


def _collect(
    source: str,
    name: str,
    read: Callable[[], Reading],
    formats: tuple[Format, ...],
    path: Path | None,
) -> Dataset:
    """One pass, or two where formats contest the rows: `path` is the file in which the rows can be found again."""
    try:
        return _pass(source, name, read(), Tally(source, formats), path)
    except Contested:
        return _pass(source, name, read(), Tally(source, formats, awake=True), path)


def _pass(source: str, name: str, reading: Reading, tally: Tally, path: Path | None) -> Dataset:
    unreadable, kept = FaultLog(), Writer(path)
    for item in reading:
        if isinstance(item, Fault):
            unreadable.add(item)
            continue
        tally.see(item)
        if not unreadable.rows:
            kept.add(item.data, item.row, item.line, item.offset)
    if not tally.rows and not unreadable.rows:
        raise DataError(f"{source} has no rows")
    if not tally.rows:
        raise refusal(f"{source}: none of {unreadable.rows:,} rows can be read", [unreadable])
    format, detected = tally.choice(unreadable)
    extra = tuple(key for key in tally.keys if key not in format.reads)
    store = kept.store(source)
    return Dataset(source, name, format, store, range(len(store)), extra, detected)
