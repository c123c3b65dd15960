"""Fit ftkit/data/token_rates.toml anew: `python -m tools.fit_token_rates [--write]`, from the project's root.

Rates are fitted on every second text of each set and measured on the others, against three tokenizers (o200k_base, Qwen3,
Gemma 3). Needs scipy, faker, bpe-openai, tokenizers and the files that tests/assets.toml names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from ftkit.data.token_estimate import NAMES, features
from tests.assets import asset
from tests.token_texts import SCRIPTS, text_sets

_OUT = Path("ftkit/data/token_rates.toml")
Count = Callable[[str], int]


def tokenizers() -> dict[str, Count]:
    """Each tokenizer's own count of a text without marks."""
    import bpe_openai
    from tokenizers import Tokenizer

    base = bpe_openai.get_encoding("o200k_base")
    found: dict[str, Count] = {"o200k_base": lambda text: len(base.encode_ordinary(text))}
    for name, family in (("Qwen3", "qwen3"), ("Gemma 3", "gemma3")):
        one = Tokenizer.from_file(str(asset(family) / "models" / "tokenizer.json"))
        found[name] = partial(_length, one)
    return found


def _length(tokenizer: Any, text: str) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False).ids)


def fitted(sets: dict[str, list[str]], counts: dict[str, Count]) -> dict[str, float]:
    """Non-negative rates with the smallest relative error over sets; every set weighs the same."""
    import numpy
    from scipy.optimize import nnls

    rows, targets = [], []
    for texts in sets.values():
        for text in texts[::2]:
            held = features(text)
            for count in counts.values():
                true = count(text)
                weight = 1 / (true * len(texts) ** 0.5)
                rows.append([held[name] * weight for name in NAMES])
                targets.append(true * weight)
    solved, _ = nnls(numpy.array(rows), numpy.array(targets))
    if not solved.all():
        raise SystemExit(f"no text holds any of {NAMES[int(solved.argmin())]}")
    return {name: round(float(rate), 4) for name, rate in zip(NAMES, solved, strict=True)}


def measured(
    sets: dict[str, list[str]], counts: dict[str, Count], rates: dict[str, float]
) -> dict[str, dict[str, tuple[float, float, float]]]:
    """By set and tokenizer: error of the whole set (signed), mean and worst error of its texts, as shares."""
    errors: dict[str, dict[str, tuple[float, float, float]]] = {}
    for name, texts in sets.items():
        errors[name] = {}
        guesses = [
            sum(rates[one] * number for one, number in features(text).items())
            for text in texts[1::2]
        ]
        for tokenizer, count in counts.items():
            true = [count(text) for text in texts[1::2]]
            off = [abs(g - t) / t for g, t in zip(guesses, true, strict=True)]
            whole = (sum(guesses) - sum(true)) / sum(true)
            errors[name][tokenizer] = (whole, sum(off) / len(off), max(off))
    return errors


def by_script(
    errors: dict[str, dict[str, tuple[float, float, float]]],
) -> dict[str, tuple[float, float]]:
    """(mean, worst) of the errors of whole sets, by their script."""
    found: dict[str, list[float]] = {}
    for name, by in errors.items():
        found.setdefault(SCRIPTS.get(name, "latin"), []).extend(abs(e[0]) for e in by.values())
    return {name: (sum(each) / len(each), max(each)) for name, each in found.items()}


def main(arguments: list[str]) -> None:
    """Print the file, or write it."""
    sets, counts = text_sets(), tokenizers()
    rates = fitted(sets, counts)
    errors = measured(sets, counts, rates)
    scripts = sorted(by_script(errors).items())
    lines = [
        "# Tokens for one character (latin_words: one word) of each class; written by tools/fit_token_rates.py.",
        "# Errors are shares of the true number, on texts that were not fitted on: of a whole set, then the mean and the",
        "# worst of its single texts. A script's are those of its whole sets; digits and symbols go with the Latin ones.",
        f"as_of = {date.today()}",  # the day of the measurement itself
        f'measured_on = "{len(sets)} sets against {", ".join(counts)}"',
        "",
        "[rates]",
        *(f"{name} = {rate}" for name, rate in rates.items()),
        "",
        "[scripts]",
        *(f"{name} = {{ mean = {m:.3f}, worst = {w:.3f} }}" for name, (m, w) in scripts),
    ]
    for name, by in errors.items():
        lines += ["", f'[errors."{name}"]']
        lines += [
            f'"{tokenizer}" = {{ whole = {w:.3f}, mean = {m:.3f}, worst = {x:.3f} }}'
            for tokenizer, (w, m, x) in by.items()
        ]
    text = "\n".join(lines) + "\n"
    if "--write" in arguments:
        _OUT.write_text(text, "utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
