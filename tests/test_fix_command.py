"""`ftkit fix`: a dry run without a file to write to, exit codes, JSON, and nothing of a row that steers the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import ftkit
from ftkit.cli.main import app
from ftkit.data.mending import MENDS
from tests.test_cli import ftkit as command

ROWS = [
    {"prompt": "où est le cafÃ©", "completion": "ici "},
    {"prompt": "a &amp; b", "completion": "c"},
    {"prompt": "a &amp; b", "completion": "c"},
]


@pytest.fixture(autouse=True)
def rows() -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
    Path("rows.jsonl").write_text(text, "utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["fix", *arguments])


def as_json(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    assert value["schema_version"] == 1
    return value


def files() -> list[str]:
    return sorted(path.name for path in Path.cwd().iterdir() if path.is_file())


def test_without_a_new_file_it_says_what_would_change_and_writes_nothing() -> None:
    result = run("rows.jsonl")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "rows.jsonl: 1 of 3 rows would change",
        "  wrong_decoding: 1",
        "  trailing_space: 1",
        "first changes:",
        "  row 1, prompt: wrong_decoding: 'où est le cafÃ©' -> 'où est le café'",
        "  row 1, completion: trailing_space: 'ici ' -> 'ici'",
        "nothing is written: name a file to write to",
    ]
    assert files() == ["rows.jsonl"]


def test_with_a_new_file_it_writes_that_and_the_log() -> None:
    result = run("rows.jsonl", "out.jsonl")
    assert result.stdout.splitlines()[-1] == (
        "written: out.jsonl; every change: out.jsonl.fixes.jsonl"
    )
    assert [e.answer for e in ftkit.load("out.jsonl")] == ["ici", "c", "c"]
    assert files() == ["out.jsonl", "out.jsonl.fixes.jsonl", "rows.jsonl"]


def test_options_have_the_names_of_the_arguments() -> None:
    value = as_json(
        "rows.jsonl", "out.jsonl", "--only", "html_entities", "--only", "wrong_decoding", "--skip", "wrong_decoding",
        "--drop-duplicates", "--log", "log.jsonl",
    )  # fmt: skip
    assert value["mends"] == {
        "html_entities": 1,
        "equal_rows": 1,
    }  # that of the row that goes is not told
    assert (value["path"], value["log"]) == ("out.jsonl", "log.jsonl")
    assert (value["rows"], value["rows_changed"], value["rows_dropped"]) == (3, 1, 1)
    lines = Path("log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == value["changes"]
    assert run("rows.jsonl", "out.jsonl", "--log", "log.jsonl").exit_code == 1
    assert run("rows.jsonl", "out.jsonl", "--log", "log.jsonl", "--force").exit_code == 0


def test_columns_are_named_as_for_load() -> None:
    Path("t.csv").write_text("text;route\ncafÃ©;x \n", "utf-8")
    assert as_json("t.csv", "--prompt", "text", "--completion", "route")["rows_changed"] == 1


def test_rows_that_cannot_be_read_are_named_or_dropped() -> None:
    with Path("rows.jsonl").open("ab") as file:
        file.write(b'{"prompt": 1\n')
    done = command("fix", "rows.jsonl", "out.jsonl", code=3)
    assert "row 4" in done.stderr
    assert files() == ["rows.jsonl"]
    value = as_json("rows.jsonl", "out.jsonl", "--drop-unreadable")
    assert (value["rows"], value["rows_dropped"], value["mends"]["unreadable_rows"]) == (4, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["rows.jsonl", "rows.jsonl", "--force"], 2, "leaves the original as it is"),
        (["rows.jsonl", "out.jsonl", "--only", "mojibake"], 2, "there is no mend 'mojibake'; known:"),
        (["rows.jsonl", "out.csv"], 2, "`ftkit convert`"),
        (["nothing.jsonl"], 2, "there is no file nothing.jsonl"),
        (["rows.jsonl", "no/out.jsonl"], 1, "cannot write no/out.jsonl: there is no folder no"),
    ],
)  # fmt: skip
def test_bad_input_is_one_message_and_its_exit_code(
    arguments: list[str], code: int, words: str
) -> None:
    assert words in command("fix", *arguments, code=code).stderr


def test_a_rows_text_cannot_steer_the_terminal() -> None:
    row = {"prompt": "q\x1b]0;owned\x07\x1b[31m\u202e", "completion": "a\u202eÃ© \u200b "}
    Path("rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    shown = command("fix", "rows.jsonl").stdout
    assert "a\\u202e" in shown and not set(shown) & set("\x1b\x07\u202e\u200b")


def test_the_docs_and_the_help_name_every_mend() -> None:
    docs = (Path(__file__).parents[1] / "docs" / "data.md").read_text("utf-8")
    shown = CliRunner().invoke(app, ["fix", "--help"], env={"COLUMNS": "200"}).stdout
    for mend in MENDS:
        assert f"| `{mend.name}` |" in docs and mend.name in shown, mend.name
