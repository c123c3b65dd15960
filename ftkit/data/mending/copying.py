"""One pass from the old file to the new: each row's own bytes, or its mended ones, or a line in the log that it is dropped."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from ftkit.data.example import digest_of
from ftkit.data.mending.json_text import with_texts
from ftkit.data.mending.mends import BYTE_ORDER_MARK, EQUAL_ROWS, UNREADABLE_ROWS, Mend
from ftkit.data.mending.notes import Change, excerpts, withheld
from ftkit.data.mending.packing import Sink
from ftkit.data.mending.places import written
from ftkit.data.mending.rows import MendedRow, MendedText, RowMender
from ftkit.data.mending.splicing import Cut, cuts, opened
from ftkit.data.mending.table_text import as_read, with_cells
from ftkit.data.reading.dialect import delimiter
from ftkit.data.reading.files import endings
from ftkit.data.reading.records import Reading, Record
from ftkit.data.reading.text import UTF8_MARK
from ftkit.errors import DataError, Fault

_KEPT = 10  # changes that are shown


@dataclass(slots=True)
class Written:
    """What a pass did so far. `sha256_of_rows` is over the rows as a reader gives them."""

    rows: int = 0
    changed: int = 0
    dropped: int = 0
    mends: Counter[str] = field(default_factory=Counter)
    first: list[Change] = field(default_factory=list)
    sha256_of_rows: str = ""


class Copy:
    """How a file is copied; `write` makes the pass."""

    def __init__(
        self,
        path: Path,
        mender: RowMender,
        wanted: Collection[str],
        *,
        drop_mark: bool,
        drop_duplicates: bool,
        drop_unreadable: bool,
    ) -> None:
        self._path, self._mender, self._wanted = path, mender, wanted
        self._suffix = endings(path)[0]
        self._drop_mark, self._drop_unreadable = drop_mark, drop_unreadable
        # of each row that was kept: its number and a hash of its bytes, by what it teaches
        self._known: dict[bytes, tuple[int, bytes]] | None = {} if drop_duplicates else None
        self._separator = ","

    def write(self, reading: Reading, into: Sink, log: Sink) -> Written:
        """Copy all rows. Raises DataError for what cannot be dropped, and what the reader raises."""
        done, total = Written(), hashlib.sha256()
        with opened(self._path) as text:
            if self._suffix in (".csv", ".tsv"):
                self._separator = self._delimiter(text.head[text.start :])
            if text.start:
                self._begin(into, log, done)
            any_written = False
            for number, cut in enumerate(cuts(reading, text, self._suffix)):
                if cut.row is None:
                    into.write(cut.gap)
                    break
                done.rows += 1
                if number == 0:
                    into.write(cut.gap)
                kept = self._row(cut, log, done)
                if kept is None:
                    done.dropped += 1
                    continue
                data, read = kept
                if any_written:
                    into.write(cut.gap)
                into.write(data)
                total.update(read + b"\n")
                any_written = True
        if not any_written:
            raise DataError(f"{self._path}: no row would be left")
        done.sha256_of_rows = total.hexdigest()
        return done

    def _delimiter(self, head: bytes) -> str:
        usual = "\t" if self._suffix == ".tsv" else ","
        return delimiter(head, usual, self._wanted)  # as the reader finds it

    def _begin(self, into: Sink, log: Sink, done: Written) -> None:
        if not self._drop_mark:
            into.write(UTF8_MARK)
            return
        _note(_about(BYTE_ORDER_MARK, None, "a byte order mark began the file"), log, done)

    def _row(self, cut: Cut, log: Sink, done: Written) -> tuple[bytes, bytes] | None:
        """A row's bytes in the file and as a reader gives them; None where it is dropped."""
        record = cut.record
        faults = cut.faults
        if record is not None and self._drop_unreadable:  # else the rows have been judged already
            faults = tuple(self._mender.format.faults(record.values))
        if record is None or faults:
            self._drop(cut, faults, log, done)
            return None
        row = self._mender.mend(record.values)
        if self._known is not None and self._is_known(cut, row, self._known, log, done):
            return None
        if not row.texts:
            return cut.data, record.data
        done.changed += 1
        for one in row.texts:
            for change in _changes(record, one):
                _note(change, log, done)
        if self._suffix in (".csv", ".tsv"):
            data = with_cells(cut.data, self._separator, record.values, row.edits)
            return data, as_read(row.values)
        data = with_texts(cut.data, row.edits)
        return data, data

    def _drop(self, cut: Cut, faults: tuple[Fault, ...], log: Sink, done: Written) -> None:
        if not self._drop_unreadable:  # somebody wrote to the file since it was judged
            raise DataError(f"{self._path}: a row cannot be read", faults)
        reasons = "; ".join(
            f"{one.field}: {one.reason}" if one.field else one.reason for one in faults[:5]
        )
        _note(_about(UNREADABLE_ROWS, cut, withheld(reasons) or reasons, cut.data), log, done)

    def _is_known(
        self,
        cut: Cut,
        row: MendedRow,
        known: dict[bytes, tuple[int, bytes]],
        log: Sink,
        done: Written,
    ) -> bool:
        assert cut.row is not None
        teaches = bytes.fromhex(digest_of(self._mender.format.example(row.values)))[:16]
        bytes_of = hashlib.sha256(cut.data).digest()[:16]
        first, same = known.setdefault(teaches, (cut.row, bytes_of))
        if first == cut.row:
            return False
        # what differs stands in columns that are not trained on: it is kept in the log
        data = None if same == bytes_of else cut.data
        _note(_about(EQUAL_ROWS, cut, f"equal to row {first}", data), log, done)
        return True


def _changes(record: Record, one: MendedText) -> list[Change]:
    hidden = withheld(one.before, one.after)
    found = []
    for step in one.steps:
        at, before, after = excerpts(step.before, step.after)
        found.append(
            Change(
                record.row,
                record.line,
                written(one.path),
                step.mend.name,
                step.mend.code,
                at,
                hidden or before,
                hidden or after,
            )
        )
    return found


def _about(mend: Mend, cut: Cut | None, detail: str, data: bytes | None = None) -> Change:
    row, line, offset = (None, None, None) if cut is None else (cut.row, cut.line, cut.offset)
    return Change(row, line, None, mend.name, mend.code, None, "", "", detail, offset, data)


def _note(change: Change, log: Sink, done: Written) -> None:
    done.mends[change.mend] += 1
    if len(done.first) < _KEPT:
        done.first.append(change)
    log.write(change.to_line())
