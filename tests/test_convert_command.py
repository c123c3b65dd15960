"""`ftkit convert IN OUT --to FORMAT`: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import ftkit
from ftkit.cli.main import app, main

ROWS = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(3)]


def convert(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["convert", *arguments])


def files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}


@pytest.fixture(autouse=True)
def rows() -> Path:
    path = Path("rows.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_it_says_what_was_read_and_written() -> None:
    done = convert("rows.jsonl", "out.csv", "--to", "alpaca")
    assert done.exit_code == 0, done.output
    assert done.output == (
        "3 rows as 'alpaca': out.csv\n"
        "read as 'prompt_completion': each of 3 rows has 'prompt' and 'completion', and none has a mark of 'transcript'\n"
    )
    assert Path("out.csv").read_text().startswith('"instruction","input","output"\n')


def test_it_says_so_in_json() -> None:
    done = convert("rows.jsonl", "out.jsonl", "--to", "chat", "--system", "Answer.", "--json")
    assert json.loads(done.output) == {
        "schema_version": 1,
        "path": "out.jsonl",
        "rows": 3,
        "read": "prompt_completion",
        "detected": "each of 3 rows has 'prompt' and 'completion', and none has a mark of 'transcript'",
        "written": "chat",
    }
    assert ftkit.load("out.jsonl")[0].system == "Answer."


def test_the_options_of_load_name_columns_and_format() -> None:
    done = convert("rows.jsonl", "out.jsonl", "--to", "chat", "--prompt", "completion",
                   "--completion", "prompt", "--format", "prompt_completion")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert ftkit.load("out.jsonl")[0].answer == "question 0"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["rows.jsonl", "out.jsonl", "--to", "preference"], 3, "row 1, field 'rejected'"),
        (["rows.jsonl", "out.jsonl", "--to", "chatt"], 2, "did you mean 'chat'"),
        (["rows.jsonl", "out.txt", "--to", "chat"], 2, ".jsonl, .json, .csv, .tsv"),
        (["rows.jsonl", "rows.jsonl", "--to", "chat"], 1, "--force"),
        (["row.jsonl", "out.jsonl", "--to", "chat"], 2, "did you mean 'rows.jsonl'"),
        (["rows.jsonl", "out.jsonl"], 2, "--to"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files()
    with pytest.raises(SystemExit) as ended:
        main(["convert", *arguments])
    assert ended.value.code == code
    assert said in capsys.readouterr().err
    assert files() == before


def test_force_replaces_the_source_itself() -> None:
    assert convert("rows.jsonl", "rows.jsonl", "--to", "sharegpt", "--force").exit_code == 0
    assert ftkit.load("rows.jsonl").format == "sharegpt"


def test_the_faults_of_an_error_stand_in_its_json(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = {"prompt": "a", "completion": "b"}, {"prompt": 1, "completion": "b"}
    Path("bad.jsonl").write_text(f"{json.dumps(good)}\n{json.dumps(bad)}\n")
    with pytest.raises(SystemExit) as ended:
        main(["convert", "bad.jsonl", "out.jsonl", "--to", "chat", "--json"])
    value = json.loads(capsys.readouterr().out)
    assert ended.value.code == 3 and value["error"] == "DataError"
    (fault,) = value["faults"]
    assert (fault["row"], fault["line"], fault["offset"], fault["field"]) == (2, 2, 35, "prompt")
