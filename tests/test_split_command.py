"""`ftkit split` writes every row whole: what a row teaches is the same in the file that it lands in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import ftkit
from ftkit.cli.main import app

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
