"""`ftkit.convert`: rows in another format and another kind of file, all of them whole, or nothing at all is written."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.data.writing.rows import objects
from ftkit.data.writing.tables import lines
from ftkit.errors import ConfigError, DataError, NotInstalled, StorageError
from ftkit.types import Converted, Dataset

KINDS = ["jsonl", "json", "csv", "tsv"]
PACKINGS = ["", ".gz", ".zst"]
HARD = [
    "",
    " both ends ",
    'a "quoted" word, and; these|\tmarks',
    "two\nlines\r\nand a lone\rreturn",
    "\ufeffa mark, \u2028 a separator, \x85 and \x0b",
    "größe 🙂 \U0010ffff",
    "[1]",
    "007",
    "null",
]


def rows_of(texts: list[str]) -> list[dict[str, Any]]:
    return [{"prompt": f"q {text}", "completion": text, "id": text} for text in texts]


def written(path: str, rows: list[dict[str, Any]]) -> str:
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def folder() -> dict[str, bytes]:
    """All that lies in the working folder, hidden files too."""
    return {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}


def stripped(data: Dataset) -> list[Any]:
    return [(example.messages, dict(example.fields)) for example in data]


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_back_the_same_rows(kind: str, packing: str) -> None:
    source = written("rows.jsonl", rows_of(HARD))
    made = ftkit.convert(source, f"out.{kind}{packing}", to="prompt_completion")
    again = ftkit.load(f"out.{kind}{packing}", format="prompt_completion")
    assert stripped(again) == stripped(ftkit.load(source))
    assert made == Converted(
        Path(f"out.{kind}{packing}"),
        len(HARD),
        "prompt_completion",
        f"each of {len(HARD):,} rows has 'prompt' and 'completion', and none has a mark of 'transcript'",
        "prompt_completion",
    )


def test_a_transcript_is_written_as_one_text() -> None:
    source = written("rows.jsonl", [{"prompt": "a", "completion": "b"}])
    assert ftkit.convert(source, "out.jsonl", to="transcript").written == "transcript"
    assert json.loads(Path("out.jsonl").read_text()) == {"text": "\n\nHuman: a\n\nAssistant: b"}
    assert stripped(ftkit.load("out.jsonl")) == stripped(ftkit.load(source))


def test_a_table_is_found_out_without_being_told_its_columns() -> None:
    source = written("rows.jsonl", rows_of(HARD))
    for name in ("a.csv", "a.tsv"):
        ftkit.convert(source, name, to="alpaca")
        assert ftkit.load(name).format == "alpaca"


def test_rows_of_a_program_and_columns_of_other_names_are_converted() -> None:
    rows = [{"text": "where?", "route": "shipping"}]
    data = ftkit.load(rows, prompt="text", completion="route", system="Route.")
    ftkit.convert(data, "one.jsonl", to="sharegpt")
    ftkit.convert(
        rows, "two.jsonl", to="sharegpt", prompt="text", completion="route", system="Route."
    )
    assert Path("one.jsonl").read_bytes() == Path("two.jsonl").read_bytes()
    assert json.loads(Path("one.jsonl").read_text()) == {
        "conversations": [
            {"from": "system", "value": "Route."},
            {"from": "human", "value": "where?"},
            {"from": "gpt", "value": "shipping"},
        ]
    }


@pytest.mark.parametrize("packing", PACKINGS)
def test_equal_rows_give_equal_bytes(packing: str) -> None:
    source = written("rows.jsonl", rows_of(HARD))
    for name in ("one", "two"):
        ftkit.convert(source, f"{name}.jsonl{packing}", to="chat")
    assert Path(f"one.jsonl{packing}").read_bytes() == Path(f"two.jsonl{packing}").read_bytes()


def test_a_gzip_file_holds_neither_time_nor_name() -> None:
    ftkit.convert(rows_of(["a"]), "one.jsonl.gz", to="chat")
    assert Path("one.jsonl.gz").read_bytes()[3:8] == bytes(5)
    assert gzip.decompress(Path("one.jsonl.gz").read_bytes()).count(b"\n") == 1


# --- rows that cannot be carried ---


def chat(*texts: str, **fields: Any) -> dict[str, Any]:
    roles = ["user", "assistant"] * len(texts)
    turns = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    return {"messages": turns, **fields}


def test_every_row_that_cannot_be_carried_is_named_and_nothing_is_written() -> None:
    rows = [chat("a", "b"), chat("a", "b", "c", "d"), chat("a", "b"), chat("a", "b", "c", "d")]
    source = written("rows.jsonl", rows)
    before = folder()
    with pytest.raises(DataError, match="2 of 4 rows cannot be written as 'prompt_comp") as caught:
        ftkit.convert(source, "out.jsonl", to="prompt_completion")
    assert [(f.row, f.line, f.field) for f in caught.value.faults] == [
        (2, 2, "messages[2]"),
        (4, 4, "messages[2]"),
    ]
    text = Path(source).read_bytes()
    assert [f.offset for f in caught.value.faults] == [
        text.index(b"\n") + 1,
        text.rindex(b"\n", 0, -1) + 1,
    ]
    assert folder() == before


def test_the_first_thousand_faults_are_kept_and_all_are_counted() -> None:
    rows = [chat("a", "b", "c", "d")] * 1_500
    with pytest.raises(DataError, match="the first 1,000 are listed, 500 more are not") as caught:
        ftkit.convert(rows, "out.jsonl", to="prompt_completion")
    assert len(caught.value.faults) == 1_000


def test_a_bad_source_is_refused_as_load_refuses_it() -> None:
    Path("rows.jsonl").write_text('{"messages": 3}\n')
    with pytest.raises(DataError) as caught:
        ftkit.convert("rows.jsonl", "out.jsonl", to="alpaca")
    with pytest.raises(DataError) as loading:
        ftkit.load("rows.jsonl")
    assert caught.value.faults == loading.value.faults


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1], "a list"),
        ({"a": "b"}, "an object"),
        (7, "a number"),
        (True, "true or false"),
        (None, "null"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "tsv.gz"])
def test_a_table_is_refused_a_value_that_is_no_text(kind: str, value: Any, said: str) -> None:
    rows = [*rows_of(["a", "b"]), {"prompt": "q", "completion": "c", "id": value}]
    with pytest.raises(DataError) as caught:
        ftkit.convert(written("rows.jsonl", rows), f"out.{kind}", to="prompt_completion")
    (fault,) = caught.value.faults
    assert (fault.row, fault.field) == (3, "id") and said in fault.reason
    assert list(folder()) == ["rows.jsonl"]


def test_a_conversation_is_no_row_of_a_table() -> None:
    with pytest.raises(DataError, match="field 'messages': is a list"):
        ftkit.convert([chat("a", "b")], "out.csv", to="chat")


def test_a_column_that_only_some_rows_have_would_come_back_as_empty_text() -> None:
    rows = rows_of(["a"]) + [{"prompt": "q", "completion": "c"}]
    with pytest.raises(DataError) as caught:
        ftkit.convert(rows, "out.csv", to="prompt_completion")
    assert [(fault.row, fault.field) for fault in caught.value.faults] == [(2, "id")]
    assert folder() == {}


def test_an_empty_cell_that_means_the_same_is_no_change() -> None:
    with_and_without = [
        {"instruction": "a", "output": "b", "system": "s"},
        {"instruction": "a", "output": "b"},
    ]
    ftkit.convert(with_and_without, "out.csv", to="alpaca")
    assert stripped(ftkit.load("out.csv")) == stripped(ftkit.load(with_and_without))


def test_what_the_file_would_change_is_seen_before_it_gets_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def shouting(rows: Any, columns: Any, separator: str) -> Iterator[bytes]:
        for row in lines(rows, columns, separator):
            yield row.replace(b"paris", b"PARIS")

    monkeypatch.setattr("ftkit.data.writing.rows.lines", shouting)
    rows = [{"prompt": "q", "completion": text} for text in ("rome", "paris", "oslo")]
    with pytest.raises(DataError, match="not be the same when it is read again") as caught:
        ftkit.convert(rows, "out.csv", to="prompt_completion")
    assert [(fault.row, fault.field) for fault in caught.value.faults] == [(2, "messages[1]")]
    assert folder() == {}


@pytest.mark.parametrize(("was", "became"), [(b"true", b"1"), (b"1.0", b"1"), (b"[1]", b"[true]")])
def test_a_number_of_another_type_is_a_change(
    was: bytes, became: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(rows: Any, array: bool) -> Iterator[bytes]:
        for piece in objects(rows, array):
            yield piece.replace(b'"id": ' + was, b'"id": ' + became)

    monkeypatch.setattr("ftkit.data.writing.rows.objects", other)
    with pytest.raises(DataError, match="field 'id': would not be the same"):
        ftkit.convert([chat("a", "b", id=json.loads(was))], "out.jsonl", to="sharegpt")


def test_rows_that_are_lost_or_left_over_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    for change, said in ((lambda rows: rows[1:], "is not read"), (lambda rows: rows * 2, "more")):
        monkeypatch.setattr(
            "ftkit.data.writing.rows.objects",
            lambda given, array, change=change: objects(change(list(given)), array),
        )
        with pytest.raises(DataError, match=said):
            ftkit.convert(rows_of(["a", "b"]), "out.jsonl", to="chat")
        assert folder() == {}


# --- the file ---


@pytest.mark.parametrize("name", ["out", "out.txt", "out.jsonl.bz2", "out.gz", "out.parquet"])
def test_an_unknown_ending_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError, match=r"\.jsonl, \.json, \.csv, \.tsv, each also"):
        ftkit.convert(rows_of(["a"]), name, to="chat")
    assert folder() == {}


def test_an_unknown_format_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'sharegpt'"):
        ftkit.convert(rows_of(["a"]), "out.jsonl", to="sharegtp")


def test_a_file_that_is_there_is_replaced_only_with_force() -> None:
    Path("out.jsonl").write_text("mine")
    with pytest.raises(
        StorageError, match="out.jsonl is there already; force=True or --force replaces it"
    ):
        ftkit.convert(rows_of(["a"]), "out.jsonl", to="chat")
    assert folder() == {"out.jsonl": b"mine"}
    ftkit.convert(rows_of(["a"]), "out.jsonl", to="chat", force=True)
    assert len(ftkit.load("out.jsonl")) == 1


def test_a_file_that_came_there_meanwhile_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(rows: Any, array: bool) -> Iterator[bytes]:
        Path("out.jsonl").write_text("somebody else's")
        yield from objects(rows, array)

    monkeypatch.setattr("ftkit.data.writing.rows.objects", meanwhile)
    with pytest.raises(StorageError, match="is there already"):
        ftkit.convert(rows_of(["a"]), "out.jsonl", to="chat")
    assert folder() == {"out.jsonl": b"somebody else's"}


@pytest.mark.parametrize("size", [10, 12_000], ids=["in memory", "read from the file"])
@pytest.mark.parametrize("link", [False, True], ids=["itself", "through a link"])
def test_a_file_is_converted_into_itself_only_with_force(link: bool, size: int) -> None:
    rows = [chat(f"question {n}", "x" * 1_000, id=n) for n in range(size)]
    source = written("rows.jsonl", rows)
    out = "out.jsonl" if link else source
    if link:
        Path(out).symlink_to(source)
    before = folder()
    with pytest.raises(StorageError, match="is there already"):
        ftkit.convert(source, out, to="alpaca")
    assert folder() == before
    ftkit.convert(source, out, to="alpaca", force=True)
    assert Path(out).is_symlink() == link
    again = ftkit.load(source)
    assert (again.format, len(again), again[-1].fields) == ("alpaca", size, {"id": size - 1})
    assert folder().keys() == before.keys()


def test_who_may_read_a_file_stays_as_it_was() -> None:
    Path("out.jsonl").touch(0o640)
    Path("out.jsonl").chmod(0o640)
    ftkit.convert(rows_of(["a"]), "out.jsonl", to="chat", force=True)
    assert Path("out.jsonl").stat().st_mode & 0o777 == 0o640


def test_a_folder_and_a_missing_folder_are_said() -> None:
    Path("out.jsonl").mkdir()
    with pytest.raises(StorageError, match="it is a folder; name a file in it"):
        ftkit.convert(rows_of(["a"]), "out.jsonl", to="chat", force=True)
    with pytest.raises(StorageError, match="there is no folder .*nowhere"):
        ftkit.convert(rows_of(["a"]), "nowhere/out.jsonl", to="chat")
    assert list(Path("out.jsonl").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="drops root's rights")
def test_a_folder_without_permission_is_said() -> None:
    Path("locked").mkdir(0o700)
    rows = ftkit.load(rows_of(["a"]))
    os.seteuid(65534)
    try:
        with pytest.raises(StorageError, match="cannot write .*Permission denied"):
            ftkit.convert(rows, "locked/out.jsonl", to="chat")
    finally:
        os.seteuid(0)
    assert list(Path("locked").iterdir()) == []


def test_without_the_package_a_zst_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(NotInstalled, match=r"pip install 'ftkit\[data\]'"):
        ftkit.convert(rows_of(["a"]), "out.jsonl.zst", to="chat")
    assert folder() == {}


def test_a_set_without_rows_is_not_written() -> None:
    nothing = ftkit.load(rows_of(["a"])).filter(lambda example: False)
    with pytest.raises(DataError, match="no rows to write"):
        ftkit.convert(nothing, "out.jsonl", to="chat")
    assert folder() == {}


def test_calls_with_ids_of_their_own_go_to_a_format_without_ids_only_renumbered() -> None:
    call = {"id": "call_x9", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    row = {
        "messages": [
            {"role": "user", "content": "where?"},
            {"role": "assistant", "content": "", "tool_calls": [call, {**call, "id": "call_x8"}]},
            {"role": "tool", "content": "there", "tool_call_id": "call_x9"},
            {"role": "tool", "content": "here", "tool_call_id": "call_x8"},
            {"role": "assistant", "content": "there or here"},
        ]
    }
    with pytest.raises(DataError, match=r"tool_calls\[0\].id.*ids of tool calls other than call_0"):
        ftkit.convert([row], "out.jsonl", to="google")
    ftkit.convert([row], "out.jsonl", to="google", renumber_calls=True)
    (example,) = ftkit.load("out.jsonl")
    assert [one.id for one in example.messages[1].tool_calls] == ["call_0", "call_1"]
    assert [one.tool_call_id for one in example.messages[2:4]] == ["call_0", "call_1"]
    assert [one.content for one in example.messages[2:4]] == ["there", "here"]


def test_separators_can_be_stripped_on_the_way() -> None:
    rows = [
        {"prompt": f"question {n}\n\n###\n\n", "completion": f" answer {n} END"} for n in range(20)
    ]
    ftkit.convert(rows, "out.jsonl", to="chat", strip_separators=True)
    assert [m.content for m in ftkit.load("out.jsonl")[3].messages] == ["question 3", "answer 3"]
