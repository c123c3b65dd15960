"""`ftkit split` writes every row whole: what a row teaches is the same in the file that it lands in."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import ftkit
from ftkit.cli.main import app
from ftkit.data.writing import stem
from ftkit.errors import ConfigError, DataError, FtkitError, StorageError

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def chat(n: int) -> dict[str, Any]:
    call = {"id": f"c{n}", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    return {
        "messages": [
            {"role": "user", "content": f"question {n}", "name": "ann"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "found", "tool_call_id": f"c{n}"},
            {"role": "assistant", "content": f"answer {n}", "weight": n % 2},
        ],
        "tools": [TOOL],
        "parallel_tool_calls": False,
        "source": f"row {n}",
    }


def pair(n: int) -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "user", "content": f"question {n}"}], "tools": [TOOL]},
        "preferred_output": [{"role": "assistant", "content": f"good {n}"}],
        "non_preferred_output": [{"role": "assistant", "content": f"bad {n}"}],
        "source": f"row {n}",
    }


@pytest.mark.parametrize("make", [chat, pair])
def test_nothing_of_a_row_is_dropped(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text("".join(json.dumps(make(n)) + "\n" for n in range(20)))
    result = CliRunner().invoke(app, ["split", "rows.jsonl", "--test", "0.2"])
    assert result.exit_code == 0, result.output
    written = [*ftkit.load("rows.train.jsonl"), *ftkit.load("rows.held_out.jsonl")]
    assert sorted(written, key=repr) == sorted(ftkit.load("rows.jsonl"), key=repr)


def test_names_that_differ_only_before_the_ending_do_not_collide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for version in ("v1", "v2"):
        Path(f"tickets.{version}.jsonl").write_text(
            "".join(
                json.dumps({"prompt": f"{version} {n}", "completion": "a"}) + "\n" for n in range(9)
            )
        )
        result = CliRunner().invoke(app, ["split", f"tickets.{version}.jsonl"])
        assert result.exit_code == 0, result.output
    for version in ("v1", "v2"):
        written = [
            *ftkit.load(f"tickets.{version}.train.jsonl"),
            *ftkit.load(f"tickets.{version}.held_out.jsonl"),
        ]
        assert {row.prompt[0].content.split()[0] for row in written} == {version}
        assert len(written) == 9


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tickets.csv", "tickets"),
        ("tickets.jsonl.gz", "tickets"),
        ("tickets.v1.json.zst", "tickets.v1"),
        ("Tickets.2026-01.PARQUET", "Tickets.2026-01"),
        ("tickets.v1", "tickets.v1"),
        (".tickets.jsonl", ".tickets"),
        (".jsonl", ".jsonl"),
    ],
)
def test_only_endings_that_say_how_a_file_is_read_are_taken_off(name: str, expected: str) -> None:
    assert stem(name) == expected


def test_the_parts_are_written_in_the_format_and_kind_that_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # as text such a column is data about the row; in a chat it would be read as the tools of the model
    rows = [{"prompt": f"q {n}", "completion": "a", "tools": "hammer"} for n in range(9)]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    refused = CliRunner().invoke(app, ["split", "rows.jsonl"])
    assert isinstance(refused.exception, DataError) and len(refused.exception.faults) == 8
    names = ["--train-out", "train.csv", "--held-out", "held_out.csv.gz"]
    result = CliRunner().invoke(app, ["split", "rows.jsonl", "--to", "prompt_completion", *names])
    assert result.exit_code == 0, result.output
    written = [*ftkit.load("train.csv"), *ftkit.load("held_out.csv.gz")]
    assert sorted(written, key=repr) == sorted(ftkit.load("rows.jsonl"), key=repr)


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_either_both_parts_are_written_or_none(
    force: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text("".join(json.dumps(chat(n)) + "\n" for n in range(20)))
    for names in (["--held-out", "nowhere/b.jsonl"], ["--held-out", "rows.train.jsonl"]):
        result = CliRunner().invoke(app, ["split", "rows.jsonl", *names, *force])
        assert isinstance(result.exception, FtkitError)
        assert [path.name for path in Path().iterdir() if path.is_file()] == ["rows.jsonl"]


@pytest.mark.parametrize("at", [1, 2])
def test_with_force_too_both_parts_are_replaced_or_none(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text("".join(json.dumps(chat(n)) + "\n" for n in range(20)))
    assert CliRunner().invoke(app, ["split", "rows.jsonl"]).exit_code == 0
    before = {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    real, count = os.replace, 0

    def fails(old: Path, new: Path) -> None:
        nonlocal count
        count += 1
        if count == at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(old, new)

    again = ["split", "rows.jsonl", "--seed", "1", "--force"]
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fails)
        result = CliRunner().invoke(app, again)
    assert isinstance(result.exception, StorageError)
    assert {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()} == before
    assert CliRunner().invoke(app, again).exit_code == 0
    for name in ("rows.train.jsonl", "rows.held_out.jsonl"):
        assert Path(name).read_bytes() != before[name]


def test_two_parts_are_not_written_to_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text("".join(json.dumps(chat(n)) + "\n" for n in range(20)))
    result = CliRunner().invoke(app, ["split", "rows.jsonl", "--held-out", "rows.train.jsonl"])
    assert isinstance(result.exception, ConfigError)
    assert "rows.train.jsonl and rows.train.jsonl would be the same file" in str(result.exception)


def test_no_part_takes_the_place_of_the_whole_file(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text(
        "".join(json.dumps({"prompt": f"p {n}", "completion": "c"}) + "\n" for n in range(20))
    )
    before = source.read_bytes()
    done = CliRunner().invoke(
        app, ["split", str(source), "--test", "4", "--train-out", str(source), "--force"]
    )
    assert isinstance(done.exception, ConfigError) and "the file that is split" in str(
        done.exception
    )
    assert source.read_bytes() == before and not (tmp_path / "rows.held_out.jsonl").exists()
