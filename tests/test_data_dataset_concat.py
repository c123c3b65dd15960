"""Data sets one after the other: every row keeps its place in its own file, and every number names one row."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from ftkit.data import Dataset, Example, check, load
from ftkit.data.storage import store as storing
from ftkit.errors import ConfigError, DataError

CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def pairs(path: Path, count: int, word: str) -> Dataset:
    lines = (json.dumps({"prompt": f"{word} {i}?", "completion": f"{i}."}) for i in range(count))
    path.write_text("\n\n".join(lines))  # a row has another number than its line
    return load(path)


@pytest.fixture
def files(tmp_path: Path) -> list[Dataset]:
    return [pairs(tmp_path / f"{name}.jsonl", n, name) for name, n in (("a", 4), ("b", 3))]


def same(example: Example) -> Example:
    return example


def test_rows_stand_one_after_the_other_with_numbers_that_go_on(files: list[Dataset]) -> None:
    a, b = files
    whole = a.concat(b)
    assert list(whole) == [*a, *b] and whole.format == "prompt_completion"
    assert [row.number for row in whole.rows] == [1, 2, 3, 4, 5, 6, 7]
    origins = [row.origin for row in whole.rows]
    assert origins == [*a.rows, *b.rows]
    assert {(row.line, row.offset) for row in whole.rows} == {(None, None)}
    assert [row.source for row in whole.rows] == [a.source] * 4 + [b.source] * 3
    assert f"{a.source} (rows 1 to 4) + {b.source} (rows 5 to 7)" == whole.source


def test_the_row_of_the_file_is_the_number_less_what_stands_before(files: list[Dataset]) -> None:
    a, b = files
    whole = a.select([3, 1]).concat(b.select([2]), a[:1])
    assert [row.number for row in whole.rows] == [4, 2, 7, 8]
    assert [row.origin.number for row in whole.rows if row.origin] == [4, 2, 3, 1]
    assert [row.origin.line for row in whole.rows if row.origin] == [7, 3, 5, 1]


def test_numbers_go_on_after_the_highest_of_what_was_kept(files: list[Dataset]) -> None:
    some = files[0].select([2, 0]).map(same)
    assert [row.number for row in some.concat(files[1]).rows] == [3, 1, 4, 5, 6]


def test_it_is_hashed_as_the_same_rows_in_one_file_are(
    files: list[Dataset], tmp_path: Path
) -> None:
    text = "\n".join(Path(one.source).read_text() for one in files)
    path = tmp_path / "both.jsonl"
    path.write_text(text)
    assert files[0].concat(files[1]).sha256 == load(path).sha256


def test_in_which_groups_they_are_joined_makes_no_difference(files: list[Dataset]) -> None:
    a, b = files
    ways = [a.concat(b, a), a.concat(b).concat(a), a.concat(b.concat(a))]
    assert len({one.sha256 for one in ways}) == 1 and len({one.source for one in ways}) == 1
    assert all(one.rows == ways[0].rows for one in ways)


def test_everything_made_from_it_still_names_the_files(files: list[Dataset]) -> None:
    whole = files[0].concat(files[1])
    for one in (whole[2:6], whole.filter(lambda e: True)[2:6], whole.map(same)[2:6]):
        again = pickle.loads(pickle.dumps(one))
        for made in (one, again):
            assert [row.number for row in made.rows] == [3, 4, 5, 6]
            assert [Path(row.source).stem for row in made.rows] == ["a", "a", "b", "b"]
            assert [row.origin and row.origin.number for row in made.rows] == [3, 4, 1, 2]
        assert again.sha256 == one.sha256 and list(again) == list(one) and again.rows == one.rows
    with pytest.raises(DataError) as caught:
        whole.map(lambda e: None if e.answer == "2." else e)  # type: ignore[arg-type,return-value]
    assert caught.value.faults[0].row == 3


def test_rows_of_several_formats_become_examples(files: list[Dataset]) -> None:
    chat = load([{"messages": CHAT, "topic": "x"}], system="Be short.")
    whole = files[1].concat(chat)
    assert whole.format == "examples" and list(whole) == [*files[1], *chat]
    assert whole.columns == ("topic",) and whole.values("topic") == [None, None, None, "x"]
    assert whole.values("prompt")[:2] == ["b 0?", "b 1?"], "mapped columns stay to group by"
    assert whole.sha256 == files[1].concat(chat.map(same)).sha256
    assert whole.rows[3].origin and whole.rows[3].origin.number == 1
    assert whole.rows[2].origin and whole.rows[2].origin.line == files[1].rows[2].line == 5


def test_another_system_message_is_another_format() -> None:
    one, other = (load([{"messages": CHAT}], system=text) for text in ("A", "B"))
    assert [example.system for example in one.concat(other)] == ["A", "B"]


def test_large_files_are_read_where_they_are(
    files: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "KEPT_IN_MEMORY", 10)
    a, b = (load(one.source) for one in files)
    whole = pickle.loads(pickle.dumps(a.concat(b)[3:5]))
    assert [example.answer for example in whole] == ["3.", "0."]
    Path(b.source).write_text(Path(b.source).read_text().replace("b 0?", "c 0?"))
    with pytest.raises(DataError) as caught:
        list(load(a.source).concat(b))
    assert str(caught.value).startswith(f"{b.source}: row 1 is not what it was")


def test_a_finding_names_the_rows_by_numbers_that_the_source_explains(
    files: list[Dataset],
) -> None:
    whole = files[0].concat(files[1], files[0][:2])
    report = check(whole)
    equal = next(finding for finding in report.findings if finding.code == "FT301")
    assert equal.rows == (8, 9)
    assert f"{files[0].source} (rows 8 to 9)" in str(report)


def test_the_name_of_many_files_stays_short(files: list[Dataset]) -> None:
    whole = files[0].concat(*[files[1]] * 500)
    assert whole.source.endswith("(rows 14 to 16) + 496 more") and len(whole) == 1_504
    assert whole.rows[1_503].number == 1_504 and whole.rows[1_503].source == files[1].source


def test_its_provenance_has_that_of_each(files: list[Dataset]) -> None:
    a, b = files[0][:2], files[1]
    made = a.concat(b).sample(3).provenance
    assert made.parts == (a.provenance, b.provenance)
    assert made.steps[0] == "concat 2 data sets of 2 + 3 rows"
    assert made.steps[1] == "sample 3, seed 0: 3 of 5 rows"
    told = str(made)
    assert f"from {a.source}: 4 rows" in told and "rows [:2]: 2 of 4 rows" in told


def test_what_is_no_data_set_is_refused(files: list[Dataset]) -> None:
    with pytest.raises(ConfigError, match="ftkit.load"):
        files[0].concat("b.jsonl")  # type: ignore[arg-type]
    assert list(files[0].concat()) == list(files[0])
    assert len(files[0][:0].concat(files[1])) == 3
