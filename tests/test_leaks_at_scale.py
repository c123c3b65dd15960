"""Above 20,000 rows sketches name the pairs: nearly all are found, none that is not so, and the work has an end.

The judge compares by its own shingles. What it would say of a search without the exact comparison, and of one with too few
permutations, is tried too.
"""

from __future__ import annotations

import random
import sys

import pytest

from ftkit.data import check
from ftkit.data.likeness import minhash, sketched_pairs
from ftkit.data.likeness.near import TooAlike, TooMany, near_links, near_matches
from tests.published_data import banking77, e2e, gsm8k, needs_published
from tests.test_leaks import edited, jaccard, parts, rows, runs


@pytest.fixture(autouse=True)
def sketches_for_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftkit.data.likeness.near.MOST_ROWS", 1)


def kin(chance: random.Random, families: int = 60) -> list[str]:
    """Texts of which some are alike a little, some at the bound, and some above it."""
    letters = "abcdefghijklmnopqrstuvwxyz    "
    texts = ["".join(chance.choices(letters, k=chance.randint(60, 160))) for _ in range(families)]
    more = [
        text + "".join(chance.choices(letters, k=int(len(text) * share)))
        for text in texts
        for share in (0.03, 0.1, 0.2, 0.25, 0.3, 0.45)
    ]
    return texts + more


def judged(texts: list[str]) -> dict[tuple[int, int], float]:
    """The similarity of all pairs that have any worth a word."""
    sets = [runs(text) for text in texts]
    both = ((i, j) for j in range(len(texts)) for i in range(j))
    measured = {(i, j): len(sets[i] & sets[j]) / len(sets[i] | sets[j]) for i, j in both}
    return {pair: similarity for pair, similarity in measured.items() if similarity >= 0.5}


def recall(texts: list[str], linked: list[tuple[int, int]], at_least: float = 0.8) -> float:
    part = {at: number for number, of in enumerate(parts(len(texts), linked)) for at in of}
    near = [pair for pair, similarity in judged(texts).items() if similarity >= at_least]
    assert len(near) > 100
    return sum(part[one] == part[other] for one, other in near) / len(near)


def false_pairs(texts: list[str], linked: list[tuple[int, int]]) -> int:
    return sum(jaccard(texts[one], texts[other]) < 0.8 for one, other in linked)


def test_pairs_are_found_and_every_one_is_so() -> None:
    texts = kin(random.Random(5))
    linked = list(near_links(texts))
    assert recall(texts, linked) >= 0.99 and false_pairs(texts, linked) == 0
    assert len(linked) < len(texts), "what hangs together is not paired again"
    assert linked == list(near_links(texts)), "no chance is in it"


def test_matches_are_found_and_every_one_is_so() -> None:
    texts = kin(random.Random(6))
    left, right = texts[:60], texts[60:]
    found = near_matches(left, right)
    assert all(jaccard(left[i], right[j]) >= 0.8 for i, j in found.items())
    near = {i for i, text in enumerate(left) if max(jaccard(text, one) for one in right) >= 0.8}
    assert len(near) == 60 and len(found.keys() & near) >= 0.99 * len(near)


def test_the_judge_sees_a_search_without_the_exact_comparison(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sketched_pairs._Sketch, "_alike", lambda self, one, other: True)
    texts = kin(random.Random(5))
    assert false_pairs(texts, list(near_links(texts))) > 0


def test_the_judge_sees_too_few_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minhash, "BANDS", 4)
    texts = kin(random.Random(5))
    assert recall(texts, list(near_links(texts))) < 0.9


def test_short_texts_and_missing_ones_are_like_nothing() -> None:
    texts = ["12 + 7 is?", "12 + 7 is?", None, None, "", "x" * 500, "x" * 501]
    assert list(near_links(texts)) == [] and near_matches(texts, texts) == {}


def test_texts_of_any_script_and_half_characters_are_compared() -> None:
    texts = ["".join(chr(0x4E00 + n * 7 + k) for k in range(60)) for n in range(30)]
    texts += [texts[3] + "\ud800", texts[4].replace(texts[4][30], "𝒳")]
    assert sorted(near_links(texts)) == [(3, 30), (4, 31)]


def test_a_text_has_as_many_shingles_as_the_judge_counts() -> None:
    texts = [
        *kin(random.Random(8), 10),
        "Tab\tand  LINE\nends, Straße",
        "abcde edcba abced",
        "abcd",
        "",
    ]
    counted = [len(runs(text)) if len(text) > 4 else 0 for text in texts]
    assert minhash.Signatures(texts).sizes.tolist() == counted


def test_a_thousand_that_are_all_alike_are_linked_without_comparing_all_pairs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = []
    real = sketched_pairs._Sketch._alike
    monkeypatch.setattr(
        sketched_pairs._Sketch,
        "_alike",
        lambda self, one, other: compared.append(1) or real(self, one, other),
    )
    told = " ".join(str(n * n) for n in range(200))
    texts = [f"{n} {told} {n}" for n in range(1_000)]
    assert len(list(near_links(texts))) == 999
    assert len(compared) < 2_000
    assert near_matches(texts[:500], texts[500:]).keys() == set(range(500))


def test_rows_of_one_template_end_the_search_after_a_bounded_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(7)

    def template() -> str:
        one, other = (f"{chance.getrandbits(16):04x}" for _ in "ab")
        return f"{one} please tell me when the order {other} from last week comes to my house in the north"

    texts = [template() for _ in range(3_000)]
    done = []
    monkeypatch.setattr(
        sketched_pairs._Sketch, "_alike", lambda self, one, other: done.append(1) or False
    )
    monkeypatch.setattr(sketched_pairs, "_MOST_WORK", 1_000_000)
    with pytest.raises(TooAlike):
        list(near_links(texts))
    assert len(done) <= 1_000_000 / (2 * min(map(len, texts)))
    with pytest.raises(TooAlike):
        near_matches(texts[:1_500], texts[1_500:])
    report = check(rows(*texts), against=rows(*texts[:1]))
    assert "FT308" in [code for skipped in report.skipped for code in skipped.codes]
    assert "made from one template" in str(report)


def test_without_datasketch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasketch", None)
    with pytest.raises(TooMany, match=r"2 rows, more than 1: pip install 'ftkit\[data\]'"):
        list(near_links(["a" * 50, "b" * 50]))
    with pytest.raises(TooMany, match="3 rows"):
        near_matches(["a"], ["b", "c"])


@needs_published
@pytest.mark.parametrize("name", ["banking77", "gsm8k", "e2e"])
def test_planted_near_duplicates_in_published_questions(name: str) -> None:
    source = {
        "banking77": banking77,
        "gsm8k": gsm8k,
        "e2e": lambda: [pair[::-1] for pair in e2e()],
    }[name]()
    chance = random.Random(1)
    texts = sorted({question for question, _ in source if len(runs(question)) >= 30})
    chance.shuffle(texts)
    texts = texts[:3_000]
    made = [(at, edited(texts[at], chance)) for at in range(300)]
    planted = [(at, text) for at, text in made if text]
    everything = texts + [text for _, text in planted]
    linked = list(near_links(everything))
    assert false_pairs(everything, linked) == 0
    part = {at: number for number, of in enumerate(parts(len(everything), linked)) for at in of}
    found = sum(part[at] == part[len(texts) + n] for n, (at, _) in enumerate(planted))
    assert len(planted) >= 200 and found >= 0.99 * len(planted)
    matched = near_matches(everything[len(texts) :], texts)
    assert len(matched) >= 0.99 * len(planted)
    assert all(jaccard(planted[i][1], texts[j]) >= 0.8 for i, j in matched.items())
