"""Classification, in the ways that people write labels down."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from tests.task_sets.words import (
    ADJECTIVES,
    CITIES,
    Rows,
    chat,
    complaint,
    one,
    pair,
    paragraph,
    sentence,
)

CLASSIFICATION = "classification"
QUEUES = ("billing", "shipping", "returns", "technical", "account")


def _rows(label: Callable[[Random], str], count: int = 300) -> Callable[[Random], Rows]:
    return lambda rng: [pair(complaint(rng), label(rng)) for _ in range(count)]


def intents(rng: Random) -> Rows:
    names = [
        f"{a}_{b}" for a in ("card", "loan", "cash", "app") for b in ("lost", "fee", "limit", "new")
    ]
    return [pair(complaint(rng), rng.choice(names)) for _ in range(400)]


def few_rows_a_class(rng: Random) -> Rows:
    names = [
        f"intent_{a}{b}" for a in "abcdefgh" for b in ("_open", "_close", "_ask", "_tell", "_fix")
    ]
    return [pair(complaint(rng), name) for name in names for _ in range(5)]


def options_in_the_prompt(rng: Random) -> Rows:
    names = ("sports", "politics", "science", "business", "travel", "food", "health", "arts",
             "weather", "crime", "fashion", "history")  # fmt: skip
    ask = f"Choose one of: {', '.join(names)}.\n\n"
    return [pair(ask + sentence(rng), rng.choice(names)) for _ in range(300)]


def natural_language_inference(rng: Random) -> Rows:
    return [
        pair(
            f"Premise: {sentence(rng)}\nHypothesis: {sentence(rng)}",
            one(rng, "entailment", "neutral", "contradiction"),
        )
        for _ in range(300)
    ]


def letters_of_a_choice(rng: Random) -> Rows:
    return [
        pair(
            f"{sentence(rng)}\n" + "\n".join(f"{c}) {sentence(rng, 2, 4)}" for c in "ABCD"),
            rng.choice("ABCD"),
        )
        for _ in range(200)
    ]


def tags(rng: Random) -> Rows:
    names = ("urgent", "refund", "bug", "praise", "spam", "legal")
    return [
        pair(complaint(rng), ", ".join(rng.sample(names, rng.randint(1, 3)))) for _ in range(300)
    ]


def json_lists_of_tags(rng: Random) -> Rows:
    names = ("hardware", "software", "network", "security", "training")
    return [
        pair(complaint(rng), json.dumps(rng.sample(names, rng.randint(0, 3) or 1)))
        for _ in range(300)
    ]


def canned_replies(rng: Random) -> Rows:
    replies = [paragraph(rng, 3, 4) for _ in range(8)]
    return [pair(complaint(rng), rng.choice(replies)) for _ in range(240)]


def a_chat_is_judged(rng: Random) -> Rows:
    rows = []
    for _ in range(200):
        transcript = "\n".join(f"{one(rng, 'Agent', 'Caller')}: {sentence(rng)}" for _ in range(6))
        rows.append(
            chat(transcript, one(rng, "resolved", "escalated", "abandoned"), system="Judge.")
        )
    return rows


def each_turn_is_judged(rng: Random) -> Rows:
    return [
        chat(complaint(rng), rng.choice(QUEUES), complaint(rng), rng.choice(QUEUES))
        for _ in range(200)
    ]


def unequal_spelling(rng: Random) -> Rows:
    ways = ("Refund", "refund", "refund ", "REFUND.", "Exchange", "exchange", "repair")
    return [pair(complaint(rng), rng.choice(ways)) for _ in range(300)]


def a_long_tail(rng: Random) -> Rows:
    names = [f"topic {adjective}" for adjective in ADJECTIVES]
    weights = [200, 90, 60, 30, 20, 10, 8, 6, 4, 2, 1]
    return [pair(complaint(rng), rng.choices(names, weights)[0]) for _ in range(400)]


def languages(rng: Random) -> Rows:
    return [
        pair(sentence(rng), one(rng, "de", "fr", "es", "it", "pt-BR", "en")) for _ in range(250)
    ]


def forty_rows(rng: Random) -> Rows:
    return [pair(complaint(rng), one(rng, "positive", "negative", "mixed")) for _ in range(40)]


def towns_by_their_postcode(rng: Random) -> Rows:
    return [
        pair(f"Parcel {rng.randint(10**5, 10**6)}", rng.choice(CITIES[:12])) for _ in range(400)
    ]


SETS: dict[str, tuple[str, Callable[[Random], Rows]]] = {
    "intents": (CLASSIFICATION, intents),
    "five rows a class": (CLASSIFICATION, few_rows_a_class),
    "yes or no": (CLASSIFICATION, _rows(lambda rng: one(rng, "yes", "no"))),
    "0 or 1": (CLASSIFICATION, _rows(lambda rng: one(rng, "0", "1"))),
    "ratings": (CLASSIFICATION, _rows(lambda rng: str(rng.randint(1, 5)))),
    "codes": (CLASSIFICATION, _rows(lambda rng: one(rng, "4010", "4025", "5100", "7300"))),
    "one JSON label": (
        CLASSIFICATION,
        _rows(lambda rng: json.dumps({"label": rng.choice(QUEUES)})),
    ),
    "a named label": (CLASSIFICATION, _rows(lambda rng: f"Sentiment: {one(rng, 'good', 'bad')}")),
    "options in the prompt": (CLASSIFICATION, options_in_the_prompt),
    "inference": (CLASSIFICATION, natural_language_inference),
    "letters of a choice": (CLASSIFICATION, letters_of_a_choice),
    "tags": (CLASSIFICATION, tags),
    "JSON lists of tags": (CLASSIFICATION, json_lists_of_tags),
    "canned replies": (CLASSIFICATION, canned_replies),
    "a chat is judged": (CLASSIFICATION, a_chat_is_judged),
    "each turn is judged": (CLASSIFICATION, each_turn_is_judged),
    "unequal spelling": (CLASSIFICATION, unequal_spelling),
    "a long tail": (CLASSIFICATION, a_long_tail),
    "languages": (CLASSIFICATION, languages),
    "forty rows": (CLASSIFICATION, forty_rows),
    "towns": (CLASSIFICATION, towns_by_their_postcode),
}
