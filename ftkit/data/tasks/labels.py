"""Are the answers labels: few different ones, each of them in many rows? Lists of such labels and JSON around them count too."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ftkit.data.tasks.fields import parsed_json

_REPEATED = 0.85  # share of rows whose label stands in 3 rows or more
_LABEL_LONGEST = 60  # characters of a name; longer ones are canned texts
_SPREAD = 20  # labels from which on they must be repeated often, or look like names
_LISTS = 0.2  # share of answers with several labels that makes a task multi-label

_EDGES = " \t\r\n.,;:!?\"'`´“”‘’*"
_JOINTS = re.compile(r"(?<=\w)[-_\s]+(?=\w)|\s+")
_NAME = re.compile(r"[A-Za-z]\w*(?:[_./:&-]\w+)*\Z|[A-Za-z]\w*(?: [a-z&]\w*){1,4}\Z")
_NUMBER = re.compile(r"[-+]?[$€£]?\d[\d,]*(?:\.\d+)?%?\Z")
_IN_PROMPT = re.compile(r"\d+(?:\.\d+)?")
_SEPARATOR = re.compile(r"\s*[,;|\n]\s*(?:and )?")


def label_key(text: str) -> str:
    """What two ways of writing one label share: no case, no edge marks, `_` and `-` between words are spaces."""
    return _JOINTS.sub(" ", text.strip(_EDGES).casefold())


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The labels of a classification, most frequent first, each in its usual spelling; and the label of each row.

    `of_row` has them as they are written, less spaces at the ends; with `several` joined by " | " in order, since a row
    may have many. `notation` is text or JSON.
    """

    labels: tuple[str, ...]
    of_row: tuple[str, ...]
    several: bool
    notation: str


def label_set(answers: Sequence[str], prompts: Sequence[str]) -> LabelSet | None:
    """The labels, where answers are labels; None where they are texts, values or spans of the prompt."""
    written = [answer for answer in answers if answer.strip()]
    if len(written) < 0.9 * len(answers) or len(written) < 4:
        return None
    unwrapped = [_unwrapped(answer) for answer in answers]
    notation = "JSON" if all(in_json for _, in_json in unwrapped) else "text"
    parts = [part for part, _ in unwrapped]
    if sum(len(part) > 1 for part in parts) >= _LISTS * len(answers):
        found = _several(parts, prompts)
        if found:
            whole = tuple(" | ".join(sorted(part)) for part in parts)
            return LabelSet(found, whole, True, notation)
    whole = tuple(
        part[0] if in_json and len(part) == 1 else answer.strip()
        for answer, (part, in_json) in zip(answers, unwrapped, strict=True)
    )
    single = _single(whole, prompts)
    return LabelSet(single, whole, False, notation) if single else None


def _unwrapped(answer: str) -> tuple[list[str], bool]:
    text = answer.strip()
    if text[:1] in ("{", "[", '"', "`"):
        is_json, value = parsed_json(text)
        while isinstance(value, dict) and len(value) == 1:
            (value,) = value.values()
        if is_json and (names := _names(value)):
            return names, True
    if len(text) > 400:
        return [text], False
    return [part for part in _SEPARATOR.split(text) if part] or [text], False


def _names(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value if isinstance(item, str | int)]
    return [str(value)] if isinstance(value, str | int | float) else []


def _single(labels: Sequence[str], prompts: Sequence[str]) -> tuple[str, ...] | None:
    keys = [label_key(label) or label for label in labels]
    counts = Counter(key for key in keys if key)
    rows, different = counts.total(), len(counts)
    if not _repeated(counts, rows) or rows < _uses(labels, counts) * different:
        return None
    if all(_NUMBER.match(key) for key in counts) and not _codes(counts, rows, prompts):
        return None
    if different > 10 and _spans(keys, prompts):
        return None
    return _by_frequency(labels)


def _several(parts: Sequence[Sequence[str]], prompts: Sequence[str]) -> tuple[str, ...] | None:
    every = [label_key(part) for row in parts for part in row]
    counts = Counter(every)
    short = all(len(part.split()) <= 4 and len(part) <= 40 for part in counts)
    whole = len({tuple(sorted(map(label_key, row))) for row in parts})
    if not short or len(counts) > 200 or whole <= len(counts) or "" in counts:
        return None
    if not _repeated(counts, len(every)) or len(every) < 5 * len(counts):
        return None
    owner = [prompt for row, prompt in zip(parts, prompts, strict=True) for _ in row]
    if all(_NUMBER.match(key) for key in counts) or (len(counts) > 10 and _spans(every, owner)):
        return None
    return _by_frequency([part for row in parts for part in row])


def _repeated(counts: Counter[str], rows: int) -> bool:
    often = 3 if rows >= 20 else 2
    return sum(n for n in counts.values() if n >= often) >= _REPEATED * rows


def _uses(written: Sequence[str], counts: Counter[str]) -> int:
    """How often a label must stand on average: paraphrased questions with one answer repeat answers too."""
    lengths = sorted(map(len, counts))
    if lengths[len(lengths) // 2] > _LABEL_LONGEST:
        return 10
    names = sum(_NAME.match(label) is not None for label in written)
    return 3 if len(counts) <= _SPREAD or names >= 0.9 * len(written) else 8


def _codes(counts: Counter[str], rows: int, prompts: Sequence[str]) -> bool:
    """Numbers that name something; those that are worked out from numbers in the prompt do not."""
    worked_out = sum(len(_IN_PROMPT.findall(prompt[:2000])) > 1 for prompt in prompts)
    if worked_out > 0.8 * rows:
        return len(counts) <= 5
    return len(counts) <= 11 or rows >= 20 * len(counts)


def _spans(keys: Sequence[str], prompts: Sequence[str]) -> bool:
    """Does the label stand in its own prompt, and not as one of a list that every prompt has?"""
    plain = [_JOINTS.sub(" ", prompt[:4000].casefold()) for prompt in prompts]
    other = {key: (keys[i - 1] if keys[i - 1] != key else None) for i, key in enumerate(keys)}
    own = sum(key != "" and key in prompt for key, prompt in zip(keys, plain, strict=True))
    foreign = sum(
        name is not None and name in prompt
        for prompt, key in zip(plain, keys, strict=True)
        for name in (other[key],)
    )
    return own >= 0.7 * len(keys) and foreign <= 0.3 * len(keys)


def _by_frequency(labels: Sequence[str]) -> tuple[str, ...]:
    """Each label once, in its most frequent spelling."""
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for label in labels:
        if label:
            spellings[label_key(label) or label][label] += 1
    ranked = sorted(spellings.values(), key=lambda ways: (-ways.total(), min(ways)))
    return tuple(min(ways, key=lambda way: (-ways[way], way)) for ways in ranked)
