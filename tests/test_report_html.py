"""The page of a report: what stands on it, and that nothing in a row can act on the reader's machine.

A real browser opens it where one is installed, from a server of the test's own that counts every request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.errors import StorageError
from ftkit.evaluation import Metric, Report, evaluate
from ftkit.evaluation.charts import difference_bar, loss_curve, score_bar
from ftkit.pages.svg import Scale, scale_over, ticks
from tests.answering import model, right_on, rows
from tests.hostile_pages import HOSTILE, Page, needs_browser, opened, texts_for, visited

LOSSES = [{"type": "step", "step": i, "loss": 3 / i} for i in range(1, 40)] + [
    {"type": "validation", "step": 20, "loss": 0.4}
]


def hostile_report(port: int = 9) -> Report:
    """Answers, names of models and the name of the metric are a stranger's."""
    texts = texts_for(port)
    tuned = model(lambda i, e: texts[i % len(texts)], f"tu<b>ned</b>{texts[1]}", tuned=True)
    other = model(lambda i, e: texts[(i + 1) % len(texts)] + "x" * 400, "base")
    known = Metric(texts[0], lambda answer, reference, example: answer in texts)
    return evaluate(tuned, [other], rows(30), metric=known)


def hostile_rows(port: int = 9) -> Report:
    """The same texts as questions and references, read from rows."""
    texts = texts_for(port)
    texts[-1] = texts[-1].replace("\x00", "").replace("\ud800", "")  # a file with these is refused
    data = ftkit.load(
        [{"prompt": f"{text} {i}", "completion": text} for i, text in enumerate(texts)]
    )
    tuned, other = model(right_on([0, 2, 4, 6]), tuned=True), model(right_on([1, 3, 5]), "base")
    return evaluate(tuned, [other], data)


def page_of(report: Report, path: Path, **options: Any) -> str:
    return report.html(path / "report.html", **options).read_text(encoding="utf-8")


# --- what stands on it -------------------------------------------------------------------------------------------


def test_the_verdict_stands_at_the_top_in_words(tmp_path: Path) -> None:
    report = evaluate(
        model(right_on(range(91)), tuned=True), [model(right_on([]), "base")], rows(100)
    )
    page = Page(page_of(report, tmp_path))
    start = " ".join(page.text.split())
    assert start.startswith(
        "local/tuned against local/base Better The tuned model is better than its base"
    )
    for figure in ("91.0%", "0.0%", "+91.0 points", "95% interval +83.8 to +95.2, p < 0.0001"):
        assert figure in start[:500]


def test_an_open_verdict_says_how_many_rows_would_do(tmp_path: Path) -> None:
    report = evaluate(model(right_on(range(6))), [model(right_on(range(2, 6)), "base")], rows(20))
    text = Page(page_of(report, tmp_path)).text
    assert "These rows do not show which is better" in text
    assert re.search(r"About \d+ rows would show a difference of this size\.", text)


def test_won_lost_baselines_loss_and_provenance_are_there(tmp_path: Path) -> None:
    data, train = rows(60).select(range(30, 60)), rows(30)
    report = evaluate(
        model(right_on(range(20)), tuned=True, data_sha256=train.sha256, job="ftk123"),
        [model(right_on(range(15, 25)), "base")],
        data,
        train=train,
    )
    page = Page(page_of(report, tmp_path, metrics=LOSSES, title="Router, first try"))
    text = " ".join(page.text.split())
    assert text.startswith("Router, first try")
    for words in (
        "Won: 15 rows", "Lost: 5 rows", "11 more rows", "1 more row", "Row 31", "Row 55",
        "nearest training answer", "Training loss", "validation rows", "Before and after",
        "How to read this", data.sha256, train.sha256, "job ftk123", report.evaluated_at,
    ):  # fmt: skip
        assert words in text, words
    # rows both, one or none got right: 5, 15, 5, 5
    assert "candidate right 5 15 candidate wrong 5 5" in text
    assert sum(tag == "polyline" for tag, _ in page.tags) == 2
    assert (
        sum("held" in (attrs.get("class") or "") for tag, attrs in page.tags if tag == "circle")
        == 1
    )


