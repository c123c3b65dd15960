"""FT302 and FT304 to FT307 on labels: what is found, in which rows, and what is left alone."""

from __future__ import annotations

import json
from random import Random

import pytest

from ftkit.data import CheckReport, Dataset, Finding, Severity, check, load
from ftkit.data.learners import NaiveBayes, features, most_words
from tests.faults import wrong_labels

Pairs = list[tuple[str, str]]

SUBJECTS = {
    "refund": "money back return pay again cost",
    "parcel": "parcel late lost courier track door",
    "login": "password sign account locked code mail",
    "praise": "great thanks happy love team best",
}


def data(pairs: Pairs) -> Dataset:
    return load([{"prompt": p, "completion": c} for p, c in pairs])


def tickets(count: int = 200, seed: int = 0) -> Pairs:
    """Questions whose words tell their label, the same number of each."""
    rng = Random(seed)
    names = list(SUBJECTS)
    return [
        (f"{' '.join(rng.choices(SUBJECTS[name].split(), k=5))} number {i}", name)
        for i in range(count)
        for name in (names[i % len(names)],)
    ]


def one(report: CheckReport, code: str) -> Finding:
    (finding,) = [finding for finding in report.findings if finding.code == code]
    return finding


def codes(report: CheckReport) -> set[str]:
    """Those about labels and answers; rules of other families have their own tests."""
    found = {finding.code for finding in report.findings}
    return {code for code in found if code.startswith(("FT3", "FT8"))}


def test_even_labels_are_a_note_and_nothing_else() -> None:
    report = check(data(tickets()))
    assert codes(report) == {"FT304", "FT805"}
    balance = one(report, "FT304")
    assert balance.severity is Severity.INFO and balance.rows == ()
    assert balance.title == "4 labels, the most frequent in 25.0% of the rows"
    assert "'refund' (50)" in balance.detail


@pytest.mark.parametrize(("major", "severity"), [(161, Severity.WARNING), (160, Severity.INFO)])
def test_ft304_a_label_in_more_than_80_percent_is_a_warning(major: int, severity: Severity) -> None:
    pairs = [(f"question {i}", "yes" if i < major else "no") for i in range(200)]
    finding = one(check(data(pairs)), "FT304")
    assert finding.severity is severity
    if severity is Severity.WARNING:
        assert "80%" in finding.title and "80.5% of rows" in finding.why


def test_ft304_one_label_for_all_is_said() -> None:
    finding = one(check(data([(f"question {i}", "ok") for i in range(60)])), "FT304")
    assert (finding.severity, finding.title) == (Severity.WARNING, "every answer is the same")


def test_ft304_texts_have_no_labels() -> None:
    pairs = [(f"question {i}", f"a text of its own, number {i}") for i in range(60)]
    assert codes(check(data(pairs))) == set()


def test_ft305_names_the_rows_with_the_rarer_spelling() -> None:
    pairs = tickets()
    pairs[0] = (pairs[0][0], "Refund")
    pairs[4] = (pairs[4][0], "refund ")
    pairs[1] = (pairs[1][0], "parcel.")
    finding = one(check(data(pairs)), "FT305")
    assert finding.rows == (1, 2, 5) and finding.severity is Severity.WARNING
    assert finding.title == "2 labels are written in several ways"
    assert "'refund' (48), 'Refund' (1), 'refund ' (1)" in finding.detail


def test_ft305_spellings_inside_json_and_lists_count_too() -> None:
    in_json = [(p, json.dumps({"label": c})) for p, c in tickets()]
    in_json[2] = (in_json[2][0], '{"label": "Login"}')
    assert one(check(data(in_json)), "FT305").rows == (3,)
    lists = [(p, f"{c}, urgent" if i % 2 else c) for i, (p, c) in enumerate(tickets())]
    lists[3] = (lists[3][0], "praise, Urgent")
    assert one(check(data(lists)), "FT305").rows == (4,)


