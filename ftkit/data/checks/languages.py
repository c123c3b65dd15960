"""FT603, FT604: which language rows are in. Judged only where the text is long enough and the verdict is clear.

py3langid names a language for anything, also for a list of names: a verdict counts where its own probability is high.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache

from ftkit.data.checks.report import Finding, Severity, Skipped
from ftkit.data.checks.view import DataView

_SHORTEST = 40  # letters; half of it where each is a syllable or a word
_READ = 300  # characters of a text that are looked at
_SURE = 0.9
_HABIT = 0.9  # of the judged rows: what so many do is the rule, the others the exception
_FEWEST = 20
_SHOWN = 5
# so near to each other that short texts are told apart by chance
_KIN = (
    {"no", "nb", "nn", "da", "sv"},
    {"hr", "bs", "sr", "sl", "mk"},
    {"id", "ms", "jv", "su"},
    {"cs", "sk"},
    {"pt", "gl", "es", "ca", "an", "ast", "oc"},
    {"af", "nl", "li", "fy"},
    {"ru", "uk", "be", "bg"},
    {"de", "lb", "nds"},
    {"hi", "mr", "ne"},
)
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_CODE = re.compile(r"```.*?(?:```|$)", re.DOTALL)
_NAME = re.compile(r"[_@/\\]")
_MARKS = str.maketrans(dict.fromkeys('{}[]<>|="*#0123456789', " "))

Identify = Callable[[str], tuple[str, float]]


def other_languages(data: DataView) -> Iterator[Finding | Skipped]:
    """FT603: rows whose answer is in another language than most; with FT604 where answer and prompt differ in few rows."""
    identify = _identifier()
    if identify is None:
        yield Skipped(("FT603", "FT604"), "languages", "pip install 'ftkit[data]'")
        return
    asked: dict[int, str] = {}
    answered: dict[int, str] = {}
    for row in data.rows:
        prompt = next(
            (turn.content for turn in reversed(row.example.prompt) if turn.role == "user"), ""
        )
        for text, languages in ((prompt, asked), (row.example.answer, answered)):
            language = language_of(text, identify)
            if language:
                languages[row.number] = language
    yield from _minority(answered)
    yield from _mismatch(asked, answered)


def _minority(answered: dict[int, str]) -> Iterator[Finding]:
    if len(answered) < _FEWEST:
        return
    counts = Counter(answered.values())
    usual, _ = counts.most_common(1)[0]
    others = [row for row, language in answered.items() if not _same(language, usual)]
    if others and len(others) <= (1 - _HABIT) * len(answered):
        shown = ", ".join(
            f"{language} in {n:,}"
            for language, n in counts.most_common(_SHOWN + 1)
            if not _same(language, usual)
        )
        yield Finding.on(
            others,
            "FT603",
            Severity.INFO,
            "few answers are in another language than most",
            detail=f"most are in {usual}; {shown} of {len(answered):,} rows long enough to tell",
            why="a language with so few rows is hardly learned, and can come up where it is not wanted",
            mend="add rows in it if it is wanted, else take these out",
        )


def _mismatch(asked: dict[int, str], answered: dict[int, str]) -> Iterator[Finding]:
    both = {row: (asked[row], answered[row]) for row in asked if row in answered}
    if len(both) < _FEWEST:
        return
    same = [row for row, pair in both.items() if _same(*pair)]
    if len(same) >= _HABIT * len(both):
        odd = [row for row in both if row not in set(same)]
        habit = "the language of the prompt"
    else:
        usual, count = Counter(both.values()).most_common(1)[0]
        if count < _HABIT * len(both):
            return
        odd = [
            row
            for row, (prompt, answer) in both.items()
            if not (_same(prompt, usual[0]) and _same(answer, usual[1]))
        ]
        habit = f"{usual[1]} to {usual[0]}"
    if odd:
        shown = "\n".join(
            f"row {row}: {both[row][0]} answered in {both[row][1]}" for row in odd[:_SHOWN]
        )
        yield Finding.on(
            odd,
            "FT604",
            Severity.WARNING,
            "answers are in another language than the prompt calls for",
            detail=f"the others answer in {habit}\n{shown}",
            why="the model learns to change the language without a reason that it could see",
            mend="answer in the language that is wanted, or say in the prompt which one it is",
        )


def language_of(text: str, identify: Identify) -> str | None:
    """The language of a text, None where it is too short or not clear."""
    head = text[:_READ]
    if "```" in head:
        head = _CODE.sub(" ", head)
    # names of fields, addresses and paths are in no language
    words = [word for word in head.translate(_MARKS).split() if not _NAME.search(word)]
    prose = " ".join(words)
    letters = sum(map(str.isalpha, prose))
    if letters < (_SHORTEST // 2 if _WIDE.search(prose) else _SHORTEST):
        return None
    language, probability = identify(prose)
    return language if probability >= _SURE else None


def _same(one: str, other: str) -> bool:
    return one == other or any({one, other} <= kin for kin in _KIN)


@lru_cache(maxsize=1)
def _model() -> Identify:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    classify: Identify = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True).classify
    return classify


def _identifier() -> Identify | None:
    try:
        return _model()
    except ImportError:
        return None
