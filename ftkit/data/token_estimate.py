"""How many tokens a text has where no tokenizer is at hand: characters of each script times a measured rate.

An estimate and nothing else: the rates and how far off they were lie in token_rates.toml, which tools/fit_token_rates.py
writes. What a provider's own template adds beside the turns is not known and not in it.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from threading import Lock

from ftkit.data.dataset import Dataset
from ftkit.data.example import Example
from ftkit.data.kinds import KINDS
from ftkit.data.tokens import Counts, Estimated, RowTokens
from ftkit.errors import DataError, Fault

# what is counted: words and letters of the Latin script, letters of the others, digits, what code is full of
_CLASSES: Mapping[str, re.Pattern[str]] = {
    "latin_words": re.compile(r"[A-Za-z]+"),
    "latin": re.compile(r"[A-Za-z]"),
    "accented": re.compile(r"[\u00c0-\u024f\u1e00-\u1eff]"),
    "cyrillic": re.compile(r"[\u0400-\u052f]"),
    "greek": re.compile(r"[\u0370-\u03ff]"),
    "semitic": re.compile(r"[\u0590-\u06ff]"),
    "indic": re.compile(r"[\u0900-\u0dff]"),
    "thai": re.compile(r"[\u0e00-\u0e7f]"),
    "han": re.compile(r"[\u2e80-\u2fff\u3400-\u9fff\uf900-\ufaff]"),
    "kana": re.compile(r"[\u3040-\u30ff]"),
    "hangul": re.compile(r"[\u1100-\u11ff\uac00-\ud7af]"),
    "digits": re.compile(r"[0-9]"),
    "symbols": re.compile(r"[!-/:-@\[-`{-~]"),
    "breaks": re.compile(r"\n[ \t]*|  +"),
}
_ANY = re.compile(
    r"[^\s!-~\u00c0-\u024f\u1e00-\u1eff\u0400-\u052f\u0370-\u03ff\u0590-\u06ff\u0900-\u0e7f\u2e80-\u9fff\uf900-\ufaff\u1100-\u11ff\uac00-\ud7af]"
)
NAMES = (*_CLASSES, "other")
# A turn has two or three marks and its role: 5 tokens in ChatML and Gemma, 5 in Llama 3, 4 at OpenAI.
_HEAD = 5
_END = 1
_FILE = Path(__file__).with_name("token_rates.toml")


@dataclass(frozen=True, slots=True)
class Rates:
    """Tokens for one of each class of `NAMES`; `errors` are (mean, worst) by script, of texts that were not fitted on."""

    per_one: Mapping[str, float]
    errors: Mapping[str, tuple[float, float]]
    measured_on: str
    as_of: date


@cache
def rates() -> Rates:
    """The rates of the data file."""
    facts = tomllib.loads(_FILE.read_text("utf-8"))
    errors = {name: (one["mean"], one["worst"]) for name, one in facts["scripts"].items()}
    return Rates(facts["rates"], errors, facts["measured_on"], facts["as_of"])


def features(text: str) -> dict[str, int]:
    """How many of each class of `NAMES` a text holds."""
    found = {name: len(pattern.findall(text)) for name, pattern in _CLASSES.items()}
    return {**found, "other": len(_ANY.findall(text))}


def estimated_tokens(text: str) -> float:
    """Tokens of a text by itself."""
    return sum(_by_class(text).values())


def estimated_row(example: Example) -> tuple[float, float]:
    """(tokens, trained tokens) of a row: its turns with their marks and its tools; of a pair both answers."""
    row = _Row()
    row.add(example)
    return row.read, row.learned


_kept: OrderedDict[str, Counts] = OrderedDict()  # by the hash of the data; the last few
_lock = Lock()
_SETS_KEPT = 4


def estimated_counts(data: Dataset) -> Counts:
    """The estimate of a data set, made once for all models without a tokenizer. See `_estimated`."""
    with _lock:
        found = _kept.get(data.sha256)
    if found is None:
        found = _estimated(data)
        with _lock:
            _kept[data.sha256] = found
            while len(_kept) > _SETS_KEPT:
                _kept.popitem(last=False)
    return found


def _estimated(data: Dataset) -> Counts:
    """The most that the rows should have, by the worst error measured for their scripts; `estimated` has what is expected.

    Raises DataError for rows with images, whose tokens no text tells.
    """
    known = rates()
    pictured = [
        Fault("it holds an image, whose tokens cannot be estimated", row=row.number, line=row.line)
        for row, example in zip(data.rows, data, strict=True)
        if KINDS["image_rows"](example)
    ]
    if pictured:
        raise DataError(f"{data.source}: {len(pictured)} rows have no estimate", pictured)
    rows = []
    held: Counter[str] = Counter()
    for example in data:
        row = _Row()
        row.add(example)
        rows.append(row)
        held.update(row.by_class)
    whole = sum(held.values()) or 1
    shares = [(number / whole, known.errors[_script(name)]) for name, number in held.items()]
    mean = sum(share * error[0] for share, error in shares)
    worst = sum(share * error[1] for share, error in shares)
    # an error is a share of the true number, so that an estimate that is too low by a half stands for its double
    most = sum(share / (1 - error[1]) for share, error in shares) if shares else 1.0
    counted = [
        RowTokens(number.number, math.ceil(row.read * most), math.ceil(row.learned * most))
        for number, row in zip(data.rows, rows, strict=True)
    ]
    return Counts(
        rows=len(counted),
        tokens=sum(row.tokens for row in counted),
        trained_tokens=sum(row.trained_tokens for row in counted),
        lengths=tuple(row.tokens for row in counted),
        estimated=Estimated(
            round(sum(row.read for row in rows)), mean, worst, known.measured_on, known.as_of
        ),
        by_row=tuple(counted),
    )


class _Row:
    """The sums of one row."""

    def __init__(self) -> None:
        self.read = self.learned = 0.0
        self.by_class: Counter[str] = Counter()

    def add(self, example: Example) -> None:
        for turn in (*example.messages, *example.rejected):
            called = [f"{call.name} {call.arguments}" for call in turn.tool_calls]
            tokens = sum(map(self._text, (turn.content, *called)))
            self.read += tokens + _HEAD
            if turn.role == "assistant" and turn.trained is not False:
                self.learned += tokens + _END
        for tool in example.tools:
            self.read += self._text(json.dumps(tool, ensure_ascii=False))

    def _text(self, text: str) -> float:
        found = _by_class(text)
        self.by_class.update(found)
        return sum(found.values())


def _by_class(text: str) -> dict[str, float]:
    known = rates().per_one
    return {name: known[name] * number for name, number in features(text).items() if number}


def _script(name: str) -> str:
    return name if name in rates().errors else "latin"
