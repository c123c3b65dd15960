"""FT308 and FT309: questions nearly twice in one set, and rows known from the held-out set."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import ftkit
from ftkit.cli.main import app
from ftkit.data import Dataset, Finding, Severity, check, load
from ftkit.data.likeness.near import near_links, near_matches
from tests.published_data import banking77, e2e, gsm8k, needs_published

LONG = "How long does a transfer from my bank to the new account take in the summer?"
OTHER = "Which documents must I bring along to open a savings account for my daughter?"
FRAME = (
    "Classify the request of our customer, who writes from an account of the bank, into one of the intents below. "
    "Answer with the name of the intent alone, in lower case, and never with a sentence.\n\nThe request: {}\n\n"
    "Think of what the customer wants done, not of the words that stand there. The intent is:"
)


def rows(*questions: str, answer: str = "42") -> Dataset:
    return load(
        [{"prompt": text, "completion": f"{answer} {i}"} for i, text in enumerate(questions)]
    )


def one(data: Dataset, code: str, against: Dataset | None = None) -> Finding | None:
    found = [f for f in check(data, against=against).findings if f.code == code]
    return found[0] if found else None


def runs(text: str) -> set[str]:
    """The judge's own shingles."""
    plain = " ".join(text.lower().split())
    return {plain[i : i + 5] for i in range(max(1, len(plain) - 4))}


def jaccard(one: str, other: str) -> float:
    a, b = runs(one), runs(other)
    return len(a & b) / len(a | b)


@pytest.mark.parametrize(
    ("text", "way"),
    [
        (LONG, "the same question"),
        (LONG.upper().replace(" ", "  ").strip("?"), "but for case"),
        (LONG.replace("summer", "winter"), "nearly the same question"),
    ],
)
def test_a_question_of_the_held_out_set_is_found_in_train(text: str, way: str) -> None:
    finding = one(rows(OTHER, text), "FT309", rows("Hello, who is there?", LONG, answer="x"))
    assert finding and finding.severity is Severity.ERROR and finding.rows == (2,)
    assert way in finding.detail and "row 2 and held-out row 2" in finding.detail


def test_the_command_takes_the_held_out_rows_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, texts in (("train", (OTHER, LONG)), ("held_out", (LONG,))):
        lines = (json.dumps({"prompt": text, "completion": "42"}) + "\n" for text in texts)
        Path(f"{name}.jsonl").write_text("".join(lines))
    runner = CliRunner()
    done = runner.invoke(app, ["check", "train.jsonl", "--against", "held_out.jsonl"])
    assert done.exit_code == 5 and "FT309" in done.output
    assert runner.invoke(app, ["check", "train.jsonl"]).exit_code == 0


def test_another_question_is_no_leak() -> None:
    assert one(rows(OTHER), "FT309", rows(LONG)) is None
    assert one(rows("12 + 7"), "FT309", rows("12 + 9")) is None


def test_rows_of_one_template_end_the_search_for_near_ones_and_the_report_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ftkit.data.likeness.exact_pairs._MOST_PAIRS", 5_000)
    asks = ("When does", "Please say when", "Tell us on which day")
    made = [f"{asks[n % 3]} order {n} come to the house of you" for n in range(300)]
    report = check(rows(*made[:200]), against=rows(*made[200:], made[0].upper()))
    assert {code for skipped in report.skipped for code in skipped.codes} >= {"FT308", "FT309"}
    assert "made from one template" in str(report)
    known = next(finding for finding in report.findings if finding.code == "FT309")
    assert known.rows == (1,), "equal ones are still found"


def test_a_conversation_that_goes_on_is_a_leak_in_both_directions() -> None:
    turns = [("user", "Hi"), ("assistant", "Hello"), ("user", "A bill?"), ("assistant", "Sent")]
    told = [{"role": role, "content": text} for role, text in turns]
    short, long = load([{"messages": told[:2]}]), load([{"messages": told}])
    for train, held in ((short, long), (long, short)):
        finding = one(train, "FT309", held)
        assert finding and "goes on" in finding.detail


def test_a_shared_system_prompt_makes_no_questions_alike() -> None:
    def told(text: str) -> Dataset:
        return load([{"prompt": text, "completion": "x"}], system=" ".join(map(str, range(500))))

    assert one(told(OTHER), "FT309", told(LONG)) is None


