"""What a right answer costs: the money of a table over what an evaluation found to be right."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.errors import ConfigError
from tests.price_pages import NOW, ROWS, compared

TUNED = {"instance": "google", "native": "tuned-1", "base": "gemini-3.5-flash", "tuned": True}
BASE = {"instance": "google", "native": "gemini-3.5-flash", "base": "gemini-3.5-flash"}
GEMINI = "google/gemini-3.5-flash"
PRICED = """
[catalogue.fake-runs.rates.token]
usd = "1"
unit = "million tokens"
source = "this test"
as_of = 2026-11-24

[catalogue.fake-runs.models.tiny.rates]
base_input = "token"
base_output = "token"
"""


@pytest.fixture(autouse=True)
def the_day(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FTKIT_NOW", NOW)
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "home"))


def report(tuned: float = 0.8, base: float = 0.5, **more: Any) -> dict[str, Any]:
    def contender(name: str, mean: float) -> dict[str, Any]:
        estimate = {
            "mean": mean,
            "low": round(max(0.0, mean - 0.1), 6),
            "high": round(min(1.0, mean + 0.1), 6),
        }
        return {"name": name, "estimates": {"exact_match": estimate}}

    return {
        "schema_version": 1,
        "metric": "exact_match",
        "metrics": {"exact_match": {"share": True, "higher_is_better": True}},
        "models": {"ours": TUNED, "theirs": {**BASE, "tuned": False}},
        "contenders": [
            contender("ours", tuned), contender("theirs", base), contender("majority answer", 0.1)
        ],
        **more,
    }  # fmt: skip


def test_it_is_the_money_over_the_right_answers() -> None:
    table = compared([GEMINI], calls=1_000, horizon_months=6, report=report())
    found = {one.tuned: one for one in table.right_answers}
    assert set(found) == {True, False}
    calls, usd = 6 * 1_000, table.total(table.ranked[0])
    assert usd is not None and found[True].usd is not None
    assert abs(found[True].usd - usd / calls / Decimal("0.8")) < Decimal("1e-12")
    assert found[True].usd_low == usd / calls / Decimal("0.9")
    assert found[True].usd_high == usd / calls / Decimal("0.7")
    # the base was asked as it is: no example is read
    plain = compared([GEMINI], calls=1_000, examples=0).prompts
    (own,) = (one for one in plain if one.model == GEMINI)
    assert found[False].usd == own.course.per_call / Decimal("0.5")
    assert [one["tuned"] for one in table.to_dict()["right_answers"]] == [
        one.tuned for one in table.right_answers
    ]
    assert "80.0% right (70.0% to 90.0%)" in str(table)


def test_a_model_that_is_never_right_has_no_price_of_a_right_answer() -> None:
    (last,) = compared([GEMINI], calls=10, report=report(base=0.0)).right_answers[-1:]
    assert (last.tuned, last.usd) == (False, None)
    assert "never right" in str(compared([GEMINI], calls=10, report=report(base=0.0)))


def test_a_model_of_elsewhere_and_no_calls_are_left_out() -> None:
    strange = {"instance": "nowhere", "native": "x", "base": "x", "tuned": True}
    other = report(models={"ours": strange, "theirs": {**BASE, "tuned": False}})
    assert [one.tuned for one in compared([GEMINI], calls=10, report=other).right_answers] == [
        False
    ]
    assert compared([GEMINI], calls=0, report=report()).right_answers == ()


def test_it_is_read_from_what_evaluate_writes(tmp_path: Path) -> None:
    """The report of a real evaluation, by handle and by file, of a base with a price."""
    Path("ftkit.toml").write_text(PRICED)
    model = ftkit.model("fake-runs/tiny")
    rows = [
        {"prompt": f"say {n}", "completion": model.chat(f"say {n}").text if n % 4 else "no"}
        for n in range(40)
    ]
    made = ftkit.evaluate(model, ["fake-runs/tiny"], data=rows)
    file = tmp_path / "report.json"
    file.write_text(json.dumps(made.to_dict()))
    for given in (made, file, str(file)):
        one = compared(["fake-runs/tiny"], calls=10, report=given).right_answers[0]
        assert (one.model, one.tuned, one.share) == ("fake-runs/tiny", False, 0.75)
        assert one.usd is not None and one.usd > 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[1]", "is no report"),
        ("{}", "no report of an evaluation: 'schema_version' is missing"),
        (json.dumps(report(schema_version=9)), "another version"),
        (json.dumps(report(metrics={"exact_match": {"share": False, "higher_is_better": True}})), "no share of right"),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=words):
        ftkit.compare(ROWS, [GEMINI], report=file)
    with pytest.raises(ConfigError, match="cannot be read"):
        ftkit.compare(ROWS, [GEMINI], report=tmp_path / "none.json")
