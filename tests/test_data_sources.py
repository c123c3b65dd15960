"""What a file may be packed in, and what else holds rows: Zstandard, tables of Arrow, dialects of CSV, batches."""

from __future__ import annotations

import builtins
import datetime
import decimal
import gzip
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftkit.data import Dataset, load
from ftkit.data.reading import packed
from ftkit.data.storage import store
from ftkit.errors import DataError, NotFound, NotInstalled
from tests.faults.malformed_rows import good

ROWS = [{"prompt": f"Größe {n}", "completion": f"c{n}", "n": n, "x": None} for n in range(700)]


def lines(count: int = 5) -> bytes:
    return b"".join(good(n) + b"\n" for n in range(count))


def same(one: Dataset, other: Dataset) -> bool:
    return list(one) == list(other) and one.sha256 == other.sha256 and one.rows == other.rows


@pytest.fixture
def plain(tmp_path: Path) -> Dataset:
    path = tmp_path / "plain.jsonl"
    path.write_bytes(lines())
    return load(path)


def test_a_zstandard_file_loads_as_its_text_does(tmp_path: Path, plain: Dataset) -> None:
    zstandard = pytest.importorskip("zstandard", reason="needs the extra 'data'")
    compress = zstandard.ZstdCompressor().compress
    path = tmp_path / "rows.jsonl.zst"
    path.write_bytes(compress(lines()))
    assert same(load(path), plain)
    path.write_bytes(b"".join(compress(lines()[at : at + 50]) for at in range(0, len(lines()), 50)))
    assert same(load(path), plain)


def test_every_cut_of_a_zstandard_file_is_noticed(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard", reason="needs the extra 'data'")
    path = tmp_path / "rows.jsonl.zst"
    whole = zstandard.ZstdCompressor().compress(lines(2))
    for size in range(1, len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match="zstd file is cut or damaged"):
            load(path)


def test_a_block_of_text_stays_small_whatever_the_file_expands_to(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard", reason="needs the extra 'data'")
    path = tmp_path / "bomb"
    path.write_bytes(zstandard.ZstdCompressor().compress(bytes(300 << 20)))
    with path.open("rb") as file:
        assert max(map(len, packed.unzstd(file))) <= 33 << 20
    path.write_bytes(gzip.compress(bytes(50 << 20)))
    with path.open("rb") as file:
        assert max(map(len, packed.gunzip(file, 1 << 20))) == 1 << 20


@pytest.mark.parametrize(
    ("name", "missing"), [("rows.jsonl.zst", "zstandard"), ("rows.parquet", "pyarrow")]
)
def test_a_package_that_is_missing_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, missing: str
) -> None:
    real = builtins.__import__

    def without(wanted: str, *args: Any) -> Any:
        if wanted.split(".")[0] == missing:
            raise ImportError(wanted)
        return real(wanted, *args)

    (tmp_path / name).write_bytes(b"x")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NotInstalled, match=r"pip install 'ftkit\[data\]'"):
        load(tmp_path / name)


