"""Files that are wrong in one known place: refused as `load` refuses them; or the bad row goes, whole, and no other does."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

import ftkit
from ftkit.data.reading import text
from ftkit.errors import DataError
from tests.faults import malformed_files as planter
from tests.faults.malformed_files import Planted
from tests.faults.malformed_rows import good

BAD = [*planter.json_lines(), *planter.arrays(), *planter.tables()]
SMALL = [one for one in BAD if len(one.body) < 100_000]


def write(planted: Planted) -> Path:
    path = Path(planted.file)
    path.write_bytes(planted.body)
    return path


def test_a_bad_file_is_refused_in_the_words_of_load() -> None:
    for planted in (*SMALL, *planter.whole_files(), planter.cut_gzip()):
        path = write(planted)
        with pytest.raises(DataError) as loaded:
            ftkit.load(path)
        with pytest.raises(DataError) as refused:
            ftkit.fix(path, f"out.{path.name}")
        assert str(refused.value) == str(loaded.value), planted.name
        assert refused.value.faults == loaded.value.faults
    assert not list(Path.cwd().glob("*out*"))


@pytest.mark.parametrize("block", [text.BLOCK, 7])
def test_every_legal_oddity_is_copied_byte_by_byte(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "BLOCK", block)
    for planted in planter.legal_files():
        if block == 7 and len(planted.body) > 20_000:
            continue
        path = write(planted)
        done = ftkit.fix(path, f"out.{path.name}", force=True, only=[])
        written, body = Path(f"out.{path.name}").read_bytes(), planted.body
        if path.suffix == ".gz":
            written, body = gzip.decompress(written), gzip.decompress(body)
        assert written == body, planted.name
        assert (done.rows, done.mends) == (planted.rows, {})


@pytest.mark.parametrize("block", [text.BLOCK, 7])
def test_a_bad_row_is_dropped_whole_and_no_other_is(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "BLOCK", block)
    kept, dropped = [], 0
    some = SMALL[:: 2 if block > 7 else 5]
    for planted in some:
        path, fault = write(planted), planted.fault
        assert fault is not None and fault.row is not None and fault.offset is not None
        out = Path(f"out.{path.name}")
        try:
            done = ftkit.fix(path, out, drop_unreadable=True, only=[], force=True)
        except DataError as error:
            assert "is not dropped" in str(error)
            kept.append(planted.name)
            continue
        dropped += 1
        before = planted.body
        (line,) = Path(f"{out}.fixes.jsonl").read_text("utf-8").splitlines()
        gone = json.loads(line)
        data = base64.b64decode(gone["bytes_base64"])
        assert (gone["row"], gone["line"], gone["offset"]) == (fault.row, fault.line, fault.offset)
        assert before[fault.offset :].startswith(data), planted.name
        assert done.rows_dropped == 1
        if path.suffix != ".csv":
            numbers = [n for n in range(1, planter.ROWS + 1) if n != fault.row]
            if len(data) and "comma after the row" not in planted.name:
                assert [json.loads(good(n)) for n in numbers] == rows_of(out), planted.name
        # nothing but the row and one separator is missing
        rest = len(before) - len(data) - len(out.read_bytes())
        assert 0 <= rest <= 3, planted.name
    print(f"{dropped} dropped, kept: {kept}")
    assert dropped > 0.9 * len(some)


def rows_of(path: Path) -> list[object]:
    body = path.read_bytes()
    if path.suffix == ".json":
        return list(json.loads(body))
    return [json.loads(line) for line in body.split(b"\n") if line.strip()]


def test_a_row_above_the_limit_is_not_held_to_be_dropped() -> None:
    with Path("rows.jsonl").open("wb") as file:
        file.write(good(1) + b"\n")
        file.writelines(b"x" * (1 << 20) for _ in range(129))
        file.write(b"\n" + good(2) + b"\n")
    with pytest.raises(DataError, match="mend the file by hand"):
        ftkit.fix("rows.jsonl", "out.jsonl", drop_unreadable=True)
    assert [path.name for path in Path.cwd().iterdir() if path.is_file()] == ["rows.jsonl"]
