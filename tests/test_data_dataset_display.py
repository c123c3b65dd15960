"""What a data set shows of itself, at a prompt and in a notebook, where rows are a stranger's text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ftkit.data import Dataset, load
from ftkit.data.storage import store as storing
from tests.hostile_pages import HOSTILE, Page

HI = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
ALLOWED = {"div", "style", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "small"}


def hostile() -> list[str]:
    """As far as `load` takes them: half characters and NUL are refused there."""
    return [text.replace("\ud800", "").replace("\x00", "") for text in HOSTILE]


def test_a_notebook_shows_the_first_rows_as_a_table() -> None:
    data = load([{"prompt": f"q{i}", "completion": f"a{i}", "n": i} for i in range(9)])
    page = Page(data.filter(lambda e: e.fields["n"] > 1)._repr_html_())
    assert "the list of rows: 7 rows, prompt_completion" in page.text
    for number in range(3, 8):
        assert re.search(rf"\b{number} *q{number - 1} *a{number - 1}\b", page.text)
    assert "q7" not in page.text and "and 2 more rows; columns n" in page.text
    assert "filter by a lambda: 7 of 9 rows" in page.text


@pytest.mark.parametrize("text", hostile())
@pytest.mark.parametrize("where", ["prompt", "completion", "column", "tool", "name"])
def test_nothing_in_a_row_becomes_part_of_the_page(text: str, where: str) -> None:
    row: dict[str, object] = {"prompt": "p", "completion": "c"}
    if where == "tool":
        call = {"id": "c", "type": "function", "function": {"name": text, "arguments": "{}"}}
        row = {"messages": [HI[0], {"role": "assistant", "content": text, "tool_calls": [call]}]}
    else:
        row[text if where in ("column", "name") else where] = text
    page = Page(load([row])._repr_html_())
    tags = {tag for tag, _ in page.tags} - {"span"}
    assert tags <= ALLOWED
    for tag, attributes in page.tags:
        assert set(attributes) <= {"class", "scope", "dir", "title"}, tag
        assert not any("http" in (value or "") for value in attributes.values())
    assert "http" not in page.style and "url(" not in page.style and "@import" not in page.style
    for hidden in "\x1b\u202e\u202c\u200b\u2028":
        assert hidden not in page.text


def test_hidden_characters_stand_as_their_code_points() -> None:
    page = Page(load([{"prompt": "a\u202eb\u200bc", "completion": "שלום"}])._repr_html_())
    assert "aU+202EbU+200Bc" in page.text and "שלום" in page.text
    assert ("td", {"dir": "auto"}) in page.tags


def test_its_colours_are_those_of_the_page_around_it() -> None:
    style = Page(load([{"messages": HI}])._repr_html_()).style
    assert "color: inherit" in style and "background: transparent" in style
    assert not re.search(r"#[0-9a-f]{3,6}\b|: (white|black)\b", style)
    assert all(rule.strip().startswith(".ftkit-rows") for rule in style.split("}") if rule.strip())


def test_conversations_tools_pictures_and_pairs_are_shown_in_words() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "rain", "arguments": "{}"}}
    picture = {"type": "image_url", "image_url": {"url": "https://x.org/a.png"}}
    rows = [
        {"messages": [*HI * 5, {"role": "user", "content": [picture]}, HI[1]]},
        {"messages": [HI[0], {"role": "assistant", "content": None, "tool_calls": [call]}]},
    ]
    text = Page(load(rows)._repr_html_()).text
    assert "user: Hi\nassistant: Hello\nuser: Hi\n(7 more turns)\nuser: (an image)" in text
    assert "rain({})" in text and "x.org" not in text
    pair = load([{"prompt": "p", "chosen": "yes", "rejected": "no"}])
    assert "rejected: no" in Page(pair._repr_html_()).text


def test_long_texts_and_many_columns_stay_small() -> None:
    row = {"prompt": "x" * 1_000_000, "completion": "y" * 1_000_000}
    data = load([{**row, **{f"column{n}": n for n in range(200)}}] * 3)
    assert len(data._repr_html_()) < 10_000 and len(repr(data)) < 500
    assert "(1,000,000 characters)" in data._repr_html_()


@pytest.mark.parametrize("text", hostile())
def test_nothing_in_a_row_steers_the_terminal(text: str) -> None:
    shown = repr(load([{"prompt": text, "completion": text, text: text}]))
    assert not set("\x1b\u202e\u202c\u200b\u2028") & set(shown) and shown.count("\n") == 1


def test_the_last_step_is_told_at_the_prompt() -> None:
    data = load([{"prompt": "p", "completion": "c"}] * 4)
    assert "after" not in repr(data)
    assert "4 rows, prompt_completion, after rows [1:]: 3 of 4 rows)" not in repr(data)
    assert "3 rows, prompt_completion, after rows [1:]: 3 of 4 rows)" in repr(data[1:])


def test_a_file_that_changed_shows_that_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "KEPT_IN_MEMORY", 10)
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n')
    data: Dataset = load(path)
    path.write_text('{"prompt": "x", "completion": "b"}\n')
    assert "the file changed" in repr(data) and "the file changed" in data._repr_html_()
    assert "0 rows" in data[:0]._repr_html_()
