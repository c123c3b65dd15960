"""What the sets are made of."""

from __future__ import annotations

from random import Random

Rows = list[dict[str, object]]

NAMES = [
    "Ana",
    "Ben",
    "Chloe",
    "Dario",
    "Eva",
    "Farid",
    "Gita",
    "Hugo",
    "Ines",
    "Jan",
    "Kofi",
    "Lena",
    "Milo",
    "Nora",
    "Omar",
    "Pia",
    "Quinn",
    "Rosa",
]
SURNAMES = [
    "Adler",
    "Brooks",
    "Costa",
    "Dahl",
    "Evans",
    "Fischer",
    "Garcia",
    "Haas",
    "Ito",
    "Jensen",
    "Khan",
    "Lopez",
    "Meyer",
    "Novak",
]
CITIES = [
    "Paris",
    "Lisbon",
    "Oslo",
    "Nairobi",
    "Lima",
    "Kyoto",
    "Cairo",
    "Dublin",
    "Vienna",
    "Quito",
    "Hanoi",
    "Prague",
    "Athens",
    "Tunis",
    "Bergen",
    "Porto",
    "Lagos",
    "Delhi",
    "Boston",
    "Montreal",
    "Sydney",
    "Zagreb",
    "Riga",
    "Turin",
    "Ghent",
    "Malmo",
    "Leeds",
    "Bari",
    "Cork",
    "Graz",
    "Lyon",
    "Nice",
    "Kiel",
    "Bonn",
    "Mainz",
    "Essen",
    "Dakar",
    "Accra",
    "Osaka",
    "Busan",
]
THINGS = [
    "lamp",
    "kettle",
    "bicycle",
    "sofa",
    "phone",
    "laptop",
    "jacket",
    "tent",
    "mirror",
    "carpet",
    "camera",
    "guitar",
    "desk",
    "heater",
    "speaker",
    "blender",
    "suitcase",
    "helmet",
    "keyboard",
    "printer",
    "drill",
    "mattress",
    "toaster",
    "watch",
]
VERBS = [
    "broke",
    "arrived",
    "stopped",
    "leaked",
    "vanished",
    "cracked",
    "jammed",
    "overheated",
    "rattled",
    "failed",
    "faded",
]
ADJECTIVES = [
    "quiet",
    "bright",
    "heavy",
    "sturdy",
    "cheap",
    "elegant",
    "noisy",
    "fragile",
    "comfortable",
    "ugly",
    "compact",
]
FILLER = [
    "the",
    "a",
    "of",
    "to",
    "in",
    "and",
    "that",
    "with",
    "for",
    "on",
    "by",
    "from",
    "over",
    "under",
    "while",
    "after",
    "before",
    "during",
    "since",
    "a",
    "small",
    "large",
    "early",
    "late",
    "river",
    "market",
    "garden",
    "engine",
    "window",
    "letter",
    "winter",
    "harbour",
    "bridge",
    "mountain",
    "teacher",
    "captain",
    "kitchen",
    "village",
    "morning",
    "evening",
    "signal",
    "paper",
    "engine",
    "shadow",
    "silver",
    "copper",
]


def one(rng: Random, *choices: str) -> str:
    return rng.choice(choices)


def person(rng: Random) -> str:
    return f"{rng.choice(NAMES)} {rng.choice(SURNAMES)}"


def sentence(rng: Random, low: int = 6, high: int = 14) -> str:
    """Words in no order: a text that no other row has."""
    words = [rng.choice(FILLER) for _ in range(rng.randint(low, high))]
    return " ".join([words[0].capitalize(), *words[1:]]) + "."


def paragraph(rng: Random, low: int, high: int) -> str:
    return " ".join(sentence(rng) for _ in range(rng.randint(low, high)))


def complaint(rng: Random) -> str:
    return (
        f"My {rng.choice(ADJECTIVES)} {rng.choice(THINGS)} {rng.choice(VERBS)} "
        f"{one(rng, 'yesterday', 'on Monday', 'again', 'after a week')}, order {rng.randint(1000, 99999)}"
    )


def pair(prompt: str, completion: str) -> dict[str, object]:
    return {"prompt": prompt, "completion": completion}


def chat(*turns: str, system: str | None = None) -> dict[str, object]:
    """Turns of the user and the assistant, in turn."""
    messages = [{"role": "system", "content": system}] if system else []
    roles = ("user", "assistant")
    messages += [{"role": roles[i % 2], "content": text} for i, text in enumerate(turns)]
    return {"messages": messages}
