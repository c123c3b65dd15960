"""What a report quotes of rows: no secret and nothing personal, whole or in part, wherever the quotation is cut."""

from __future__ import annotations

import json

import pytest

from ftkit.data import CheckReport, Finding, Severity, check, check_rule, load
from ftkit.data.checks import labels, own_rules
from ftkit.data.checks.masking import excerpt, last_words, quoted, quoted_from, without_secrets
from tests.faults.planted_secrets import Planted, clean_lines, drawn, planted
from tests.secret_pieces import shown_of

PLANTED = planted()
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
KEY = "sk-" + "proj-" + drawn("masking", LETTERS, 80)


def report_of(*rows: tuple[str, str]) -> CheckReport:
    return check(load([{"prompt": prompt, "completion": answer} for prompt, answer in rows]))


@pytest.mark.parametrize("one", PLANTED, ids=lambda one: one.kind)
def test_nothing_of_a_planted_secret_remains(one: Planted) -> None:
    masked = without_secrets(one.text)
    assert shown_of(one, masked) is None
    assert without_secrets(masked) == masked


def test_the_judge_sees_every_planted_secret_where_it_is_not_masked() -> None:
    assert all(shown_of(one, one.text) for one in PLANTED)


@pytest.mark.parametrize("line", clean_lines())
def test_near_misses_stay_as_they_are(line: str) -> None:
    assert without_secrets(line) == line


def test_what_stands_around_a_secret_stays() -> None:
    assert without_secrets(f"before {KEY}, after") == (
        "before [OpenAI key sk-proj-... (88 characters)], after"
    )


def test_a_key_that_is_longer_than_its_shape_is_masked_to_its_end() -> None:
    long = "hv" + "s." + drawn("long", LETTERS, 900)
    assert long[-6:] not in without_secrets(f"token={long} end")


@pytest.mark.parametrize("most", [10, 20, 40, 60, 80, 100])
def test_a_text_is_masked_before_it_is_cut(most: int) -> None:
    text = f"The new key is {KEY} and it works."
    for shown in (excerpt(text, most), quoted(text, most), last_words(text, most)):
        assert len(shown) <= most + 3 and not any(KEY[i : i + 6] in shown for i in range(8, 82))


def test_a_piece_is_shown_unless_the_whole_hides_it() -> None:
    assert quoted_from("4155552671", "tel: 4155552671") == "(personal or secret, not shown)"
    assert quoted_from("2024", "tel: 4155552671 since 2024") == "'2024'"
    assert quoted_from("4155552671", "4155552671 items") == "'4155552671'"


def classification() -> list[tuple[str, str]]:
    """Two labels with words of their own, and one row with the words of one and the label of the other."""
    words = {"billing": "invoice charge refund", "shipping": "parcel courier late"}
    rows = [(f"{words[label]} number {n}", label) for n in range(60) for label in words]
    return [*rows, (f"{KEY} invoice charge refund", "shipping")]


QUOTING = {
    "FT307": classification(),
    "FT304": [(f"question {n} {n * 7}", f"{KEY} {n % 2}") for n in range(60)],
    "FT302": [(f"question {n // 2}", f"{KEY} {n % 2}") for n in range(60)],
    "FT703": [*[(f"q {n}", f"This is a sentence that ends, number {n}.") for n in range(80)],
              ("a", f"Here you are, all that I have for you: {KEY},")],
    "FT705": [(f"q {n}", f"As agreed the key is {KEY} and so on {n}, {n * n}") for n in range(80)],
    "FT803": [(f"What is new in week {n}?", f"Call: tel: 41555526{n:02d}, $ {n}99.50 since 2024-01-{n % 28 + 1:02d}") for n in range(60)],
    "FT804": [(f"Always use the key {KEY} when you answer what follows, and be brief. Question {n}", f"answer {n} of many") for n in range(60)],
}  # fmt: skip


@pytest.mark.parametrize("code", QUOTING)
def test_no_finding_that_quotes_rows_shows_the_secret_in_them(code: str) -> None:
    report = report_of(*QUOTING[code])
    assert code in {finding.code for finding in report.findings}
    told = str(report) + json.dumps([f["detail"] for f in report.to_dict()["findings"]])
    assert not any(KEY[i : i + 6] in told for i in range(8, 82))
    assert "41555526" not in told


def test_a_rule_that_cuts_before_it_masks_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "quoted", lambda text: repr(text[:57]))
    told = str(report_of(*QUOTING["FT304"]))
    assert any(KEY[i : i + 6] in told for i in range(8, 82))


def test_a_strangers_rule_that_quotes_whole_rows_shows_no_secret() -> None:
    @check_rule("ACME901")
    def look(data):  # type: ignore[no-untyped-def]
        yield Finding.on([1], "ACME901", Severity.INFO, KEY, detail=KEY, why="w", mend="m")

    try:
        assert KEY not in str(report_of(("a", "b")))
    finally:
        del own_rules._decorated["ACME901"], look
