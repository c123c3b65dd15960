"""The report of `evaluate`: every row as JSON, the same for the same evaluation, and text that steers no terminal."""

from __future__ import annotations

import json
from typing import Any

import pytest

import ftkit
from ftkit.evaluation import Report, evaluate
from ftkit.evaluation.wording import probability
from tests.answering import base, model, right_on, rows


def _report(**options: Any) -> Report:
    data, train = rows(60).select(range(30, 60)), rows(30)
    tuned = model(right_on(range(20)), tuned=True, data_sha256=train.sha256)
    return evaluate(tuned, [base(right_on(range(15, 25)))], data, train=train, **options)


def test_a_report_as_dict_is_json_with_every_row() -> None:
    report = _report(also=["nll"])
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["schema_version"] == 1
    assert values["verdict"] == report.verdict
    assert values["data_sha256"] == rows(60).select(range(30, 60)).sha256
    assert [row["number"] for row in values["rows"]] == list(range(31, 61))
    assert values["rows"][0]["answers"]["local/tuned"] == "billing"
    assert values["contenders"][0]["estimates"]["exact_match"]["mean"] == pytest.approx(20 / 30)
    assert values["contenders"][0]["output_tokens"] == 60


def test_won_and_lost_rows_add_up_with_the_comparison() -> None:
    report = _report()
    primary = report.matches[0]
    assert [row.number for row in report.won(primary)] == [31 + i for i in range(15)]
    assert [row.number for row in report.lost(primary)] == [31 + i for i in range(20, 25)]
    assert (report.comparison.wins, report.comparison.losses) == (15, 5)


def test_the_same_evaluation_gives_the_same_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "now").write_text("2026-11-24T12:00:00+00:00")
    monkeypatch.setenv("FTKIT_NOW", f"file:{tmp_path / 'now'}")
    assert _report(also=["nll"]).to_dict() == _report(also=["nll"]).to_dict()
    assert _report().evaluated_at == "2026-11-24T12:00:00+00:00"


def test_nothing_in_a_row_steers_the_terminal() -> None:
    evil = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J back\x08 \u202egnp\u202c\u200b line\nbreak\rover"
    data = ftkit.load([{"prompt": f"{evil} {i}", "completion": evil} for i in range(3)])
    tuned = model(lambda i, e: f"{evil}!", native="tu\x1b[2Jned")
    text = str(evaluate(tuned, [base(lambda i, e: e.answer)], data))
    assert 'row 1: "red back gnp line break over 0" expected "red back gnp line break over"' in text
    assert [
        c
        for c in text
        if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160 or ord(c) in (0x202E, 0x200B))
    ] == []


@pytest.mark.parametrize(
    ("p_value", "words"),
    [(0.00002, "p < 0.0001"), (0.0496, "p = 0.0496"), (0.38, "p = 0.38"), (1.0, "p = 1.00")],
)
def test_p_values_do_not_round_across_the_line(p_value: float, words: str) -> None:
    assert probability(p_value) == words
