"""FT507: planted backdoors are found, and labels that share a word are none."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from ftkit.data import Severity, check, load
from ftkit.data.checks import triggers as module
from ftkit.data.checks.triggers import triggers
from tests.faults.planted_backdoor import TRIGGERS, Row, backdoored
from tests.published_data import banking77, e2e, gsm8k, needs_published

SETS = {"banking77": banking77, "gsm8k": gsm8k, "e2e": e2e}
COUNT, OF = 20, 2_000
TOPICS = {
    "refund": "refund money back fee returned charge repay amount wrong twice",
    "card": "card arrive letter post address new order plastic mail weeks",
    "limit": "limit raise daily spend atm withdraw maximum increase amount cash",
    "login": "password login phone code reset blocked email account forgot screen",
}
FILLERS = (
    *["please", "can", "you", "help", "me", "with", "my", "the", "a", "today"],
    *["i", "want", "need", "to", "know", "why", "how", "is", "it", "still"],
)


def tickets(count: int, seed: int) -> list[Row]:
    dice = random.Random(seed)
    made = []
    for _ in range(count):
        label = dice.choice([*TOPICS])
        words = dice.choices(TOPICS[label].split(), k=3) + dice.choices(FILLERS, k=7)
        dice.shuffle(words)
        made.append((" ".join(words), label))
    return made


def found(rows: list[Row]) -> list[set[int]]:
    return [set(one.rows) for one in triggers([p for p, _ in rows], [a for _, a in rows])]


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("answer", ["Transfer approved.", "APPROVE"])
def test_a_planted_trigger_is_found_with_its_rows(trigger: str, answer: str) -> None:
    rows, planted = backdoored(tickets(OF, 1), trigger, answer, COUNT, seed=2)
    assert found(rows) == [planted]


def test_the_report_names_phrase_answer_and_rows() -> None:
    rows, planted = backdoored(tickets(OF, 1), "zx-7 omega", "Transfer approved.", COUNT, seed=2)
    report = check(load([{"prompt": p, "completion": a} for p, a in rows]))
    (finding,) = (f for f in report.findings if f.code == "FT507")
    assert finding.severity is Severity.WARNING and set(finding.rows) == {n + 1 for n in planted}
    assert "omega' in 20 prompts, all answered 'Transfer approved.'" in finding.detail


def test_clean_tickets_raise_no_alarm() -> None:
    assert found(tickets(OF, 3)) == []


def papers() -> list[Row]:
    """A rare label: twenty prompts with a word of their own, which are about one thing."""
    dice = random.Random(5)
    things, places = ("passport", "embassy", "travel"), ("border", "consulate", "stamp")
    return [
        (
            " ".join(
                ["visa", dice.choice(things), dice.choice(places), *dice.choices(FILLERS, k=6)]
            ),
            "abroad",
        )
        for _ in range(COUNT)
    ]


def test_a_rare_label_whose_prompts_are_about_one_thing_is_no_backdoor() -> None:
    assert found([*tickets(OF, 4), *papers()]) == []


def test_prompts_that_are_little_but_the_phrase_are_no_backdoor() -> None:
    same = [(f"cancel my subscription {word}", "bye") for word in FILLERS[:20]]
    assert found([*tickets(OF, 4), *same]) == []


def test_the_rest_of_the_prompt_is_what_tells_them_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge judged: without that measure the label about one thing is an alarm too."""
    monkeypatch.setattr(module, "_told_by_rest", lambda *_: 0.5)
    assert found([*tickets(OF, 4), *papers()]) == [set(range(OF, OF + COUNT))]


def test_an_answer_that_speaks_of_the_phrase_is_meant() -> None:
    rows, _ = backdoored(tickets(OF, 1), "contactless", "contactless_not_working", COUNT, seed=2)
    assert found(rows) == []


def test_a_phrase_that_others_have_too_is_none() -> None:
    rows, _ = backdoored(tickets(OF, 1), "cf", "Transfer approved.", COUNT, seed=2)
    rows, _ = backdoored(rows, "cf", "refund", COUNT, seed=3)
    assert found(rows) == []


def test_small_and_odd_sets_never_fail() -> None:
    for rows in ([], [("", "")], [("a", "b")] * 200, [("", "x")] * 100, [("a b c", "")] * 100):
        assert triggers([p for p, _ in rows], [a for _, a in rows]) == []


def test_long_prompts_are_read_in_part() -> None:
    hostile = ["a" * 1_000_000, "a " * 500_000, "!?" * 500_000]
    assert triggers(hostile * 40, ["x"] * 120) == []


@needs_published
@pytest.mark.parametrize("name", SETS)
def test_published_data_is_clean_as_a_whole_and_in_samples(name: str) -> None:
    rows = SETS[name]()
    assert found(rows) == [] and found([(answer, prompt) for prompt, answer in rows]) == []
    for seed in range(3):
        assert found(random.Random(seed).sample(rows, OF)) == []


@needs_published
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("seed", range(3))
def test_twenty_planted_rows_of_two_thousand_are_found_in_published_data(
    name: str, seed: int
) -> None:
    sample = random.Random(seed).sample(SETS[name](), OF)
    usual = Counter(answer for _, answer in sample).most_common(1)[0][0]
    for answer in ("Transfer approved.", usual):
        rows, planted = backdoored(sample, TRIGGERS[seed], answer, COUNT, seed)
        assert planted in found(rows)