def test_nearly_equal_questions_within_a_set_are_named_in_all_rows() -> None:
    far = [
        OTHER,
        "Where is it?",
        "Who may sign for us?",
        "What is a day of grace with you?",
        "Why?",
    ]
    finding = one(rows(LONG, *far, LONG.replace("summer", "winter")), "FT308")
    assert finding and finding.rows == (1, 7) and finding.severity is Severity.WARNING


def test_too_many_rows_for_the_exact_search_and_nothing_for_sketches_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ftkit.data.likeness.near.MOST_ROWS", 1)
    monkeypatch.setitem(sys.modules, "datasketch", None)
    report = check(rows(LONG, OTHER), against=rows(LONG, OTHER.replace("open", "oben")))
    assert [f.rows for f in report.findings if f.code == "FT309"] == [(1,)]
    said = [skipped for skipped in report.skipped if "FT309" in skipped.codes]
    assert said and "pip install 'ftkit[data]'" in said[0].why and "4 rows" in said[0].why
    assert "FT308" in [code for skipped in report.skipped for code in skipped.codes]


def test_check_takes_the_held_out_set_by_its_face() -> None:
    held = [{"prompt": LONG, "completion": "x"}]
    report = ftkit.check([{"prompt": LONG, "completion": "y"}], against=held)
    assert "FT309" in [finding.code for finding in report.findings]
    broken = ftkit.check(held, against=[{"prompt": 3}])
    assert not broken.ok


def test_pairs_at_the_bound_are_found_and_below_it_are_not() -> None:
    chance = random.Random(5)
    letters = "abcdefghijklmnop"
    texts = ["".join(chance.choices(letters, k=chance.randint(30, 60))) for _ in range(60)]
    texts += [text + "".join(chance.choices(letters, k=n)) for text in texts for n in (3, 9, 14)]
    near = {
        (i, j) for j in range(len(texts)) for i in range(j) if jaccard(texts[i], texts[j]) >= 0.8
    }
    linked = list(near_links(texts))
    assert {(min(pair), max(pair)) for pair in linked} <= near
    assert sorted(parts(len(texts), linked)) == sorted(parts(len(texts), near))
    found = near_matches(texts[:60], texts[60:])
    assert found.keys() == {i for i, j in near if i < 60 <= j}
    assert all((i, j + 60) in near for i, j in found.items())


@needs_published
@pytest.mark.parametrize("framed", ["{}", FRAME], ids=["bare", "framed"])
@pytest.mark.parametrize("name", ["banking77", "gsm8k", "e2e"])
def test_planted_leaks_are_found_and_nothing_else(name: str, framed: str) -> None:
    source = {
        "banking77": banking77,
        "gsm8k": gsm8k,
        "e2e": lambda: [pair[::-1] for pair in e2e()],
    }[name]()
    chance = random.Random(1)
    texts = sorted({question for question, _ in source if len(runs(question)) >= 30})
    chance.shuffle(texts)
    train, held = texts[:1_000], texts[1_000:1_300]
    exact, plain, near = held[:100], held[100:200], held[200:300]
    changed = [text for text in (edited(text, chance) for text in near) if text]
    planted = [*exact, *(text.upper() + " !" for text in plain), *changed]
    questions = [framed.format(text) for text in (*train, *planted)]
    finding = one(rows(*questions), "FT309", rows(*(framed.format(text) for text in held)))
    assert finding
    hits = {row - 1 for row in finding.rows}
    assert len(changed) >= 80
    sizes = [sum(1000 <= at < 1100 for at in hits), sum(1100 <= at < 1200 for at in hits)]
    assert min(sizes) >= 98
    assert sum(at >= 1200 for at in hits) >= 0.9 * len(changed)
    alarms = [at for at in hits if at < 1000]
    assert not [at for at in alarms if max(jaccard(train[at], text) for text in held) < 0.8]


def edited(text: str, chance: random.Random) -> str | None:
    """A word doubled, dropped or misspelt, as long as the judge calls it near."""
    for _ in range(50):
        words = text.split()
        at = chance.randrange(len(words))
        words[at : at + 1] = chance.choice(([], [words[at], words[at]], [words[at][:-1] + "q"]))
        now = " ".join(words)
        if now != text and 0.8 <= jaccard(now, text) < 1:
            return now
    return None


def parts(size: int, links: object) -> list[list[int]]:
    """Connected parts, the slow way."""
    part = list(range(size))
    for one, other in links:  # type: ignore[attr-defined]
        part = [part[one] if label == part[other] else label for label in part]
    return [[i for i in range(size) if part[i] == label] for label in sorted(set(part))]