@pytest.mark.parametrize(
    ("one_label", "other"),
    [("A", "A+"), ("C", "C#"), ("level 1", "level 2"), ("re-sign", "resign")],
)
def test_ft305_leaves_labels_alone_that_differ(one_label: str, other: str) -> None:
    pairs = [(f"question {i}", (one_label, other)[i % 2]) for i in range(60)]
    assert "FT305" not in codes(check(data(pairs)))


def test_ft306_names_the_rows_of_labels_with_fewer_than_five() -> None:
    pairs = [*tickets(), *[(f"gift card {i}", "gift") for i in range(4)]]
    finding = one(check(data(pairs)), "FT306")
    assert finding.rows == (201, 202, 203, 204) and "'gift' (4)" in finding.detail
    assert "FT306" not in codes(check(data([*pairs, ("gift card 5", "gift")])))


def test_ft306_counts_spellings_together() -> None:
    pairs = [*tickets(), *[(f"gift card {i}", ("gift", "Gift")[i % 2]) for i in range(6)]]
    assert "FT306" not in codes(check(data(pairs)))


def test_ft302_a_label_conflict_is_a_warning_even_where_most_rows_are_in_one() -> None:
    rng = Random(1)
    pairs = [(f"question {i % 40}", rng.choice(("yes", "no"))) for i in range(120)]
    finding = one(check(data(pairs)), "FT302")
    assert finding.severity is Severity.WARNING and finding.count > 60
    assert "with the labels 'no', 'yes'" in finding.detail


def test_ft307_finds_a_wrong_label_and_says_what_speaks_against_it() -> None:
    pairs = tickets()
    pairs[17] = (pairs[17][0], "login")  # its words are those of parcel
    finding = one(check(data(pairs)), "FT307")
    assert finding.rows == (18,) and finding.severity is Severity.WARNING
    assert "has 'login'; its words are those of 'parcel'" in finding.detail
    assert "delete none unseen" in finding.mend


def test_ft307_names_the_most_unlikely_first() -> None:
    pairs = tickets()
    pairs[17] = ("parcel late lost courier", "login")
    pairs[40] = ("parcel late lost courier track door", "refund")
    assert one(check(data(pairs)), "FT307").rows == (41, 18)


def test_ft307_does_not_judge_where_words_do_not_tell_the_labels() -> None:
    rng = Random(0)
    pairs = [(text, rng.choice(("yes", "no"))) for text, _ in tickets()]
    report = check(data(pairs))
    assert "FT307" not in codes(report)
    (skipped,) = [one for one in report.skipped if one.codes == ("FT307",)]
    assert "too little to judge by" in skipped.why


def test_a_row_is_judged_without_itself() -> None:
    rows = [features(text) for text, _ in tickets(40)]
    labels = [list(SUBJECTS).index(label) for _, label in tickets(40)]
    whole = NaiveBayes(rows, labels, 4)
    for i in range(40):
        others = NaiveBayes(rows, labels, 4, without={i}).scores(rows[i])
        left_out = whole.scores(rows[i], own=labels[i])
        # up to a constant: the sizes of the vocabularies differ by the words that the row alone has
        spread = [a - b for a, b in zip(others, left_out, strict=True)]
        assert max(spread) - min(spread) < 0.2
        assert others.index(max(others)) == left_out.index(max(left_out))


def test_words_and_pairs_are_features_and_characters_are_words_where_no_space_is() -> None:
    assert features("Where IS it? Where") == ("where", "is", "it", "where is", "is it", "it where")
    assert features("我的卡") == ("我", "的", "卡", "我 的", "的 卡")
    assert len(features("w " * 10_000)) == 2 and most_words(10_000) == 150


def test_planted_labels_say_where_they_are() -> None:
    for plant in (wrong_labels.at_random, wrong_labels.towards_the_likest):
        changed, wrong = plant(tickets(), 0.1, seed=3)
        differs = {i for i, (a, b) in enumerate(zip(tickets(), changed, strict=True)) if a != b}
        assert differs == wrong and len(wrong) == 20
