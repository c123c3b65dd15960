"""`fix`: a file is read, mended row by row into a new one, and the new one read again before it gets its name.

The original stays as it is. Each pass reads the file anew, so what is in memory does not grow with it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftkit.data.formats import Format, candidates
from ftkit.data.loading import load, read_rows
from ftkit.data.mending.copying import Copy, Written
from ftkit.data.mending.fixed import Fixed
from ftkit.data.mending.mends import MENDS, Mend, chosen
from ftkit.data.mending.packing import Sink
from ftkit.data.mending.rows import RowMender
from ftkit.data.mending.spelling import usual_spelling
from ftkit.data.reading import tables
from ftkit.data.reading.fault_log import FaultLog
from ftkit.data.reading.files import endings
from ftkit.data.tally import Contested, Tally
from ftkit.errors import ConfigError, DataError, Fault, StorageError
from ftkit.whole_files import refuse_taken, whole_files


def mend_file(
    source: str | Path,
    out: str | Path | None = None,
    *,
    only: Sequence[str] | None = None,
    skip: Sequence[str] | None = None,
    drop_duplicates: bool = False,
    drop_unreadable: bool = False,
    log: str | Path | None = None,
    force: bool = False,
    **options: str | None,
) -> Fixed:
    """Mend a file of rows into `out`, which is of the same kind; without `out` say what would change.

    `options` are those of `load`. Raises DataError as `load` does, ConfigError for options that cannot be meant, and
    StorageError where a file is there already or cannot be written; then everything is as it was.
    """
    if not isinstance(source, str | Path):
        raise ConfigError("fix takes the path of a file; rows in memory are mended with .map()")
    path = Path(source)
    mends = chosen(only, skip)
    target, notes = _targets(path, out, log)
    for taken in (target, notes):  # said before all is read
        if taken is not None:
            refuse_taken(taken, force)
    formats = candidates(**{**_NO_OPTIONS, **options})
    before, stamp = _hash(path), _stamp(path)
    format = _format(path, formats, options, drop_unreadable)
    mender = RowMender(format, mends)
    if any(mend.place == "label" for mend in mends):
        mender = RowMender(format, mends, _spelling(path, formats, mender))
    copy = Copy(
        path,
        mender,
        {column for one in formats for column in one.wants},
        drop_mark=_drops_mark(path, mends, only),
        drop_duplicates=drop_duplicates,
        drop_unreadable=drop_unreadable,
    )

    def fixed(done: Written, sha256: str) -> Fixed:
        if _stamp(path) != stamp:
            raise DataError(f"{path}: the file changed while it was read; mend it again")
        names = [*(mend.name for mend in MENDS), *done.mends]
        counts = {name: done.mends[name] for name in dict.fromkeys(names) if done.mends[name]}
        return Fixed(
            path, target, notes, format.name, done.rows, done.changed, done.dropped, counts,
            tuple(done.first), before, sha256,
        )  # fmt: skip

    packing = endings(path)[1]
    if target is None or notes is None:
        into = Sink(None, packing)
        done = copy.write(read_rows(path, formats), into, Sink(None, ""))
        return fixed(done, into.finish())
    # what only its owner may read stays so
    mode = stat.S_IMODE(path.stat().st_mode) & 0o666 | 0o600
    with whole_files((notes, target), force=force, mode=mode) as (log_file, file):
        into, told = Sink(file, packing), Sink(log_file, "")
        done = copy.write(read_rows(path, formats), into, told)
        told.finish()
        result = fixed(done, into.finish())
        _read_again(file.hidden, target, formats, done)
    return result


_NO_OPTIONS: dict[str, Any] = dict.fromkeys(("format", "prompt", "completion", "system"))


def _targets(
    path: Path, out: str | Path | None, log: str | Path | None
) -> tuple[Path | None, Path | None]:
    """Where to write rows and log; neither may be the source, under whatever name."""
    suffix, packing = endings(path)
    if suffix in tables.SUFFIXES:
        raise DataError(
            f"{path}: a table is not mended as it stands; `ftkit convert` writes it as .jsonl"
        )
    if out is None:
        if log is not None:
            raise ConfigError("log= is for a file that is written: name it with out=")
        return None, None
    target = Path(out)
    if endings(target) != (suffix, packing):
        raise ConfigError(
            f"{target} must end as {path} does: a file stays of its kind; `ftkit convert` makes another of it"
        )
    notes = Path(log) if log is not None else target.with_name(target.name + ".fixes.jsonl")
    for one, what in ((target, "the new file"), (notes, "the log")):
        if _same(one, path):
            raise ConfigError(
                f"{what} would be {path} itself: mending leaves the original as it is, also with force; name another file"
            )
    if _same(target, notes):
        raise ConfigError(f"the new file and the log cannot both be {target}")
    return target, notes


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def _format(
    path: Path, formats: Sequence[Format], options: dict[str, Any], drop_unreadable: bool
) -> Format:
    """The format of the rows; raises what `load` would raise of them, unless bad rows are to be dropped."""
    try:
        tally, unreadable = _tallied(path, formats, awake=False)
    except Contested:
        tally, unreadable = _tallied(path, formats, awake=True)
    if not tally.rows:
        load(path, **options)
        raise DataError(f"{path} has no rows")
    return tally.fitting_most() if drop_unreadable else tally.choice(unreadable)[0]


def _tallied(path: Path, formats: Sequence[Format], *, awake: bool) -> tuple[Tally, FaultLog]:
    unreadable, tally = FaultLog(), Tally(str(path), formats, awake=awake)
    for item in read_rows(path, formats):
        if isinstance(item, Fault):
            unreadable.add(item)
        else:
            tally.see(item)
    return tally, unreadable


def _spelling(path: Path, formats: Sequence[Format], mender: RowMender) -> dict[str, str]:
    format = mender.format
    return usual_spelling(
        [
            format.example(mender.mend(item.values).values)
            for item in read_rows(path, formats)
            if not isinstance(item, Fault) and not any(True for _ in format.faults(item.values))
        ]
    )


def _drops_mark(path: Path, mends: Sequence[Mend], only: Sequence[str] | None) -> bool:
    """A byte order mark has no place in JSON; of a table spreadsheets tell by it that it is UTF-8: there only if named."""
    named = any(mend.place == "file" for mend in mends)
    return named and (only is not None or endings(path)[0] in (".jsonl", ".json"))


def _read_again(hidden: Path, target: Path, formats: Sequence[Format], done: Written) -> None:
    """Read what was written, row by row: it must be what was meant."""
    total, rows = hashlib.sha256(), 0
    for item in read_rows(hidden, formats):
        if isinstance(item, Fault):
            raise StorageError(f"{target} does not read back as it was written: {item}")
        rows += 1
        total.update(item.data + b"\n")
    if rows != done.rows - done.dropped or total.hexdigest() != done.sha256_of_rows:
        raise StorageError(f"{target} does not read back as it was written; nothing was changed")


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, IsADirectoryError):
        next(read_rows(path, ()), None)  # says it in the words of `load`
        raise
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino
