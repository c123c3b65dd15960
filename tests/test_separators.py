"""The ends of old prompts and completions: told by `check`, stripped where that is asked for, never in silence."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.cli.main import app
from ftkit.data import Dataset, load
from ftkit.errors import ConfigError


def rows(prompt: str = "{} ->", completion: str = " {} END", count: int = 20) -> list[Any]:
    return [
        {"prompt": prompt.format(f"q{n}"), "completion": completion.format(f"a{n}")}
        for n in range(count)
    ]


def texts(data: Dataset) -> tuple[str, str]:
    return data[0].messages[-2].content, data[0].answer


def found(data: Any) -> list[str]:
    report = ftkit.check(data)
    return [one.detail for one in report.findings if one.code == "FT605"]


@pytest.mark.parametrize("end", ["\n\n###\n\n", " ->", "\n\n"])
@pytest.mark.parametrize("completion", ["{}", " {}", " {} END", "{}###", " {} ###"])
def test_the_usual_ends_are_stripped(end: str, completion: str) -> None:
    data = load(rows("{}" + end, completion), strip_separators=True)
    assert texts(data) == ("q0", "a0")
    assert repr(end) in data.detected and "stripped" in data.detected
    assert not found(data)


def test_nothing_is_stripped_unless_it_is_asked_for() -> None:
    assert texts(load(rows())) == ("q0 ->", " a0 END")
    assert texts(load(rows(), strip_separators=False)) == ("q0 ->", " a0 END")


def test_only_one_end_and_one_space_are_taken_off() -> None:
    data = load(rows("{} -> ->", "  {} END END"), strip_separators=True)
    assert texts(data) == ("q0 ->", " a0 END")


def test_rows_without_the_end_stay_as_they_are() -> None:
    mixed = [*rows(count=39), {"prompt": "Why?", "completion": "So."}]
    data = load(mixed, strip_separators=True)
    assert [turn.content for turn in data[39].messages] == ["Why?", "So."]
    with pytest.raises(ConfigError, match="none is so common"):
        load(
            [*rows(count=9), *[{"prompt": "Why?", "completion": "So."}] * 3], strip_separators=True
        )


@pytest.mark.parametrize("count", [4, 5])
def test_a_few_rows_make_no_habit(count: int) -> None:
    assert bool(found(rows(count=count))) == (count == 5)


def test_what_is_stripped_is_part_of_the_hash_and_of_what_travels() -> None:
    kept, stripped = load(rows()), load(rows(), strip_separators=True)
    assert kept.sha256 != stripped.sha256
    assert stripped.sha256 != load(rows("{}\n\n", "{}"), strip_separators=True).sha256
    assert texts(pickle.loads(pickle.dumps(stripped))) == ("q0", "a0")
    assert texts(stripped[3:]) == ("q3", "a3") and stripped.values("prompt")[0] == "q0 ->"
    assert texts(stripped.map(lambda example: example)) == ("q0", "a0")


@pytest.mark.parametrize("columns", [{}, {"prompt": "question", "completion": "label"}])
def test_columns_under_any_name_and_a_system_message_go_with_it(columns: dict[str, str]) -> None:
    names = columns or {"prompt": "prompt", "completion": "completion"}
    named = [{names[key]: value for key, value in row.items()} for row in rows()]
    data = load(named, **columns, system="S", strip_separators=True)  # type: ignore[arg-type]
    assert [turn.content for turn in data[0].messages] == ["S", "q0", "a0"]


def test_other_formats_have_no_separators_to_strip() -> None:
    turns = [{"role": "user", "content": "Hi ->"}, {"role": "assistant", "content": "Hello END"}]
    with pytest.raises(ConfigError, match="these are 'chat'"):
        load([{"messages": turns}] * 9, strip_separators=True)
    with pytest.raises(ConfigError, match="is loaded already"):
        load(load(rows()), strip_separators=True)


def test_check_tells_them_with_what_to_do() -> None:
    (detail,) = found(rows())
    assert detail == (
        "in nearly all rows: ' ->' at the end of the prompt, ' ' at the beginning of the completion, "
        "' END' at the end of the completion"
    )
    report = ftkit.check(rows())
    (finding,) = [one for one in report.findings if one.code == "FT605"]
    assert finding.severity == "info" and "--strip-separators" in finding.mend
    assert not found(rows("{}?", "{}.")) and not found(rows("{} ->x", "x {}"))


def test_chats_that_were_made_of_such_rows_are_told_too() -> None:
    chats = [
        {
            "messages": [
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": row["completion"]},
            ]
        }
        for row in rows()
    ]
    assert found(chats)
    assert not found([*chats, {"messages": chats[0]["messages"] * 2}])


def test_the_command_has_the_option(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    path = tmp_path / "old.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    for options, told in (([], True), (["--strip-separators"], False)):
        done = CliRunner().invoke(app, ["check", str(path), "--json", *options])
        codes = {finding["code"] for finding in json.loads(done.stdout)["findings"]}
        assert ("FT605" in codes) == told
