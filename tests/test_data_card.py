"""The data card: what stands on it, that it stays small, shows no secret, and lets nothing in a row act.

A real browser opens it where one is installed, from a server of the test's own that counts every request.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.data import CheckReport, Finding, Severity, check, check_rule, load
from ftkit.data.checks import masking, own_rules
from ftkit.errors import StorageError
from tests.faults.planted_secrets import planted
from tests.hostile_pages import HOSTILE, Page, needs_browser, opened, texts_for, visited
from tests.secret_pieces import shown_of
from tests.test_data_checks import Words

PLANTED = planted()


def report_of(*rows: tuple[str, str], **options: Any) -> CheckReport:
    return check(load([{"prompt": p, "completion": c} for p, c in rows]), **options)


def routing(count: int = 90) -> list[tuple[str, str]]:
    return [(f"where is parcel {n}, please", f"route {n % 3}") for n in range(count)]


def card(report: CheckReport, folder: Path, **options: Any) -> str:
    return report.html(folder / "card.html", **options).read_text(encoding="utf-8")


def text_of(page: str) -> str:
    return " ".join(Page(page).text.split())


# --- what stands on it -------------------------------------------------------------------------------------------


def test_it_says_what_the_set_is_and_what_was_found(tmp_path: Path) -> None:
    Path("tickets.jsonl").write_text(
        "".join(
            json.dumps({"prompt": p, "completion": c, "shop": 1}) + "\n"
            for p, c in [*routing(), ("a", "")]
        )
    )
    report = ftkit.check("tickets.jsonl")
    text = text_of(card(report, tmp_path))
    assert text.startswith("tickets: data card Data card tickets 1 error")
    assert report.portrait is not None
    for words in (
        "tickets.jsonl", "91", "1 error", "FT102", "an answer is empty", "row 91", "prompt_completion: each of 91 rows",
        "prompt, completion", "shop", report.portrait.sha256, report.portrait.checked_at,
        "lassification with 3 labels", "route 0", "Prompts", "Answers", "median", "95th percentile",
        "What needs no language model",
    ):  # fmt: skip
        assert words in text, words


def test_a_title_of_ones_own_stands_at_the_top(tmp_path: Path) -> None:
    page = card(report_of(*routing()), tmp_path, title="Router, <July>")
    assert "<title>Router, &lt;July&gt;: data card</title>" in page
    assert "<h1>Router, &lt;July&gt;</h1>" in page


def test_three_rows_of_each_finding_are_shown(tmp_path: Path) -> None:
    report = report_of(*[(f"question {n}", "") for n in range(10)])
    page = card(report, tmp_path)
    assert [row for row in re.findall(r"<h4>Row (\d+)", page)] == ["1", "2", "3"]
    assert "question 2" in page and "question 4" not in page


def test_baselines_and_the_power_of_a_hold_out_are_drawn(tmp_path: Path) -> None:
    from ftkit.evaluation.power import minimum_detectable

    report = report_of(*routing(1000), smallest_gain=minimum_detectable)
    figures = {finding.code: dict(finding.figures) for finding in report.findings}
    assert figures["FT805"]["the most frequent answer"] == pytest.approx(1 / 3, abs=0.08)
    assert 0 < figures["FT806"]["models differ on 20% of rows"] < 0.3
    text = text_of(card(report, tmp_path))
    for name, share in figures["FT805"].items():
        assert f"{name} {share:.1%}" in text
    assert f"{100 * figures['FT806']['models differ on 20% of rows']:.1f} points" in text
    # once in the list of findings, and not again as a case
    assert text.count("FT805") == text.count("FT806") == 1
    assert report.to_dict()["findings"][-2]["figures"] == figures["FT805"]


def test_the_twenty_most_frequent_labels_stand_and_the_rest_is_counted(tmp_path: Path) -> None:
    rows = [(f"q {n} {n * n}", f"label_{n % 30:02d}") for n in range(600)]
    report = report_of(*rows, *[(f"z {n} {n**3}", "label_29") for n in range(9)])
    assert report.portrait is not None
    assert report.portrait.labels[0] == ("label_29", 29)
    assert (len(report.portrait.labels), report.portrait.other_labels) == (20, (10, 200))
    assert "10 more labels in 200 further answers" in text_of(card(report, tmp_path))


def test_the_inferred_schema_stands_there(tmp_path: Path) -> None:
    answers = [json.dumps({"city": f"city {n}", "nights": n}) for n in range(60)]
    page = card(report_of(*((f"book {n}", a) for n, a in enumerate(answers))), tmp_path)
    schema = json.loads(Page(page).text.split("fulfils")[1].split("\n}")[0] + "\n}")
    assert schema["required"] == ["city", "nights"]


def test_what_did_not_run_stands_there(tmp_path: Path) -> None:
    report = report_of(*[(f"{n * n}", f"label {n % 3}") for n in range(60)])
    assert report.skipped
    text = text_of(card(report, tmp_path))
    assert "What did not run" in text and report.skipped[0].why in text


def test_with_a_model_lengths_are_tokens_and_its_limit_is_marked(tmp_path: Path) -> None:
    report = report_of(
        *[("w " * (n % 10 + 1), "w w") for n in range(60)],
        renderer=Words(max_length=11),
        model="local/words",
    )
    assert report.portrait is not None
    assert [(s.what, s.unit) for s in report.portrait.lengths] == [
        ("whole row", "tokens"), ("read", "tokens"), ("trained", "tokens")
    ]  # fmt: skip
    whole, read, trained = report.portrait.lengths
    assert (whole.low, whole.high, read.high, trained.high) == (3, 12, 10, 2)
    page = card(report, tmp_path)
    assert "limit of the model 11" in page and "local/words, which takes 11 tokens" in page
    assert page.count('class="level limit"') == 1


def test_a_limit_far_beyond_the_rows_is_not_drawn_but_said(tmp_path: Path) -> None:
    report = report_of(
        *[("w " * (n % 10 + 1), "w w") for n in range(60)], renderer=Words(max_length=8192)
    )
    page = card(report, tmp_path)
    assert "limit of the model" not in page and "the model takes 8,192" in page


def test_rows_that_the_model_refuses_leave_the_others_counted() -> None:
    report = report_of(("refuse me", "a"), *[("w w", "w")] * 59, renderer=Words())
    assert report.portrait is not None and report.counts is None
    assert report.portrait.lengths[0].rows == 59


def test_a_file_that_cannot_be_loaded_has_a_card_too(tmp_path: Path) -> None:
    Path("broken.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "a"\n')
    report = ftkit.check("broken.jsonl")
    assert report.portrait is None
    text = text_of(card(report, tmp_path))
    assert "FT001" in text and "broken.jsonl" in text and "row 2" in text


@pytest.mark.parametrize(
    "rows",
    [
        [{"prompt": "a", "completion": "b"}],
        [{"messages": [{"role": "user", "content": "a"}]}],
        [{"messages": [{"role": "assistant", "content": ""}]}],
    ],
)
def test_the_smallest_sets_have_a_card(rows: list[Any], tmp_path: Path) -> None:
    assert "Data card" in card(check(load(rows)), tmp_path)


def test_calls_tools_and_images_are_named(tmp_path: Path) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "track", "arguments": '{"id": 7}'}}
    tool = {"type": "function", "function": {"name": "track", "parameters": {"type": "object", "properties": {"id": {"type": "string"}}}}}  # fmt: skip
    rows = [
        {"messages": [{"role": "user", "content": "where?"}, {"role": "assistant", "content": None, "tool_calls": [call]}], "tools": [tool]}
    ]  # fmt: skip
    text = text_of(card(check(load(rows)), tmp_path))
    assert 'track({"id": 7})' in text and "1 tool" in text


def test_the_same_report_gives_the_same_bytes_and_it_can_be_pickled(tmp_path: Path) -> None:
    import pickle

    report = report_of(*routing())
    assert card(pickle.loads(pickle.dumps(report)), tmp_path) == card(report, tmp_path)
    assert hash(report.portrait)


def test_a_folder_that_is_not_there_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write .*card.html: there is no folder"):
        report_of(("a", "b")).html(tmp_path / "missing" / "card.html")


def test_a_submission_makes_no_portrait() -> None:
    assert report_of(("a", "b"), advisory=False).portrait is None


# --- bounded -----------------------------------------------------------------------------------------------------


def test_whatever_the_size_of_the_data_the_page_stays_small(tmp_path: Path) -> None:
    columns = {f"column {n} {'x' * 300}": "y" for n in range(3_000)}
    rows: list[dict[str, Any]] = [
        {"prompt": f"{n} " + "long <b> " * 8_000, "completion": f"</s> {'answer ' * 3_000}{n % 2}"}
        for n in range(60)
    ]
    rows[0] |= columns
    assert len(json.dumps(rows)) > 5_000_000
    report = check(load(rows))
    assert len(card(report, tmp_path)) < 120_000
    assert len(repr(report.portrait)) < 120_000


def test_long_labels_and_schemas_are_cut(tmp_path: Path) -> None:
    labels = report_of(*[(f"q {n} {n * n}", f"{n % 2}" + "very long label " * 500) for n in range(60)])  # fmt: skip
    fields = {f"field {n} {'x' * 400}": "a" * 1_000 for n in range(59)}
    schema = report_of(*[(f"q {n} {n * n}", json.dumps(fields | {"n": n})) for n in range(60)])
    assert labels.task is not None and labels.task.labels is not None
    assert schema.task is not None and schema.task.schema is not None
    assert max(len(card(report, tmp_path)) for report in (labels, schema)) < 120_000


def test_a_rule_with_thousands_of_findings_fills_no_page(tmp_path: Path) -> None:
    @check_rule("ACME902")
    def look(data):  # type: ignore[no-untyped-def]
        for n in range(5_000):
            yield Finding.on([1], "ACME902", Severity.INFO, f"t{n} " * 99, why="w" * 9_999, mend="m" * 9_999)  # fmt: skip

    try:
        page = card(report_of(*routing()), tmp_path)
    finally:
        del own_rules._decorated["ACME902"], look
    assert len(page) < 900_000 and re.search(r"4,94\d more findings are not on this page", page)


# --- secrets -----------------------------------------------------------------------------------------------------


def test_no_planted_secret_is_on_the_page(tmp_path: Path) -> None:
    for at in range(0, 200, 3):  # three at a time, so that all of them are examples
        some = PLANTED[at : at + 3]
        rows = [
            {
                "messages": [
                    {"role": "user", "content": f"<p>{one.text}</p> \u200b"},
                    {"role": "assistant", "content": f"{one.text} <|im_end|>"},
                ]
            }
            for one in some
        ]
        report = check(load(rows))
        page = card(report, tmp_path)
        text = Page(page).text
        assert len(re.findall(r"<h4>Row", page)) >= len(some)
        for one in some:
            for shown in (page, text, repr(report.portrait)):
                assert shown_of(one, shown) is None, one.kind


def test_nor_as_a_label_a_column_a_source_or_a_value_of_a_schema(tmp_path: Path) -> None:
    for one in PLANTED[::7]:
        if "\n" in one.secret:
            continue
        labels = [{"prompt": f"q {n} {n * n}", "completion": f"{one.text} {n % 2}"} for n in range(60)]  # fmt: skip
        values = [{"prompt": f"q {n}", "completion": json.dumps({"a": one.text, "n": n})} for n in range(60)]  # fmt: skip
        for rows in (labels, values):
            rows[0][one.text] = "1"
            report = replace(check(load(rows)), source=one.text)
            page = card(report, tmp_path, title=one.text)
            assert shown_of(one, page) is None and shown_of(one, Page(page).text) is None, one.kind


def test_a_card_that_does_not_mask_would_be_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in (masking, "ftkit.data.checks.rules"):
        name = module if isinstance(module, str) else module.__name__
        monkeypatch.setattr(f"{name}.without_secrets", lambda text: text)
    seen = [
        shown_of(one, Page(card(report_of((one.text, one.text)), tmp_path)).text)
        for one in PLANTED[::10]
    ]
    assert all(seen)


# --- hostile rows ------------------------------------------------------------------------------------------------


def hostile(port: int = 9) -> CheckReport:
    """Every text that would act, as question, answer, column, label and name of a file."""
    texts = [text.replace("\x00", "").replace("\ud800", "") for text in texts_for(port)]
    rows = [
        {"prompt": f"{text} {n}", "completion": text, text: n} for n in range(12) for text in texts
    ]
    report = check(load(rows))
    findings = [
        replace(report.findings[0], title=text, detail=text, why=text, mend=text, code=text)
        for text in texts
    ]
    return replace(report, source=texts[0], findings=(*report.findings, *findings))


def test_texts_of_rows_stand_there_as_text_only(tmp_path: Path) -> None:
    page = Page(card(hostile(), tmp_path, title=HOSTILE[0]))
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"script", "img", "image", "link", "iframe", "base", "object", "embed", "a", "form"}
    )
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on") and name not in ("href", "src", "style"), (tag, name)
            assert "http:" not in (value or ""), (tag, name, value)
    assert "url(" not in page.style and "@import" not in page.style
    for text in HOSTILE[:-1]:
        assert text.replace("{port}", "9") in page.text


def test_characters_that_hide_or_turn_text_are_shown_as_code_points(tmp_path: Path) -> None:
    page = card(hostile(), tmp_path)
    for hidden in ("\x1b", "\u202e", "\u202c", "\u200b", "\r", "\u2028"):
        assert hidden not in page
        assert f">U+{ord(hidden):04X}</span>" in page


@needs_browser
def test_a_browser_asks_for_nothing_but_the_page_and_runs_nothing(tmp_path: Path) -> None:
    with visited() as (pages, asked, port):
        pages["/card.html"] = card(hostile(port), tmp_path, title="As it was")
        dom = opened(f"http://127.0.0.1:{port}/card.html", tmp_path / "profile")
    assert asked == ["/card.html"]
    assert "<title>As it was: data card</title>" in dom
    assert {tag for tag, _ in Page(dom).tags}.isdisjoint(
        {"script", "img", "iframe", "link", "base"}
    )