@pytest.mark.parametrize(
    ("magic", "name"),
    [(b"\x1f\x8b\x08\0", "rows.jsonl.gz"), (b"\x28\xb5\x2f\xfd", "rows.jsonl.zst")],
)
def test_a_compressed_file_under_a_plain_name_is_told_its_name(
    tmp_path: Path, magic: bytes, name: str
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(magic + b"more")
    with pytest.raises(DataError, match=f"name it {name}"):
        load(path)


def written_table(folder: Path, name: str) -> Path:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra 'data'")
    table, path = pyarrow.Table.from_pylist(ROWS), folder / name
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow.parquet").write_table(table, path, row_group_size=300)
    elif name.endswith(".feather"):
        pytest.importorskip("pyarrow.feather").write_feather(table, path)
    else:
        kind = pyarrow.ipc.new_stream if "stream" in name else pyarrow.ipc.new_file
        with pyarrow.OSFile(str(path), "wb") as file, kind(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=100)
    return path


@pytest.mark.parametrize("name", ["r.parquet", "r.feather", "r.arrow", "stream.arrow"])
def test_a_table_of_arrow_gives_the_same_rows_as_its_list(tmp_path: Path, name: str) -> None:
    data = load(written_table(tmp_path, name))
    assert same(data, load(ROWS)) and data.name == name.split(".")[0]
    assert (data.rows[699].number, data.rows[699].line, data.rows[699].offset) == (700, None, None)


@pytest.mark.parametrize("name", ["r.parquet", "r.feather", "r.arrow", "stream.arrow"])
def test_a_cut_table_is_refused_in_words(tmp_path: Path, name: str) -> None:
    path = written_table(tmp_path, name)
    whole = path.read_bytes()
    for size in (0, 3, len(whole) // 2, len(whole) - 9):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"cannot be read as a table|has no rows|rows can"):
            load(path)


def test_a_bad_row_of_a_table_is_named_by_number_and_field(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra 'data'")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{"prompt": "a", "completion": "b", "x": 1.0}, {"prompt": None, "completion": "b", "x": 2.0},
            {"prompt": "a", "completion": "b", "x": float("nan")}]  # fmt: skip
    path = tmp_path / "r.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    with pytest.raises(DataError) as caught:
        load(path)
    assert [(f.row, f.field) for f in caught.value.faults] == [(2, "prompt"), (3, "x")]


def of_bytes(pyarrow: Any, parts: list[bytes], *, sizes: list[int] | None = None) -> Any:
    """Texts of Arrow that nobody looked into, as other programs write them."""
    _, ends, data = pyarrow.array(parts, pyarrow.binary()).buffers()
    if sizes is not None:
        ends = pyarrow.py_buffer(struct.pack(f"<{len(sizes)}i", *sizes))
    return pyarrow.Array.from_buffers(pyarrow.string(), len(parts), [None, ends, data])


@pytest.mark.parametrize("name", ["r.parquet", "r.arrow"])
def test_text_of_a_table_that_is_not_utf8_is_named_by_number_and_field(
    tmp_path: Path, name: str
) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra 'data'")
    answers = of_bytes(pyarrow, [b"ok", b"caf\xe9", b"ok", b"\xff", b"ok"])
    table, path = pyarrow.table({"prompt": ["a"] * 5, "completion": answers}), tmp_path / name
    write = pytest.importorskip("pyarrow.parquet").write_table
    (write if name == "r.parquet" else pytest.importorskip("pyarrow.feather").write_feather)(
        table, path
    )
    with pytest.raises(DataError) as caught:
        load(path)
    assert [(f.row, f.field) for f in caught.value.faults] == [(2, "completion"), (4, "completion")]
    assert all("invalid UTF-8" in fault.reason for fault in caught.value.faults)


def test_a_damaged_place_of_a_text_is_a_fault_and_not_the_end_of_the_process(
    tmp_path: Path,
) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra 'data'")
    answers = of_bytes(pyarrow, [b"ok", b"ok", b"ok"], sizes=[0, 2, -9, 6])
    table, path = pyarrow.table({"prompt": ["a"] * 3, "completion": answers}), tmp_path / "r.arrow"
    with (
        pyarrow.OSFile(str(path), "wb") as file,
        pyarrow.ipc.new_file(file, table.schema) as writer,
    ):
        writer.write_table(table)
    code = (
        "import sys, ftkit\ntry: ftkit.load(sys.argv[1])\nexcept Exception as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "row 2, field 'completion': the value is damaged" in done.stdout


def test_a_table_that_names_a_column_twice_is_refused_and_none_of_them_dropped(
    tmp_path: Path,
) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra 'data'")
    columns = [pyarrow.array([text]) for text in ("a", "b", "c")]
    path = tmp_path / "r.parquet"
    names = ["prompt", "completion", "prompt"]
    table = pyarrow.Table.from_arrays(columns, names=names)
    pytest.importorskip("pyarrow.parquet").write_table(table, path)
    with pytest.raises(DataError, match="names the column 'prompt' twice"):
        load(path)


class Batches:
    """A Hugging Face data set from outside: it gives batches, and rows only slowly."""

    column_names = ("prompt", "completion", "n", "x")

    def iter(self, batch_size: int) -> Iterator[dict[str, list[Any]]]:
        for first in range(0, len(ROWS), batch_size):
            batch = ROWS[first : first + batch_size]
            yield {name: [row[name] for row in batch] for name in self.column_names}

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("row by row is ten times slower")


def test_a_hugging_face_data_set_is_asked_for_batches() -> None:
    assert same(load(Batches()), load(ROWS))


def test_a_streamed_hugging_face_data_set_loads() -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra 'hf'")
    streamed = datasets.Dataset.from_list(ROWS).to_iterable_dataset()
    assert same(load(streamed), load(ROWS))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.csv.gz"])
def test_the_separator_of_a_table_is_found_out(tmp_path: Path, separator: str, name: str) -> None:
    others = "".join(sorted(set(",;|") - {separator}))
    body = f'prompt{separator}completion\r\n"a{separator}\r\n""b"{separator}c{others}\r\nx{separator}y\r\n'
    path = tmp_path / name
    path.write_bytes(gzip.compress(body.encode()) if name.endswith("gz") else body.encode())
    data = load(path)
    assert (data[0].prompt[0].content, data[0].answer) == (f'a{separator}\r\n"b', f"c{others}")
    assert [row.line for row in data.rows] == [2, 4]


def test_the_columns_that_are_wanted_decide_between_separators(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("q;1,a;2\nx;1,y;2\n")
    assert load(path, prompt="q;1", completion="a;2")[0].answer == "y;2"
    assert load(path, prompt="q", completion="1,a")[0].answer == "1,y"


def test_rows_that_part_like_the_header_decide_between_separators(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id;no,text;label\n1,b;c\n2,d\n")
    with pytest.raises(DataError, match="columns id;no, text;label"):
        load(path)


def test_separators_that_nothing_tells_apart_are_an_error_that_names_both(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("q;1,a;2\nx;1,y;2\n")
    with pytest.raises(DataError, match="separated by commas or by semicolons; pass prompt="):
        load(path)


def test_a_table_of_one_column_is_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text\nhello\n")
    with pytest.raises(DataError, match="columns text; pass prompt="):
        load(path)


def test_a_missing_file_is_answered_with_the_nearest_of_any_kind(tmp_path: Path) -> None:
    (tmp_path / "tickets.jsonl.zst").write_bytes(b"")
    with pytest.raises(NotFound, match=r"did you mean 'tickets\.jsonl\.zst'"):
        load(tmp_path / "tickts.jsonl.zst")


def test_large_compressed_rows_are_read_back_from_a_copy_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: Dataset
) -> None:
    monkeypatch.setattr(store, "KEPT_IN_MEMORY", 100)
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(lines()))
    data = load(path)
    path.unlink()
    assert same(data, plain)
    assert not list(Path(tempfile.gettempdir()).glob("ftkit-rows-*"))


def test_dates_and_decimal_fractions_of_a_table_are_text(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    day = datetime.datetime(2026, 11, 24, 9, 30, tzinfo=datetime.UTC)
    table = pyarrow.table(
        {
            "prompt": ["a", "b"],
            "completion": ["c", "d"],
            "created": pyarrow.array([day, None], pyarrow.timestamp("ns", tz="UTC")),
            "day": [day.date(), None],
            "price": [decimal.Decimal("12.50"), None],
        }
    )
    for ending, write in ((".parquet", pyarrow.parquet.write_table), (".arrow", write_arrow)):
        write(table, tmp_path / f"rows{ending}")
        first, second = load(tmp_path / f"rows{ending}")
        assert first.fields["created"].startswith("2026-11-24 09:30:00")
        assert datetime.datetime.fromisoformat(first.fields["created"]) == day
        assert (first.fields["day"], first.fields["price"]) == ("2026-11-24", "12.50")
        assert second.fields == {"created": None, "day": None, "price": None}


def write_arrow(table: Any, path: Path) -> None:
    import pyarrow

    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_file(file, table.schema) as out:
        out.write_table(table)
