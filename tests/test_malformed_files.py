"""Files that are wrong in one known place: the reader names exactly that row, line and byte, and why. Legal oddities load."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from ftkit.data import check, load
from ftkit.data.reading import jsonl, text
from ftkit.data.storage import store
from ftkit.errors import DataError
from tests.faults import malformed_files as planter
from tests.faults.malformed_files import Planted, Said, complaints
from tests.faults.malformed_rows import BAD, good

BAD_LINES = list(planter.json_lines())
BAD_ELEMENTS = list(planter.arrays())
BAD_TABLE_ROWS = list(planter.tables())
BAD_FILES = list(planter.whole_files())
LEGAL = list(planter.legal_files())


def by_name(planted: Planted) -> str:
    return f"{planted.file}: {planted.name}"


def said_by_load(path: Path) -> Said:
    """What `load` makes of a file, and that every row of it can be used."""
    try:
        data = load(path)
        return Said(len(list(data)))
    except DataError as error:
        faults = [(f.row, f.line, f.offset, f.reason) for f in error.faults]
        return Said(None, faults)
    except Exception:  # noqa: BLE001 - a crash is what is judged
        return Said(None, traceback=traceback.format_exc())


@pytest.fixture(params=["in memory", "in the file"])
def kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are kept in memory, large ones stay where they are: the same must be said of both."""
    if request.param == "in the file":
        monkeypatch.setattr(store, "KEPT_IN_MEMORY", 0)


@pytest.mark.parametrize("block", [text.BLOCK, 7])
def test_every_bad_line_is_named_with_row_line_offset_and_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(text, "BLOCK", block)
    wrong = []
    for planted in BAD_LINES:
        if len(planted.body) < 100_000 or block > 7:
            wrong += complaints(planted, said_by_load(write(tmp_path, planted)))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("block", [text.BLOCK, 7])
def test_every_bad_element_of_an_array_is_named_with_row_line_offset_and_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(text, "BLOCK", block)
    wrong = []
    for planted in BAD_ELEMENTS:
        if len(planted.body) < 100_000 or block > 7:
            wrong += complaints(planted, said_by_load(write(tmp_path, planted)))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("planted", [*BAD_TABLE_ROWS, *BAD_FILES], ids=by_name)
def test_every_bad_file_is_named(tmp_path: Path, planted: Planted) -> None:
    assert complaints(planted, said_by_load(write(tmp_path, planted))) == []


def test_every_legal_oddity_loads(tmp_path: Path, kept: None) -> None:
    assert [c for p in LEGAL for c in complaints(p, said_by_load(write(tmp_path, p)))] == []


def test_an_object_over_several_lines_is_told_to_stand_on_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(good(1).decode() + "\n" + json.dumps({"messages": []}, indent=2))
    with pytest.raises(DataError, match="row 2: .*; write each object on one line"):
        load(path)


