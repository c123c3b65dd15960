"""Questions inside one long instruction are compared by what tells them apart."""

from __future__ import annotations

import random

import pytest

from ftkit.data.likeness.near import near_links, near_matches
from ftkit.data.likeness.shared_text import Frame, frame
from tests.test_leaks import FRAME, LONG, OTHER, one, rows

WORDS = (
    "card",
    "account",
    "money",
    "app",
    "limit",
    "branch",
    "fee",
    "rate",
    "loan",
    "staff",
    "code",
)


@pytest.mark.parametrize("most_rows", [20_000, 1], ids=["exact", "sketched"])
@pytest.mark.parametrize("outside", [0, 100], ids=["all", "nearly_all"])
def test_of_two_thousand_short_questions_in_one_frame_only_the_planted_are_alike(
    most_rows: int, outside: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftkit.data.likeness.near.MOST_ROWS", most_rows)
    chance = random.Random(3)
    texts = [f"{n:05} {chance.getrandbits(120):030x}" for n in range(2_000)]
    planted = {text[:-1] + "zz": at for at, text in enumerate(texts[:40])}
    framed = [FRAME.format(text) for text in (*texts, *planted)]
    framed[500 : 500 + outside] = texts[500 : 500 + outside]
    links = {(min(pair), max(pair)) for pair in near_links(framed)}
    assert links == {(at, 2_000 + n) for n, at in enumerate(planted.values())}
    found = near_matches(framed[:2_000], framed[2_000:])
    assert found == {at: n for n, at in enumerate(planted.values())}


def test_a_frame_on_one_side_alone_hides_no_leak() -> None:
    chance = random.Random(4)
    texts = [f"{chance.getrandbits(160):040x}" for _ in range(80)]
    framed = [FRAME.format(text[:-1] + "z") for text in texts]
    assert near_matches(framed, texts[:10]) == {n: n for n in range(10)}
    assert near_matches(texts[:10], framed) == {n: n for n in range(10)}


def test_few_questions_share_their_beginning_by_chance_and_keep_it() -> None:
    finding = one(rows(LONG, LONG.replace("summer", "winter")), "FT308")
    assert finding and finding.rows == (1, 2)


def test_a_check_of_framed_questions_names_the_planted_pair() -> None:
    chance = random.Random(5)
    questions = [" ".join(chance.sample(WORDS, 6)) for _ in range(300)]
    asked = [LONG, *questions, OTHER, LONG.replace("summer", "winter")]
    finding = one(rows(*(FRAME.format(text) for text in asked)), "FT308")
    assert finding and {1, 303} <= set(finding.rows) and 302 not in finding.rows


def test_a_frame_is_cut_back_to_whole_words() -> None:
    assert frame(["Say it: north, now", "Say it: nowhere, now"]) == Frame("Say it: ", " now")
    assert frame(["of a kind", "of a kindness"]) == Frame("of a kind", "")
    assert frame([]) == Frame()


def test_of_nearly_all_the_longest_beginning_that_so_many_have() -> None:
    texts = [f"Tell me about {n} please" for n in range(9)] + ["Tell him no"]
    assert frame(texts) == Frame("Tell ", "")
    assert frame(texts, "0.9") == Frame("Tell me about ", " please")
    assert frame(texts, "0.9").inside("Tell me about 7 please") == "7"
    assert frame(texts, "0.9").inside("Tell him no") == "Tell him no"
