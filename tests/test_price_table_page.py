"""The page of a price table: what stands on it, that nothing is loaded, and that no name of a catalogue acts.

A real browser opens it where one is installed, from a server of the test's own that counts every request.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ftkit.cost import PassedOver
from ftkit.cost.price_lines import usd_text
from ftkit.errors import StorageError
from ftkit.types import Candidate, PriceTable
from tests.faults.planted_secrets import planted
from tests.hostile_pages import HOSTILE, Page, needs_browser, opened, texts_for, visited
from tests.price_pages import NOW, TODAY, compared, text_of, written
from tests.secret_pieces import shown_of


@pytest.fixture(autouse=True)
def the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_NOW", NOW)


# --- what stands on it -------------------------------------------------------------------------------------------


def test_it_says_what_was_compared_and_what_is_the_cheapest(tmp_path: Path) -> None:
    table = compared(["together/Qwen/Qwen3-8B", "fake/small", "google/gemini-3.5-flash"])
    text = text_of(written(table, tmp_path))
    here = next(one for one in table.ranked if one.quote.not_submittable is None)
    first, prompt = table.ranked[0], table.prompts[0]
    for words in (
        "What tuning on", "200 of", "lora, 3 epochs", "200,000 calls a month, 12 months", f"priced on {TODAY}",
        f"about {first.calls.input_tokens:,.0f} tokens in and {first.calls.output_tokens:,.0f} out",
        f"cheapest that ftkit can submit to{usd_text(table.total(here))} USD{here.model}",
        f"cheapest of all{usd_text(table.total(first))} USD{first.model}",
        f"cheapest prompt, without tuning{usd_text(prompt.course.after(12, 200_000))} USD{prompt.model}",
    ):  # fmt: skip
        assert words.replace(" ", "") in text.replace(" ", ""), words
    assert here.quote == table.best()


def test_where_ftkit_can_submit_to_none_it_says_so(tmp_path: Path) -> None:
    text = text_of(written(compared(["together/Qwen/Qwen3-8B"]), tmp_path))
    assert "none of the priced models today" in text and "cannot submit to Together yet" in text


def test_a_title_of_ones_own_stands_at_the_top(tmp_path: Path) -> None:
    page = written(compared(["fake/small"]), tmp_path, title="Router, <July>")
    assert "<title>Router, &lt;July&gt;</title>" in page
    assert "<h1>Router, &lt;July&gt;</h1>" in page


def test_what_cannot_be_trained_what_has_no_price_and_what_bills_leave_open_stands_there(
    tmp_path: Path,
) -> None:
    table = compared()
    text = text_of(written(table, tmp_path))
    for gone in table.passed_over:
        assert gone.model in text
        if gone.until is not None:
            assert str(gone.until) in text
    assert "no Claude model can be fine-tuned" in text
    assert table.unpriced and table.ranked
    for one in table.unpriced:
        assert one.model in text
    for one in (*table.ranked, *table.unpriced):
        for note in one.quote.notes:
            assert note[1:] in text
    for prompt in table.prompts:
        month = usd_text(prompt.course.after(1, 200_000))
        assert re.search(re.escape(prompt.model) + r"[^/]*" + re.escape(month), text), prompt.model


def test_every_figure_has_its_source_and_date_and_an_old_one_is_marked(tmp_path: Path) -> None:
    table = compared()
    text = text_of(written(table, tmp_path))
    prompts = [line for prompt in table.prompts for line in prompt.monthly]
    lines = [
        line
        for one in (*table.ranked, *table.unpriced)
        for line in (*one.quote.lines, *one.monthly)
    ]
    for line in (*lines, *prompts):
        old = " older than 90 days" if table.stale(line.as_of) else ""
        assert f"{line.source} {line.as_of}{old}" in text
        assert f"{line.source}, {line.as_of}{old}" in text
    assert any(table.stale(line.as_of) for line in lines)
    assert not all(table.stale(line.as_of) for line in lines)
    fresh = written(compared(["google/gemini-3.5-flash"], examples=0), tmp_path)
    assert '<span class="old">' not in fresh


# --- odd tables --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("models", "calls"),
    [
        ("all", 0),
        (["fake/small"], 1),
        (["together/Qwen/Qwen3-8B"], 10),
        (["anthropic/claude-haiku-5-5"], 10),
        (["google/gemini-3.5-flash-lite"], 10**9),
    ],
)
def test_tables_without_prompts_prices_or_models_have_a_page_too(
    tmp_path: Path, models: Any, calls: int
) -> None:
    table = compared(models, calls=calls)
    page = written(table, tmp_path)
    assert "How to read this" in page and "NaN" not in page
    assert ">None" not in page and "None " not in text_of(page).replace("None of these", "")
    empty = replace(table, ranked=(), unpriced=(), passed_over=(), prompts=())
    assert "has a known price" in text_of(written(empty, tmp_path))


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    assert written(compared(), tmp_path) == written(compared(), tmp_path)


def test_a_long_name_of_a_model_is_no_secret(tmp_path: Path) -> None:
    text = text_of(written(compared(), tmp_path))
    assert "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16" in text
    assert "random characters]" not in text


def test_a_secret_in_a_path_a_title_or_a_reason_is_not_shown(tmp_path: Path) -> None:
    table = compared(["fake/small"])
    for one in planted()[::9]:
        gone = PassedOver("fake/gone", f"row 3: {one.text}", None)
        told = replace(table, source=one.text, passed_over=(gone,))
        for title in (None, one.text):
            page = written(told, tmp_path, title=title)
            assert shown_of(one, page) is None, one.kind
            assert shown_of(one, Page(page).text) is None, one.kind


def test_a_folder_that_is_not_there_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no folder"):
        compared(["fake/small"]).html(tmp_path / "missing" / "table.html")


def test_the_command_writes_the_page_beside_what_it_prints(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("prompt,completion\n" + "where is it,on its way\n" * 30)
    page = tmp_path / "table.html"
    done = subprocess.run(
        [sys.executable, "-m", "ftkit.cli", "compare", str(rows), "--html", str(page), "--csv"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("model,method") and "price table: " in done.stderr
    assert "What tuning on rows.csv costs" in page.read_text(encoding="utf-8")


# --- hostile names -----------------------------------------------------------------------------------------------


def hostile(port: int = 9) -> PriceTable:
    """Every text that would act, as instance, model, tier, unit, source, note and reason."""
    table = compared(["azure/gpt-4.1-mini", "google/gemini-3.5-flash"])
    texts = texts_for(port)

    def named(text: str, one: Candidate) -> Candidate:
        lines = [
            tuple(replace(line, source=text, note=text, unit=text) for line in lines)
            for lines in (one.quote.lines, one.monthly)
        ]
        quote = replace(
            one.quote, instance=text, notes=(text,), not_submittable=text, lines=lines[0],
            resolved=replace(one.quote.resolved, tier=text),
        )  # fmt: skip
        facts = one.facts.model_copy(
            update={"replacements": (text,), "source": text, "shutdown": date(2027, 12, 1)}
        )
        return replace(one, name=text, quote=quote, facts=facts, monthly=lines[1])

    ranked = [named(text, one) for text in texts for one in table.ranked]
    lacking = [
        replace(one, monthly=(replace(one.monthly[0], label=one.name, usd=None),)) for one in ranked
    ]
    return replace(
        table,
        source=texts[0],
        ranked=tuple(ranked),
        unpriced=tuple(lacking),
        passed_over=tuple(PassedOver(text, text, TODAY) for text in texts),
        prompts=tuple(replace(table.prompts[0], model=text) for text in texts),
    )


def test_names_of_catalogues_stand_there_as_text_only(tmp_path: Path) -> None:
    page = Page(written(hostile(), tmp_path, title=HOSTILE[0]))
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"script", "img", "image", "link", "iframe", "base", "object", "embed", "a", "form"}
    )
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on") and name not in ("href", "src", "style"), (tag, name)
            # names are spoken too, as the label of their drawing
            assert name == "aria-label" or "http:" not in (value or ""), (tag, name, value)
    assert "url(" not in page.style and "@import" not in page.style
    for text in HOSTILE[:-1]:
        assert text.replace("{port}", "9") in page.text


def test_characters_that_hide_or_turn_text_are_shown_as_code_points(tmp_path: Path) -> None:
    page = written(hostile(), tmp_path)
    for hidden in ("\x1b", "\u202e", "\u202c", "\u200b", "\r", "\u2028"):
        assert hidden not in page
        assert f">U+{ord(hidden):04X}</span>" in page


def test_names_of_any_length_leave_the_page_small(tmp_path: Path) -> None:
    table = hostile()
    long = [replace(one, name="x" * 50_000) for one in table.ranked]
    page = written(replace(table, ranked=tuple(long), source="y" * 50_000), tmp_path)
    assert len(page) < 600_000


@needs_browser
def test_a_browser_asks_for_nothing_but_the_page_and_runs_nothing(tmp_path: Path) -> None:
    with visited() as (pages, asked, port):
        pages["/table.html"] = written(hostile(port), tmp_path, title="As it was")
        dom = opened(f"http://127.0.0.1:{port}/table.html", tmp_path / "profile")
    assert asked == ["/table.html"]
    assert "<title>As it was</title>" in dom
    assert {tag for tag, _ in Page(dom).tags}.isdisjoint(
        {"script", "img", "iframe", "link", "base"}
    )
