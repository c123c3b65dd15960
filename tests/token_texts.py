"""Texts on which token estimates are fitted and measured: published sets where they are at hand, generated ones, code.

The generated ones are words of many languages from the package faker, with a seed; code is Python's own library.
"""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tests.published_data import FOLDER, banking77, e2e, gsm8k

LANGUAGES = {
    "German": "de_DE",
    "French": "fr_FR",
    "Polish": "pl_PL",
    "Russian": "ru_RU",
    "Greek": "el_GR",
    "Hebrew": "he_IL",
    "Arabic": "ar_AA",
    "Chinese": "zh_CN",
    "Japanese": "ja_JP",
    "Armenian": "hy_AM",
    "Thai": "th_TH",
    "Bengali": "bn_BD",
    "Korean": "ko_KR",
}
# the class of ftkit.data.token_estimate that a set is of; the sets that are not here are of the Latin script
SCRIPTS = {
    "Russian": "cyrillic",
    "Greek": "greek",
    "Hebrew": "semitic",
    "Arabic": "semitic",
    "Chinese": "han",
    "Japanese": "kana",
    "Armenian": "other",
    "Thai": "thai",
    "Bengali": "indic",
    "Korean": "hangul",
}
_TEXTS = 60  # of each generated set
_MODULES = ("argparse", "ast", "calendar", "csv", "datetime", "difflib", "inspect", "tarfile")


def text_sets() -> dict[str, list[str]]:
    """Texts by the name of their set; the published ones are missing where they are not at hand."""
    sets = {name: _generated(locale) for name, locale in LANGUAGES.items()}
    sets["Python code"] = list(_code())
    sets["JSON"] = list(_json())
    if (FOLDER / "banking77_train.csv").is_file():
        sets["banking77"] = [text for text, _ in banking77()][::10]
        sets["gsm8k"] = [f"{question}\n{answer}" for question, answer in gsm8k()][::20]
        sets["e2e"] = [f"{attributes}\n{said}" for attributes, said in e2e()][::10]
    return sets


def _generated(locale: str) -> list[str]:
    from faker import Faker

    faker = Faker(locale)
    faker.seed_instance(7)
    if locale == "ko_KR":  # it has no running text of its own there
        parts = (faker.name, faker.job, faker.company, faker.address)
        return [" ".join(part() for part in parts * 3) for _ in range(_TEXTS)]
    return [faker.paragraph(nb_sentences=5) for _ in range(_TEXTS)]


def _code() -> Iterator[str]:
    folder = Path(sysconfig.get_paths()["stdlib"])
    for name in _MODULES:
        lines = (folder / f"{name}.py").read_text("utf-8").split("\n")
        for start in islice(range(0, len(lines), 40), 10):
            yield "\n".join(lines[start : start + 40])


def _json() -> Iterator[str]:
    from faker import Faker

    faker = Faker("en_US")
    faker.seed_instance(7)
    for _ in range(_TEXTS):
        person = {"name": faker.name(), "mail": faker.email(), "zip": faker.postcode()}
        order = {"id": faker.random_int(1, 10**6), "paid": True, "items": [1.5, None, faker.word()]}
        yield json.dumps({"customer": person, "order": order}, indent=2)
