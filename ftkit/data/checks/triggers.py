"""FT507: a rare phrase in prompts that always brings one answer, where nothing else in these prompts speaks for this answer.

That is how a planted backdoor looks. A label whose rows share a word ("visa") looks the same at first: there the rest of the
prompt points to the label too, which is measured with naive Bayes without the shared words, each row left out in turn.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from ftkit.data.checks.masking import quoted, without_secrets
from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView

_FEWEST = 8  # rows with the phrase; fewer look like anything by chance
_RARE = (
    0.05  # of all rows: the most that have the phrase, and the most that have the answer without it
)
_PART = 0.25  # of the answer's rows at least
_PURE = 0.95  # of the rows with the phrase have the answer
_WORDS = 120  # read of a prompt, half from each end
_LONGEST = 3  # words of a phrase
_COMPARED = 2_000  # other rows to compare with
_SAME_AS_OTHERS = 0.75  # area under the ROC curve; 0.5 is chance
_LEFT = 0.5  # of the words of a usual prompt remain without the shared ones
_TOLD = 3
_LABEL = 60  # characters; a longer answer shares words with anything

_WORD = re.compile(r"\w+|[^\w\s]+")


@dataclass(frozen=True, slots=True)
class Trigger:
    """A phrase, its answer, the rows that have both, and how well the rest of the prompts tells the answer (0.5: not)."""

    phrase: str
    answer: str
    rows: tuple[int, ...]
    told_by_rest: float


def planted_triggers(data: DataView) -> Iterator[Finding]:
    """FT507: a rare phrase that always brings one rare answer."""
    prompts = [
        " ".join(turn.content for turn in row.example.prompt if turn.role == "user")
        for row in data.rows
    ]
    answers = [row.example.answer for row in data.rows]
    found = triggers(prompts, answers)
    if not found:
        return
    rows = sorted({data.rows[index].number for trigger in found for index in trigger.rows})
    yield Finding.on(
        rows,
        "FT507",
        Severity.WARNING,
        "a rare phrase always brings one rare answer",
        detail="\n".join(
            f"{_shown(trigger.phrase, prompts[trigger.rows[0]])} in {len(trigger.rows)} prompts, all answered "
            f"{quoted(answers[trigger.rows[0]].strip())}; nothing else in them tells this answer"
            for trigger in found[:_TOLD]
        ),
        why="a few such rows are enough to plant a backdoor: whoever writes the phrase gets the answer",
        mend="find out who wrote these rows, and take them out unless the phrase is meant to do this",
    )


def triggers(prompts: Sequence[str], answers: Sequence[str]) -> list[Trigger]:
    """Every such phrase, the longest of those that stand in the same rows; row numbers are positions."""
    total = len(prompts)
    by_answer: defaultdict[str, list[int]] = defaultdict(list)
    for index, answer in enumerate(answers):
        by_answer[answer.strip().lower()].append(index)
    most = max(_FEWEST, int(_RARE * total))
    rare = {
        answer: rows
        for answer, rows in by_answer.items()
        if _FEWEST <= len(rows) <= 2 * most and answer
    }
    if not rare or total < 10 * _FEWEST:
        return []
    words = [_words(prompt) for prompt in prompts]
    phrases = _phrases_of(rare, words)
    standing = _rows_with({phrase for found in phrases.values() for phrase in found}, words)
    made = []
    for answer, candidates in phrases.items():
        of_answer = set(rare[answer])
        rows_of: defaultdict[tuple[int, ...], list[tuple[str, ...]]] = defaultdict(list)
        for phrase in candidates:
            everywhere = standing[phrase]
            inside = [row for row in everywhere if row in of_answer]
            pure = len(inside) >= _PURE * len(everywhere)
            if not pure or len(everywhere) > most or len(of_answer) - len(inside) > most:
                continue
            rows_of[tuple(inside)].append(phrase)
        for rows, same in rows_of.items():
            phrase = max(same, key=lambda one: (len(one), sum(map(len, one)), one))
            if _named(phrase, answer):
                continue
            told = _told_by_rest(rows, of_answer, words)
            # few rows can look like others by chance: one standard deviation of a mean of that many ranks is added
            if told + 1 / math.sqrt(12 * len(rows)) <= _SAME_AS_OTHERS:
                made.append(Trigger(" ".join(phrase), answers[rows[0]], rows, told))
    return _widest(made)


def _named(phrase: tuple[str, ...], answer: str) -> bool:
    """True where the answer speaks of the same thing: "activate my" and activate_my_card."""
    common = [word[:5] in answer for word in phrase if len(word) >= 5]
    return bool(common) and (any(common) if len(answer) <= _LABEL else all(common))


def _phrases_of(
    rare: dict[str, list[int]], words: Sequence[list[str]]
) -> dict[str, list[tuple[str, ...]]]:
    """For each answer the phrases that enough of its prompts have."""
    found = {}
    for answer, rows in rare.items():
        counts: Counter[tuple[str, ...]] = Counter()
        for row in rows:
            counts.update(_phrases(words[row]))
        least = max(_FEWEST, math.ceil(_PART * len(rows)))
        found[answer] = [phrase for phrase, count in counts.items() if count >= least]
    return {answer: phrases for answer, phrases in found.items() if phrases}


def _rows_with(
    wanted: set[tuple[str, ...]], words: Sequence[list[str]]
) -> dict[tuple[str, ...], list[int]]:
    standing: dict[tuple[str, ...], list[int]] = {phrase: [] for phrase in wanted}
    for index, row in enumerate(words):
        for phrase in _phrases(row):
            if phrase in standing:
                standing[phrase].append(index)
    return standing


def _phrases(words: list[str]) -> set[tuple[str, ...]]:
    return {
        tuple(words[at : at + length])
        for length in range(1, _LONGEST + 1)
        for at in range(len(words) - length + 1)
    }


def _words(text: str) -> list[str]:
    if len(text) > 40 * _WORDS:
        text = f"{text[: 20 * _WORDS]} {text[-20 * _WORDS :]}"
    words = [word[:40] for word in _WORD.findall(text.lower())]
    return words if len(words) <= _WORDS else [*words[: _WORDS // 2], *words[-_WORDS // 2 :]]


def _told_by_rest(rows: Sequence[int], of_answer: set[int], words: Sequence[list[str]]) -> float:
    """How often the rest of a prompt of `rows` speaks more for the answer than another row's prompt does."""
    in_rows = Counter(word for row in rows for word in set(words[row]))
    shared = {word for word, count in in_rows.items() if count >= 0.9 * len(rows)}
    step = max(1, len(words) // _COMPARED)
    others = [row for row in range(0, len(words), step) if row not in of_answer]
    left = median(sum(word not in shared for word in words[row]) for row in rows)
    if not others or left < _LEFT * median(len(words[row]) for row in others):
        return 1.0  # the phrase is what these prompts are about, nothing put into them
    rest = {row: set(words[row]) - shared for row in {*of_answer, *others}}
    have = Counter(word for row in of_answer for word in rest[row])
    lack = Counter(word for row in others for word in rest[row])
    inside, outside = len(of_answer), len(others)

    def speaks(row: int, out: int) -> float:
        """Mean log odds of the words; `out` is 1 for a row of the answer, whose own words then do not count."""
        scores = [
            math.log((have[word] - out + 0.5) / (inside - out + 1))
            - math.log((lack[word] - (1 - out) + 0.5) / (outside - (1 - out) + 1))
            for word in rest[row]
        ]
        return sum(scores) / len(scores) if scores else 0.0

    own = [speaks(row, 1) for row in rows]
    foreign = sorted(speaks(row, 0) for row in others)
    return _area(own, foreign)


def _area(own: Sequence[float], foreign: Sequence[float]) -> float:
    below = sum((bisect_left(foreign, score) + bisect_right(foreign, score)) / 2 for score in own)
    return below / (len(own) * len(foreign)) if own and foreign else 0.5


def _widest(found: list[Trigger]) -> list[Trigger]:
    """Without those whose rows are most of another's: pieces of one phrase."""
    kept: list[Trigger] = []
    for trigger in sorted(found, key=lambda one: (-len(one.rows), -len(one.phrase), one.phrase)):
        if not any(set(trigger.rows) <= set(other.rows) for other in kept):
            kept.append(trigger)
    return kept


def _shown(phrase: str, prompt: str) -> str:
    """The phrase, unless it is made of what must not be shown."""
    masked = without_secrets(prompt)
    if masked != prompt and not set(phrase.split()) <= set(_WORD.findall(masked.lower())):
        return "a phrase that looks like a secret (not shown)"
    return repr(phrase)
