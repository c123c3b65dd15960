"""Where rows are kept: in memory or in their file, from threads, children and pickles, and always what was loaded."""

from __future__ import annotations

import dataclasses
import errno
import gc
import multiprocessing
import os
import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ftkit.data import Dataset, load
from ftkit.data.storage import places, store
from ftkit.errors import DataError, StorageError
from tests.faults.malformed_rows import good

ROWS = 50


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(good(n) for n in range(1, ROWS + 1)))
    return path


@pytest.fixture(params=["memory", "file", "temporary file"])
def data(request: pytest.FixtureRequest, path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The same rows, each time kept in another place."""
    if request.param != "memory":
        monkeypatch.setattr(store, "KEPT_IN_MEMORY", 0)
    if request.param == "temporary file":
        return load([__import__("json").loads(line) for line in path.read_bytes().splitlines()])
    return load(path)


def asked(data: Dataset) -> list[str]:
    return [example.prompt[0].content for example in data]


EXPECTED = [f"Größe {n}? 日本 \N{GRINNING FACE}" for n in range(1, ROWS + 1)]


def test_rows_are_the_same_wherever_they_are_kept(data: Dataset) -> None:
    assert asked(data) == EXPECTED
    assert data[-1].answer == '"50": ja' and asked(data[10:13]) == EXPECTED[10:13]
    assert [row.number for row in data.select([7, 3, 7]).rows] == [8, 4, 8]
    assert asked(data.select([7, 3]).select([1])) == [EXPECTED[3]]
    with pytest.raises(IndexError):
        data.select([ROWS])


def test_many_threads_read_one_data_set(data: Dataset) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: data[n % ROWS].prompt[0].content, range(2_000))) == [
            EXPECTED[n % ROWS] for n in range(2_000)
        ]


def test_a_pickle_carries_its_own_rows_only(data: Dataset) -> None:
    part = data.select([40, 2])
    again = pickle.loads(pickle.dumps(part))
    assert asked(again) == [EXPECTED[40], EXPECTED[2]]
    assert again.rows == part.rows and again.sha256 == part.sha256 and again.columns == part.columns
    assert len(pickle.dumps(part)) < 2_000 + 2 * len(pickle.dumps(part[:1]))


def test_children_and_parent_read_at_once_after_a_fork(data: Dataset) -> None:
    """A cursor that both share would be moved by either."""
    assert data[0].answer
    context = multiprocessing.get_context("fork")
    queue: Any = context.SimpleQueue()
    children = [
        context.Process(target=lambda: queue.put([asked(data) == EXPECTED for _ in range(20)]))
        for _ in range(3)
    ]
    for child in children:
        child.start()
    assert all(asked(data) == EXPECTED for _ in range(20))
    for child in children:
        child.join()
        assert all(queue.get())


def test_without_pread_threads_take_turns(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    monkeypatch.setattr(places, "_PREAD", None)
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda n: data[n % ROWS].prompt[0].content, range(500))
        assert list(found) == [EXPECTED[n % ROWS] for n in range(500)]


def test_a_pickle_of_a_large_file_is_its_path_and_notices_a_change(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEPT_IN_MEMORY", 0)
    pickled = pickle.dumps(load(path))
    assert "Größe".encode() not in pickled
    path.write_bytes(path.read_bytes().replace(b'7\\": ja', b'7\\": no'))
    again = pickle.loads(pickled)
    assert again[0].answer == '"1": ja'
    with pytest.raises(DataError, match="row 7 is not what it was"):
        again[6]


def test_a_file_that_was_replaced_while_it_is_open_is_read_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEPT_IN_MEMORY", 0)
    data = load(path)
    assert data[0].answer
    (path.parent / "new").write_bytes(b"other")
    os.replace(path.parent / "new", path)
    assert asked(data) == EXPECTED


def test_what_map_makes_leaves_memory_when_it_is_large(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEPT_IN_MEMORY", 1_000)
    mapped = data[5:].map(lambda e: dataclasses.replace(e, fields={"x": e.answer}))
    assert asked(mapped) == EXPECTED[5:] and mapped.values("x")[0] == '"6": ja'
    assert [row.number for row in mapped.rows] == list(range(6, ROWS + 1))
    assert mapped.rows[0].line == data.rows[5].line


def test_no_file_stays_open_behind_a_data_set(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "KEPT_IN_MEMORY", 0)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        data = load(path)
        data.map(lambda e: e)
        assert data[3].answer
    del data
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 1


def test_a_full_temporary_folder_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "KEPT_IN_MEMORY", 0)
    monkeypatch.setattr(store.tempfile, "TemporaryFile", Full)
    with pytest.raises(StorageError, match="do not fit into the temporary folder.*TMPDIR"):
        load([{"prompt": "x", "completion": "y"}] * 3)


class Full:
    """A file on a disk without space."""

    def __init__(self, **_: Any) -> None:
        self.closed = False

    def write(self, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self) -> None:
        self.closed = True


def test_a_row_is_remembered_in_a_few_bytes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """52 bytes a row where positions and numbers are spelled out; objects would take 300."""
    monkeypatch.setattr(store, "KEPT_IN_MEMORY", 0)
    rows = 20_000
    path.write_bytes(b"".join(good(n) + b"\n" for n in range(rows)))
    tracemalloc.start()
    data = load(path)
    part = data.select(range(0, rows, 2))
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(part) == rows // 2 and kept < 80 * rows


OLD = {
    "rows.jsonl": "1c29cfac02b0958afde7fed190edf0c93ea127017ef0074c4e0023d138b32d8b",
    "rows.json": "1464bfee83d2cebc02738f73b07c76cbd09b0edc98babbd38fbb3d789242748d",
    "rows.csv": "58c231f18e72d6aad69887f7d2fc052aec6cda592f188edc893ee8234c30d652",
}
CHAT = (
    '{"messages": [{"role": "user", "content": "Größe? \\u00e9 \N{GRINNING FACE}"}, '
    '{"role": "assistant", "content": "42: \\"yes\\""}], "id": 7}'
)


def test_the_hashes_that_jobs_are_known_by_stay_what_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written down when all rows were still kept in memory: a changed hash would pay for every job again."""
    other = CHAT.replace("42", "43")
    large = CHAT.replace(": 7", ": 123456789012345678901234567890")
    bodies = {
        "rows.jsonl": f"\ufeff{CHAT}\r\n\n  {other}  \n{large}",
        "rows.json": f"[\n {CHAT} ,\n{other}]",
        "rows.csv": 'id,prompt,completion\r\n7," a ""b""\r\nc ,d", é\r\n\r\n8,x,y',
    }
    for kept in (0, 1 << 20):
        monkeypatch.setattr(store, "KEPT_IN_MEMORY", kept)
        for name, body in bodies.items():
            (tmp_path / name).write_bytes(body.encode())
            assert load(tmp_path / name).sha256 == OLD[name], name
        rows = [
            {"q": f"question {i}", "a": f"answer {i}", "n": i, "f": i / 3, "o": {"x": [None, True]}}
            for i in range(6)
        ]
        data = load(rows, prompt="q", completion="a", system="S")
        mapped = data.map(lambda e: dataclasses.replace(e, fields={"x": 1}))
        assert [one.sha256[:16] for one in (data, data.select([4, 0]), mapped)] == [
            "57b56390dcb37b0d",
            "f92de1ad78d1bd8a",
            "c6bf269a32d5fb31",
        ]
        assert data.split(test=2, seed=3)[1].sha256.startswith("7f09e7eedfc6470e")
        first = load(tmp_path / "rows.jsonl").rows[0]
        assert first.sha256.startswith("2324356ea18665c7") and first.offset == 3
