"""Generation and reasoning: answers that are texts, with near-misses of every other kind."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.task_sets.words import (
    ADJECTIVES,
    CITIES,
    THINGS,
    Rows,
    one,
    pair,
    paragraph,
    person,
    sentence,
)

GENERATION = "generation"
REASONING = "reasoning"


def _rows(make: Callable[[Random], tuple[str, str]], count: int = 200) -> Callable[[Random], Rows]:
    return lambda rng: [pair(*make(rng)) for _ in range(count)]


def _translation(rng: Random) -> tuple[str, str]:
    text = sentence(rng)
    return f"Translate into Pig Latin: {text}", " ".join(w[1:] + w[0] + "ay" for w in text.split())


def _description(rng: Random) -> tuple[str, str]:
    thing, word = rng.choice(THINGS), rng.choice(ADJECTIVES)
    return f"{thing}, {word}", f"This {word} {thing} suits every home. {paragraph(rng, 5, 8)}"


def _mail(rng: Random) -> tuple[str, str]:
    name = person(rng)
    return sentence(
        rng
    ), f"Subject: {sentence(rng, 3, 5)}\n\nDear {name},\n{paragraph(rng, 3, 6)}\n\nYours"


def _code(rng: Random) -> tuple[str, str]:
    name, n = rng.choice(THINGS), rng.randint(2, 99)
    body = f"    total = 0\n    for i in range({n}):\n        total += i * x\n    return total"
    return f"Write {name} that sums {n} products", f"def {name}_{n}(x):\n{body}"


def _query(rng: Random) -> tuple[str, str]:
    city, n = rng.choice(CITIES), rng.randint(1, 999)
    return (
        f"Orders of {city} above {n}",
        f"SELECT * FROM orders WHERE city = '{city}' AND total > {n};",
    )


def _page(rng: Random) -> tuple[str, str]:
    return sentence(rng), f"<div><h1>{sentence(rng, 2, 4)}</h1><p>{paragraph(rng, 1, 2)}</p></div>"


def _span(rng: Random) -> tuple[str, str]:
    city = rng.choice(CITIES)
    return f"{person(rng)} flew to {city} with {sentence(rng)} Which town?", city


def _fact(rng: Random) -> tuple[str, str]:
    return f"Who wrote the book {sentence(rng, 3, 5)}", person(rng)


def _dialogue(rng: Random) -> tuple[str, str]:
    lines = [f"{'Tom' if i % 2 else 'Ann'}: {sentence(rng)}" for i in range(6)]
    return f"Write a scene about {rng.choice(THINGS)}", "\n".join(lines)


def _keywords(rng: Random) -> tuple[str, str]:
    words = [f"{rng.choice(ADJECTIVES)} {rng.choice(THINGS)}" for _ in range(3)]
    return f"{sentence(rng)} {' '.join(words)}", ", ".join(words)


def _explained(rng: Random) -> tuple[str, str]:
    return sentence(rng), f"{one(rng, 'Yes', 'No')}, because {sentence(rng, 8, 20)}"


def _sum(rng: Random) -> tuple[str, str]:
    a, b = rng.randint(10, 99), rng.randint(10, 99)
    return f"{a} + {b} = ?", str(a + b)


def _price(rng: Random) -> tuple[str, str]:
    return sentence(rng), f"{rng.randint(100, 99999) / 100:.2f}"


def _marked(rng: Random) -> tuple[str, str]:
    a, b = rng.randint(2, 40), rng.randint(2, 40)
    who, what = person(rng), rng.choice(THINGS)
    work = f"{who} had {a} of them.\nThen {b} came: {a}+{b}=<<{a}+{b}={a + b}>>{a + b}."
    return f"{who} has {a} {what}s and buys {b}. How many?", f"{work}\n#### {a + b}"


def _unmarked(rng: Random) -> tuple[str, str]:
    a, b = rng.randint(2, 40), rng.randint(2, 9)
    end = f"So {a} * {b} = {a * b}. In the end there are {a * b} {rng.choice(THINGS)}s."
    return f"{b} shelves of {a}. How many?", f"There are {b} shelves, and each holds {a}. {end}"


def _boxed(rng: Random) -> tuple[str, str]:
    a, b = rng.randint(2, 40), rng.randint(2, 40)
    return (
        f"Solve x - {a} = {b}",
        f"Add {a} on both sides, so that x stands alone: x = {b} + {a}, and so $\\boxed{{{a + b}}}$.",
    )


def _choice(rng: Random) -> tuple[str, str]:
    options = "\n".join(f"({c}) {sentence(rng, 3, 5)}" for c in "ABCD")
    return (
        f"{sentence(rng)}\n{options}",
        f"{paragraph(rng, 2, 4)} So the answer is ({rng.choice('ABCD')}).",
    )


def _thought(rng: Random) -> tuple[str, str]:
    return sentence(rng), f"<think>{paragraph(rng, 3, 6)}</think>\n{sentence(rng, 2, 4)}"


def _recipe(rng: Random) -> tuple[str, str]:
    steps = "\n".join(f"{i}. {sentence(rng)}" for i in range(1, 6))
    return (
        f"How do I mend a {rng.choice(THINGS)}?",
        f"{steps}\nIt takes {rng.randint(5, 90)} minutes.",
    )


def paraphrased_facts(rng: Random) -> Rows:
    facts = [
        (f"the {rng.choice(ADJECTIVES)} {rng.choice(THINGS)} of {person(rng)}", person(rng))
        for _ in range(60)
    ]
    asks = ("Who made {}?", "By whom was {} made?", "Name the maker of {}.", "{} was made by whom?")
    return [pair(ask.format(what), who) for what, who in facts for ask in asks]  # fmt: skip


SETS: dict[str, tuple[str, Callable[[Random], Rows]]] = {
    "translation": (GENERATION, _rows(_translation)),
    "summaries": (GENERATION, _rows(lambda rng: (paragraph(rng, 10, 14), paragraph(rng, 1, 2)))),
    "headlines": (GENERATION, _rows(lambda rng: (paragraph(rng, 8, 10), sentence(rng, 4, 8)))),
    "rewriting": (
        GENERATION,
        _rows(lambda rng: (f"More politely: {(s := sentence(rng))}", f"Would you kindly: {s}")),
    ),
    "descriptions": (GENERATION, _rows(_description)),
    "mails": (GENERATION, _rows(_mail)),
    "code": (GENERATION, _rows(_code)),
    "queries": (GENERATION, _rows(_query)),
    "pages": (GENERATION, _rows(_page)),
    "spans": (GENERATION, _rows(_span, 400)),
    "facts": (GENERATION, _rows(_fact)),
    "paraphrased facts": (GENERATION, paraphrased_facts),
    "scenes": (GENERATION, _rows(_dialogue)),
    "keywords": (GENERATION, _rows(_keywords, 400)),
    "explained verdicts": (GENERATION, _rows(_explained)),
    "sums": (GENERATION, _rows(_sum, 800)),
    "prices": (GENERATION, _rows(_price)),
    "instructions": (GENERATION, _rows(_recipe)),
    "marked maths": (REASONING, _rows(_marked)),
    "unmarked maths": (REASONING, _rows(_unmarked)),
    "boxed": (REASONING, _rows(_boxed)),
    "argued choices": (REASONING, _rows(_choice)),
    "thoughts": (REASONING, _rows(_thought)),
}
