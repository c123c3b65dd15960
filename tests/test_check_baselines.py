"""FT805 and FT806: what answers without a language model score, and what a hold-out can prove."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import pytest

import ftkit
from ftkit.data import Dataset, Finding, Severity, check, load
from ftkit.data.checks import baselines
from ftkit.data.checks.proof import rows_for
from ftkit.data.learners import Logistic, NaiveBayes, features
from ftkit.evaluation.power import minimum_detectable
from tests.published_data import banking77, needs_published
from tests.task_sets.words import sentence
from tests.test_check_labels import Pairs, tickets


def data(pairs: Pairs) -> Dataset:
    return load([{"prompt": p, "completion": c} for p, c in pairs])


def baseline(pairs: Pairs) -> Finding | None:
    findings = [finding for finding in check(data(pairs)).findings if finding.code == "FT805"]
    return findings[0] if findings else None


def scores(finding: Finding | None) -> dict[str, float]:
    assert finding is not None
    lines = [line.rsplit(": ", 1) for line in finding.detail.splitlines()[1:]]
    return {name: float(score.split("%")[0]) for name, score in lines}


def test_ft805_words_that_tell_the_label_score_nearly_all_without_a_model() -> None:
    finding = baseline(tickets(400))
    found = scores(finding)
    assert (
        finding and finding.severity is Severity.INFO and "if they hit your target" in finding.why
    )
    assert list(found) == [
        "the most frequent answer",
        "the answer of the nearest row (5-grams)",
        "naive Bayes of words",
        "logistic regression of words (TF-IDF)",
    ]
    assert found["the most frequent answer"] < 35
    assert min(found["naive Bayes of words"], found["logistic regression of words (TF-IDF)"]) > 97
    assert finding.title == f"without a language model {max(found.values())}% of answers are right"


def test_ft805_words_that_tell_nothing_score_like_the_most_frequent_answer() -> None:
    rng = Random(0)
    pairs = [(sentence(rng), rng.choice(("yes", "no"))) for _ in range(1000)]
    assert all(35 < score < 65 for score in scores(baseline(pairs)).values())


def test_ft805_equal_prompts_are_not_held_out_from_each_other() -> None:
    rng = Random(0)
    texts = [(sentence(rng), rng.choice(("yes", "no"))) for _ in range(500)]
    assert scores(baseline(texts * 3))["the answer of the nearest row (5-grams)"] < 65


def test_ft805_does_not_depend_on_the_order_of_rows() -> None:
    shuffled = tickets(400)
    Random(5).shuffle(shuffled)
    assert scores(baseline(tickets(400))) == scores(baseline(sorted(shuffled, key=lambda p: p[1])))


def test_ft805_records_are_compared_whatever_the_order_of_their_keys() -> None:
    pairs = [
        (text, json.dumps({"queue": label, "n": 1} if i // 4 % 2 else {"n": 1, "queue": label}))
        for i, (text, label) in enumerate(tickets(400))
    ]
    found = scores(baseline(pairs))
    assert list(found) == ["the most frequent answer", "the answer of the nearest row (5-grams)"]
    assert found["the answer of the nearest row (5-grams)"] > 80


@pytest.mark.parametrize("count", [49, 50])
def test_ft805_needs_fifty_rows(count: int) -> None:
    assert (baseline(tickets(count)) is not None) is (count == 50)


def test_ft805_texts_have_no_trivial_baseline() -> None:
    rng = Random(0)
    assert baseline([(sentence(rng), sentence(rng)) for _ in range(100)]) is None


def test_ft805_without_numpy_says_what_did_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "can_be_trained", lambda: False)
    finding = baseline(tickets())
    assert finding and finding.detail.endswith("did not run, numpy is not installed")
    assert "naive Bayes" in finding.detail


@needs_published
def test_the_small_models_know_what_such_models_know_of_banking77() -> None:
    rows = banking77()
    names = sorted({label for _, label in rows})
    seen = [features(text) for text, _ in rows]
    labels = [names.index(label) for _, label in rows]
    held_out = range(0, len(rows), 5)
    known = [i for i in range(len(rows)) if i % 5]
    for kind, least in ((NaiveBayes, 0.83), (Logistic, 0.86)):
        model = kind([seen[i] for i in known], [labels[i] for i in known], len(names))
        right = sum(model.best(seen[i]) == labels[i] for i in held_out)
        print(kind.__name__, right / len(held_out))
        assert right >= least * len(held_out)


def proof(rows: int, prompts: int | None = None) -> Finding | None:
    pairs = [(f"question {i % (prompts or rows)}", f"answer number {i}") for i in range(rows)]
    report = check(data(pairs), smallest_gain=minimum_detectable)
    findings = [finding for finding in report.findings if finding.code == "FT806"]
    return findings[0] if findings else None


def test_ft806_a_thousand_rows_show_a_gain_of_twelve_points() -> None:
    finding = proof(1000)
    assert finding and finding.severity is Severity.INFO
    assert (
        finding.title
        == "a tenth of these rows (100 different prompts) shows a gain of 12.4 points or more"
    )
    assert (
        "10% of rows: 8.8 points, 20% of rows: 12.4 points, 30% of rows: 15.2 points"
        in finding.detail
    )
    assert "a gain of 5 points needs 626 held-out rows" in finding.detail


def test_ft806_warns_where_no_gain_can_be_shown() -> None:
    finding = proof(300)
    assert finding and finding.severity is Severity.WARNING and "too little" in finding.title


def test_ft806_leaves_fewer_than_fifty_rows_to_ft303() -> None:
    assert proof(49) is None and proof(50) is not None


def test_ft806_counts_a_prompt_once() -> None:
    finding = proof(5000, prompts=1000)
    assert finding and "(100 different prompts)" in finding.title
    few = proof(60, prompts=2)
    assert few and few.severity is Severity.WARNING


def test_ft806_is_left_out_where_nobody_brings_the_statistics() -> None:
    assert "FT806" not in {finding.code for finding in check(data(tickets())).findings}


def test_the_verb_brings_the_statistics() -> None:
    report = ftkit.check([{"prompt": p, "completion": c} for p, c in tickets(1000)])
    assert "FT806" in {finding.code for finding in report.findings}


@pytest.mark.parametrize(
    ("wanted", "disagree"), [(0.05, 0.2), (0.03, 0.1), (0.2, 0.2), (0.01, 0.3)]
)
def test_rows_for_a_gain_are_the_fewest(wanted: float, disagree: float) -> None:
    rows = rows_for(minimum_detectable, wanted, disagree)
    assert rows is not None
    gain, one_fewer = (minimum_detectable(n, disagree) for n in (rows, rows - 1))
    assert gain is not None and gain <= wanted
    assert one_fewer is None or one_fewer > wanted


def test_a_gain_that_no_number_of_rows_can_show_has_none() -> None:
    assert rows_for(lambda rows, disagree: None, 0.05, 0.2) is None


def test_advisory_rules_are_left_out_of_a_submission() -> None:
    report = check(data(tickets()), advisory=False)
    assert report.task is None
    assert Counter(f.code for f in report.findings if f.code > "FT303" and f.code < "FT4") == {}