def test_without_metrics_there_is_no_loss_curve(tmp_path: Path) -> None:
    report = evaluate(model(right_on([0])), [model(right_on([]), "base")], rows(5))
    assert "Training loss" not in page_of(report, tmp_path)


def test_likelihoods_alone_make_a_page_without_answers(tmp_path: Path) -> None:
    report = evaluate(model(right_on([])), [model(right_on([]), "base")], rows(5), metric="nll")
    text = Page(page_of(report, tmp_path)).text
    assert "not generated" in text and "left of the line is better" in text


def test_thousands_of_rows_do_not_all_stand_on_the_page(tmp_path: Path) -> None:
    report = evaluate(model(right_on(range(2000))), [model(right_on([]), "base")], rows(2000))
    page = page_of(report, tmp_path)
    assert "1,950 further rows are not on this page" in page
    assert len(page) < 150_000


def test_a_very_long_answer_is_folded_and_cut(tmp_path: Path) -> None:
    long = "word " * 20_000
    report = evaluate(model(lambda i, e: long), [model(right_on([]), "base")], rows(3))
    page = page_of(report, tmp_path)
    assert "all 100,000 characters" in page and "cut after 20,000 characters" in page
    assert len(page) < 3 * 2 * 25_000 + 40_000


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    report = hostile_rows()
    assert page_of(report, tmp_path, metrics=LOSSES) == page_of(report, tmp_path, metrics=LOSSES)


def test_a_folder_that_is_not_there_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write .*report.html: there is no folder"):
        hostile_rows().html(tmp_path / "missing" / "report.html")


# --- hostile rows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [hostile_report, hostile_rows])
def test_texts_of_rows_and_answers_stand_there_as_text_only(make: Any, tmp_path: Path) -> None:
    page = Page(page_of(make(), tmp_path, metrics=LOSSES, title=HOSTILE[0]))
    tags = {tag for tag, _ in page.tags}
    assert tags.isdisjoint(
        {"script", "img", "image", "link", "iframe", "base", "object", "embed", "a", "form"}
    )
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on") and name not in ("href", "src", "style"), (tag, name)
            assert name in ("aria-label", "title") or "http:" not in (value or ""), (
                tag,
                name,
                value,
            )
    assert [a.get("http-equiv") for t, a in page.tags if t == "meta" and "http-equiv" in a] == [
        "Content-Security-Policy"
    ]
    assert "url(" not in page.style and "@import" not in page.style
    for text in HOSTILE[:-1]:
        assert text.replace("{port}", "9") in page.text


def test_the_policy_forbids_everything_but_the_pages_own_style(tmp_path: Path) -> None:
    page = page_of(hostile_rows(), tmp_path)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy.group(1).startswith("default-src 'none'; style-src 'unsafe-inline'")
    # before anything that the policy should bind
    assert page.index("Content-Security-Policy") < page.index("<title>") < page.index("<style>")


def test_characters_that_hide_or_turn_text_are_shown_as_code_points(tmp_path: Path) -> None:
    page = page_of(hostile_report(), tmp_path)
    for hidden in ("\x1b", "\x00", "\u202e", "\u202c", "\u200b", "\ud800", "\r", "\u2028"):
        assert hidden not in page
        assert f">U+{ord(hidden):04X}</span>" in page
    assert 'title="right-to-left override"' in page


def test_joined_emoji_and_arabic_stay_as_they_are(tmp_path: Path) -> None:
    text = "👨\u200d👩\u200d👧 می\u200cخواهم متى؟"
    report = evaluate(model(lambda i, e: text), [model(right_on([]), "base")], rows(2))
    assert text in page_of(report, tmp_path)


# --- drawings ----------------------------------------------------------------------------------------------------


def _attribute(drawing: str, cls: str, name: str) -> float:
    found = re.search(rf'class="{cls}[^"]*"[^>]* {name}="([\d.]+)%?"', drawing)
    assert found is not None, (cls, name, drawing)
    return float(found.group(1))


