"""`ftkit split` takes what `Dataset.split` takes, and prints what was not done and what changed sides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import ftkit
from ftkit.cli.main import app
from ftkit.errors import FtkitError

LONG = "How long does a transfer from my bank to the new account take in the summer?"
NEARLY = LONG.replace("summer", "winter")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, rows: list[dict[str, Any]]) -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def split(*options: str) -> Result:
    return CliRunner().invoke(app, ["split", "rows.jsonl", "--force", *options])


def refused(*options: str) -> int:
    """The exit code that the command returns for the error."""
    error = split(*options).exception
    assert isinstance(error, FtkitError), error
    return error.exit_code


def row(i: int, **columns: Any) -> dict[str, Any]:
    return {"prompt": f"question {i}", "completion": "ab"[i % 2], **columns}


def test_notes_are_printed_and_stand_in_the_json() -> None:
    write("rows.jsonl", [row(i, doc_id=i // 4) for i in range(60)])
    told = split("--test", "12")
    assert told.exit_code == 0, told.output
    assert "note: 60 rows share values of 'doc_id'" in told.output
    assert json.loads(split("--test", "12", "--json").output)["notes"][0].startswith("60 rows")
    assert json.loads(split("--group-by", "doc_id", "--json").output)["moved"] == []


def test_near_duplicates_part_only_where_it_is_said() -> None:
    write("rows.jsonl", [{"prompt": text, "completion": "x"} for text in (LONG, NEARLY)])
    for options in (("--no-near",), ("--near", "0.99"), ("--duplicates", "row")):
        assert split("--test", "1", *options).exit_code == 0
    assert refused("--test", "1", "--near", "0.8") == 3
    assert refused("--near", "0.8", "--no-near") == 2


def test_labels_and_dates_are_options_too() -> None:
    write("rows.jsonl", [row(i, at=f"2024-03-{1 + i % 28:02}") for i in range(56)])
    assert split("--stratify-by", "label", "--test", "8").exit_code == 0
    assert sorted(e.answer for e in ftkit.load("rows.held_out.jsonl")) == [*"aaaabbbb"]
    assert split("--time-by", "at", "--test", "8").exit_code == 0
    assert min(ftkit.load("rows.held_out.jsonl").values("at")) == "2024-03-25"
    assert refused("--time-by", "at", "--stratify-by", "label") == 2


def test_an_earlier_split_is_kept_from_its_two_files() -> None:
    write("rows.jsonl", [row(i) for i in range(40)])
    assert split("--test", "8").exit_code == 0
    old = {e.prompt for e in ftkit.load("rows.held_out.jsonl")}
    for part in ("train", "held_out"):
        Path(f"rows.{part}.jsonl").rename(f"old.{part}.jsonl")
    grown = [*(row(i) for i in range(40, 60)), *(row(i) for i in range(40))]
    write("rows.jsonl", [{**one, "g": ""} for one in grown])
    before = ("--previous-train", "old.train.jsonl", "--previous-held-out", "old.held_out.jsonl")
    assert split("--seed", "5", "--test", "0.3", *before).exit_code == 0
    assert old < {e.prompt for e in ftkit.load("rows.held_out.jsonl")}

    for one in grown:
        one["g"] = "all" if one["prompt"] in ("question 0", next(iter(old))[0].content) else ""
    trained = {e.prompt[0].content for e in ftkit.load("old.train.jsonl")}
    assert "question 0" in trained
    write("rows.jsonl", grown)
    told = split("--test", "0.3", "--group-by", "g", "--json", *before)
    (moved,) = json.loads(told.output)["moved"]
    assert moved["why"].endswith("row 21, trained on before, by the same group")
    assert (
        "was held out and is trained on now"
        in split("--test", "0.3", "--group-by", "g", *before).output
    )
    assert refused(*before[:2]) == 2


@pytest.mark.parametrize("rows", ["1.5", "inf", "nan", "-1"])
def test_a_number_of_rows_is_whole_and_never_cut_off(rows: str) -> None:
    write("rows.jsonl", [row(i) for i in range(20)])
    assert refused("--test", rows) == 2


def test_two_names_of_one_file_are_seen() -> None:
    write("rows.jsonl", [row(i) for i in range(20)])
    Path("one.jsonl").write_text("")
    Path("other.jsonl").symlink_to("one.jsonl")
    assert refused("--train-out", "one.jsonl", "--held-out", "other.jsonl") == 2
    assert Path("one.jsonl").read_text() == ""


def test_parts_are_written_as_transcripts_too() -> None:
    write("rows.jsonl", [row(i) for i in range(20)])
    assert split("--to", "transcript").exit_code == 0
    assert ftkit.load("rows.train.jsonl").format == "transcript"