def test_rows_under_the_name_of_a_packed_file_are_told_so(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(good(1))
    with pytest.raises(DataError, match=r"it is not compressed; name it rows\.jsonl"):
        load(path)


def test_every_fault_is_found_in_one_pass(tmp_path: Path) -> None:
    """All bad rows in one file, good rows between them: each is named, at its place, and no good row is."""
    path, places, body = tmp_path / "rows.jsonl", [], b""
    names = [name for name in BAD if "byte order mark" not in name]
    for row, name in enumerate(names):
        body += good(row) + b"\n"
        places.append((2 * row + 2, 2 * row + 2, len(body)))
        body += BAD[name][0] + b"\n"
    path.write_bytes(body)
    said = said_by_load(path)
    assert [fault[:3] for fault in said.faults] == places
    for name, fault in zip(names, said.faults, strict=True):
        assert re.search(BAD[name][1], fault[3]), (name, fault)


def test_a_cut_gzip_file_names_the_row_in_which_it_ends(tmp_path: Path) -> None:
    cut = planter.cut_gzip()
    assert complaints(cut, said_by_load(write(tmp_path, cut))) == []


def test_a_cut_gzip_file_hides_no_fault_before_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    whole = gzip.compress(b"{\n" + good(1) + b"\n" + good(2), compresslevel=0)
    path.write_bytes(whole[:-30])
    assert [fault[0] for fault in said_by_load(path).faults] == [1, 3]


def test_every_cut_of_a_gzip_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "rows.json.gz"
    whole = gzip.compress(b"[" + good(1) + b"," + good(2) + b"]")
    for size in range(1, len(whole)):
        path.write_bytes(whole[:size])
        assert any("cut or damaged" in fault[3] for fault in said_by_load(path).faults), size


def test_a_file_of_zeros_behind_good_rows_is_refused_by_row(tmp_path: Path) -> None:
    """What is left of a file after some crashes: its size is right, its end was never written."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(good(1) + b"\n" + bytes(4096))
    (fault,) = said_by_load(path).faults
    assert fault[:3] == (2, 2, len(good(1)) + 1) and "NUL byte" in fault[3]


@pytest.mark.parametrize("body", [b"", b"\n \r\n\t\n", b"\xef\xbb\xbf\n"])
def test_a_file_without_a_row_says_so(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(body)
    with pytest.raises(DataError, match="has no rows"):
        load(path)


def test_rows_of_two_schemas_are_counted_with_the_first_of_each(tmp_path: Path) -> None:
    path, pair = tmp_path / "rows.jsonl", b'{"prompt": "a", "completion": "b"}'
    path.write_bytes(b"\n".join([pair, good(1), good(2), b'{"text": "x"}', good(3), pair]))
    with pytest.raises(DataError) as caught:
        load(path)
    assert (
        "3 of 6 rows cannot be used as 'chat'; the rows are of different kinds: 2 have the fields of "
        "'prompt_completion' (the first is row 1), 3 have the fields of 'chat' (the first is row 2), 1 has the fields "
        "of no format (the first is row 4)"
    ) in str(caught.value)
    path.write_bytes(b"\n".join([pair, good(1)]))
    with pytest.raises(DataError, match=r"equally.*row 1\).*row 2\).*format="):
        load(path)


def test_roles_out_of_order_and_empty_answers_load_and_are_findings_by_row(tmp_path: Path) -> None:
    ask, answer = {"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}
    path = tmp_path / "rows.jsonl"
    turns = [[ask, answer], [ask, ask, answer], [ask, {**answer, "content": ""}], [ask, answer]]
    path.write_text("".join(json.dumps({"messages": row}) + "\n" for row in turns))
    found = {finding.code: finding.rows for finding in check(load(path)).findings}
    assert (found["FT101"], found["FT102"]) == ((2,), (3,))


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(good(1) + b"\n" + good(2) + b"\n")
    os.utime(path, ns=(1, 1))
    parse = jsonl.parse_row

    def write_meanwhile(data: bytes) -> dict[str, Any]:
        with path.open("ab") as file:
            file.write(b"x")
        return parse(data)

    monkeypatch.setattr(jsonl, "parse_row", write_meanwhile)
    with pytest.raises(DataError, match="the file changed while it was read; load it again"):
        load(path)


@pytest.mark.parametrize("change", ["a byte", "shorter", "deleted"])
def test_a_large_file_that_changes_after_loading_is_refused_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(store, "KEPT_IN_MEMORY", 0)
    path = tmp_path / "rows.jsonl"
    body = b"".join(good(n) + b"\n" for n in range(1, 6))
    path.write_bytes(body)
    data = load(path)
    offset = body.index(good(4))
    if change == "a byte":
        path.write_bytes(body.replace(b'4\\": ja', b'4\\": JA'))
    elif change == "shorter":
        path.write_bytes(body[: offset + 5])
    else:
        path.unlink()
    with pytest.raises(DataError, match="row 4") as caught:
        list(data[3:])
    (fault,) = caught.value.faults
    assert (fault.row, fault.line, fault.offset) == (4, 4, offset)
    assert fault.reason == "the file changed since it was loaded; load it again"
    if change == "a byte":
        assert data[2].prompt[0].content.startswith("Größe 3")


def test_what_is_kept_in_memory_does_not_see_a_later_change_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(good(1))
    data = load(path)
    path.write_bytes(good(2))
    assert data[0].prompt[0].content.startswith("Größe 1")


LIMITED = """
import sys
from pathlib import Path
from ftkit.data import load
from ftkit.errors import DataError
try:
    load(sys.argv[1])
except DataError as error:
    for fault in error.faults:
        print(fault.row, fault.line, fault.offset, fault.reason)
# not getrusage: its peak is inherited from the process that started this one
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


def in_a_process(path: Path) -> tuple[list[str], int]:
    """(what was printed for each fault, peak megabytes) of loading it in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True
    )
    *faults, peak = done.stdout.splitlines()
    return faults, int(peak)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv"])
def test_a_row_of_100_megabytes_is_refused_by_number_in_bounded_memory(
    tmp_path: Path, name: str
) -> None:
    path, long = tmp_path / name, b"x" * (100 << 20)
    parts = {
        "rows.jsonl": (good(1) + b"\n", b'{"prompt": "' + long + b'"}', b"\n" + good(2) + b"\n{\n"),
        "rows.json": (
            b"[" + good(1) + b",\n",
            b'["' + long + b'\\""]',
            b",\n" + good(2) + b",\n5]",
        ),
        "rows.csv": (b"prompt,completion\na,b\n", b'"' + long, b""),
    }[name]
    path.write_bytes(b"".join(parts))
    del long
    faults, peak = in_a_process(path)
    row, line = 2, 3 if name == "rows.csv" else 2
    assert faults[0].startswith(f"{row} {line} {len(parts[0])} the row has ")
    assert "above 64 MB is not read" in faults[0]
    assert [fault.split()[0] for fault in faults] == (["2"] if name == "rows.csv" else ["2", "4"])
    assert peak < 300


def test_a_long_row_that_begins_with_a_megabyte_of_space_is_not_taken_for_a_blank_line(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(good(1) + b"\n" + b" " * (3 << 20) + b"x" * (64 << 20) + b"\n" + good(2))
    assert [fault[:2] for fault in said_by_load(path).faults] == [(2, 2)]


def test_a_large_file_of_carriage_returns_is_told_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "BLOCK", 256)
    monkeypatch.setattr(jsonl, "ROW_LIMIT", 300)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\r".join(good(n) for n in range(9)))
    (fault,) = said_by_load(path).faults
    assert fault[:3] == (1, 1, 0) and "its rows end in lone carriage returns" in fault[3]


def test_a_bomb_of_a_gigabyte_in_one_line_is_refused_at_its_place_in_bounded_memory(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.jsonl.gz"
    body, place = planter.bomb(1 << 30)
    path.write_bytes(body)
    (fault,), peak = in_a_process(path)
    assert len(body) < 1 << 21 and peak < 300
    assert fault.startswith(f"{place.row} {place.line} {place.offset} ")
    assert re.search(place.words, fault)


def lax(path: Path) -> Said:
    """How most tools read JSON Lines."""
    rows, faults = 0, []
    try:
        for line, row in enumerate(path.read_text().splitlines(), start=1):
            try:
                if row.strip():
                    rows += 1
                    assert "messages" in json.loads(row)
            except (ValueError, AssertionError) as error:
                faults.append((rows, line, None, str(error)))
    except Exception:  # noqa: BLE001 - a crash is what is judged
        return Said(None, traceback=traceback.format_exc())
    return Said(None, faults) if faults else Said(rows)


def test_the_judge_sees_a_lax_reader(tmp_path: Path) -> None:
    """Each of these loads, is misplaced, or crashes there; a judge that let them pass would judge nothing."""
    red = {
        planted.name.rpartition(", ")[0]
        for planted in [*BAD_LINES, *LEGAL]
        if planted.file == "rows.jsonl" and complaints(planted, lax(write(tmp_path, planted)))
    }
    seen = {
        "key twice", "NaN", "1e400", "NUL as an escape", "half a surrogate pair, high", "Latin-1",
        "nesting of 100,000", "integer of 5,000 digits", "lone carriage return", "cut row",
        "U+2028 in a text", "U+2029 in a text", "U+0085 in a text", "content that is a number",
    }  # fmt: skip
    assert seen <= red


def test_the_judge_sees_a_place_that_is_off_by_one() -> None:
    planted = BAD_LINES[4]
    assert planted.fault is not None
    row, line, offset = planted.fault.row, planted.fault.line, planted.fault.offset
    assert row is not None and line is not None and offset is not None
    words = "a NUL byte at byte 46 of the row; NUL character"
    for place in ((row + 1, line, offset), (row, line + 1, offset), (row, line, offset + 1)):
        assert complaints(planted, Said(None, [(*place, words)]))
    assert complaints(planted, Said(None, [(row, line, offset, "invalid row")]))
    assert complaints(planted, Said(5))


def write(folder: Path, planted: Planted) -> Path:
    path = folder / planted.file
    path.write_bytes(planted.body)
    return path