def test_a_difference_lies_on_its_side_of_the_line_of_no_difference() -> None:
    for difference, side in ((0.2, 1), (-0.2, -1)):
        ends = sorted((difference / 2, difference * 2))
        scale = scale_over([*ends, difference])
        drawing = difference_bar(difference, *ends, scale, "", "better")
        zero, dot = _attribute(drawing, "zero", "x1"), _attribute(drawing, "dot", "cx")
        left, right = _attribute(drawing, "interval", "x1"), _attribute(drawing, "interval", "x2")
        assert (dot - zero) * side > 0 and (left - zero) * side > 0 and (right - zero) * side > 0
        assert left < dot < right


def test_a_score_is_drawn_in_proportion() -> None:
    drawing = score_bar(0.5, 0.4, 0.6, Scale(0, 1), "", "candidate")
    assert _attribute(drawing, "bar", "width") == pytest.approx(97 / 2)
    assert _attribute(drawing, "whisker", "x2") - _attribute(
        drawing, "whisker", "x1"
    ) == pytest.approx(97 * 0.2, abs=0.01)


def test_an_interval_without_ends_is_drawn_to_the_edges() -> None:
    scale = scale_over([float("-inf"), 0.5, float("inf")])
    drawing = difference_bar(0.5, float("-inf"), float("inf"), scale, "", "not_enough_evidence")
    assert "inf" not in drawing and "nan" not in drawing
    assert (_attribute(drawing, "interval", "x1"), _attribute(drawing, "interval", "x2")) == (
        1.5,
        98.5,
    )


@pytest.mark.parametrize(
    "metrics", [[], LOSSES[:1], [{"type": "step", "step": 1, "loss": float("nan")}] * 3]
)
def test_too_little_to_draw_is_not_drawn(metrics: Sequence[Mapping[str, Any]]) -> None:
    assert loss_curve(metrics) is None


def test_a_long_run_is_drawn_with_few_points_and_both_ends() -> None:
    run = [{"type": "step", "step": i, "loss": 5.0 - i / 5000} for i in range(1, 20_001)]
    drawing = loss_curve(run)
    assert drawing is not None
    raw = re.search(r'class="raw"[^>]*points="([^"]*)"', drawing)
    assert raw is not None
    points = raw.group(1).split()
    assert 300 < len(points) <= 400
    assert points[0].startswith("10.0,") and points[-1].startswith("990.0,")
    heights = [float(point.split(",")[1]) for point in points]
    assert heights == sorted(heights)  # a falling loss goes down the page, where y grows


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [(0, 4.1, [0, 1, 2, 3, 4, 5]), (-0.12, 0.31, [-0.2, -0.1, 0, 0.1, 0.2, 0.3, 0.4]), (2, 2, [2])],
)
def test_marks_are_round(low: float, high: float, marks: list[float]) -> None:
    assert ticks(low, high, 5) == marks


# --- in a browser ------------------------------------------------------------------------------------------------


@needs_browser
@pytest.mark.parametrize("make", [hostile_report, hostile_rows])
def test_a_browser_asks_for_nothing_but_the_page_and_runs_nothing(
    make: Any, tmp_path: Path
) -> None:
    with visited() as (pages, asked, port):
        pages["/report.html"] = page_of(make(port), tmp_path, metrics=LOSSES, title="As it was")
        dom = opened(f"http://127.0.0.1:{port}/report.html", tmp_path / "profile")
    assert asked == ["/report.html"]
    assert "<title>As it was</title>" in dom
    assert {tag for tag, _ in Page(dom).tags}.isdisjoint(
        {"script", "img", "iframe", "link", "base"}
    )


@needs_browser
def test_the_same_texts_unescaped_would_have_been_noticed(tmp_path: Path) -> None:
    with visited() as (pages, asked, port):
        texts = "".join(texts_for(port)[:2])
        pages["/open.html"] = f"<!doctype html><title>As it was</title><body>{texts}"
        dom = opened(f"http://127.0.0.1:{port}/open.html", tmp_path / "profile")
    assert {"/script", "/pixel"} <= set(asked)
    assert "<title>owned</title>" in dom
