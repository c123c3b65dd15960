"""A file by its name: which reader it gets, and what is said where the name and the content do not go together."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from ftkit.data.in_memory import read_objects
from ftkit.data.reading import tables
from ftkit.data.reading.delimited import read_delimited
from ftkit.data.reading.json_array import read_json_array
from ftkit.data.reading.jsonl import read_jsonl
from ftkit.data.reading.records import Reading
from ftkit.data.reading.strangers import stranger
from ftkit.data.reading.text import Text, wide
from ftkit.errors import DataError, Fault, NotFound, StorageError
from ftkit.words import nearest

SUFFIXES = (".jsonl", ".json", ".csv", ".tsv")
PACKINGS = {".gz": "gzip", ".zst": "zstd"}
_MAGIC = {b"\x1f\x8b": ("gzip", ".gz"), b"\x28\xb5\x2f\xfd": ("Zstandard", ".zst")}


def in_place(path: Path) -> bool:
    """Whether the rows of this file are found again in it as they are."""
    return path.name.lower().endswith((".jsonl", ".json")) and path.is_file()


def endings(path: Path) -> tuple[str, str]:
    """What its name says: the kind of file, such as .jsonl, and what it is packed in ("" for nothing)."""
    name = path.name.lower()
    packing = next((PACKINGS[end] for end in PACKINGS if name.endswith(end)), "")
    return (Path(name).suffix if not packing else Path(Path(name).stem).suffix), packing


def read_file(path: Path, wanted: Collection[str], json_columns: Collection[str]) -> Reading:
    """Every row or its fault, in order; an error about the whole file gets its name in front.

    `wanted` are columns that a table may have, `json_columns` those whose cells may hold JSON.
    """
    suffix, packing = endings(path)
    if suffix not in SUFFIXES and (packing or suffix not in tables.SUFFIXES):
        raise DataError(
            f"{path}: a data file is named {', '.join(SUFFIXES)}, each also with .gz or .zst behind it, or "
            f"{', '.join(tables.SUFFIXES)}"
        )
    try:
        with _opened(path) as file:
            before = _stamp(file)
            if suffix in tables.SUFFIXES:
                yield from read_objects(tables.read_table(path))
            else:
                if packing and file.seekable():
                    _refuse_unpacked(file, path)
                text = Text(file, packing)
                _refuse_strange(text, path, packing)
                yield from _rows(text, suffix, wanted, json_columns)
            if _stamp(file) != before:
                raise DataError(
                    "the file changed while it was read; load it again when it is written"
                )
    except DataError as error:
        raise DataError(f"{path}: {error.message}", error.faults) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error


def _rows(
    text: Text, suffix: str, wanted: Collection[str], json_columns: Collection[str]
) -> Reading:
    if suffix == ".jsonl":
        return read_jsonl(text)
    if suffix == ".json":
        return read_json_array(text)
    return read_delimited(text, "\t" if suffix == ".tsv" else ",", wanted, json_columns)


def _stamp(file: BinaryIO) -> tuple[int, int]:
    """Another one when somebody has written to the file."""
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb", buffering=0)
    except FileNotFoundError as error:
        folder = path.parent
        beside = [p.name for p in folder.iterdir() if p.is_file()] if folder.is_dir() else []
        known = (*SUFFIXES, *PACKINGS, *tables.SUFFIXES)
        hint = nearest(path.name, [b for b in beside if b.lower().endswith(known)])
        raise NotFound(f"there is no file {path}{hint}") from error
    except IsADirectoryError as error:
        raise DataError("it is a folder; name one file in it") from error


def _refuse_unpacked(file: BinaryIO, path: Path) -> None:
    """Raise for rows that somebody has unpacked already, as browsers do, under the name of the packed file."""
    begins = file.read(1)
    file.seek(0)
    if begins in (b"{", b"["):
        raise DataError(f"it is not compressed; name it {path.stem}")


def _refuse_strange(text: Text, path: Path, packing: str) -> None:
    """Raise for content that another name or another encoding would fit; loading it anyway would hide a mistake."""
    for magic, (what, ending) in _MAGIC.items():
        if not packing and text.head.startswith(magic):
            raise DataError(f"it is compressed with {what}; name it {path.name}{ending}")
    if (encoding := wide(text.head)) is not None:
        raise _whole(f"the file is {encoding}; save it as UTF-8")
    if (strange := stranger(text.head)) is not None:
        raise _whole(f"the file is {strange}")


def _whole(reason: str) -> DataError:
    return DataError(reason, [Fault(reason, row=1, line=1, offset=0)])
