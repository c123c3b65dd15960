"""FT701 to FT705: answers that are no answers, or not whole ones. Only what is trained is judged, not the rejected answer of a pair."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from ftkit.data.checks.masking import last_words, quoted, without_secrets
from ftkit.data.checks.phrases import AS_AN_AI, REFUSALS
from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView, RowView

_HEAD = 300  # characters in which an answer refuses or names itself
_FEWEST = 20  # answers of which a habit can be told
_LONG = 40  # characters of an answer that is expected to have an end
_HABIT = 0.97  # of the long answers have an end, so the others lack one
_CUT_FROM = 200  # characters; shorter answers are not cut by a limit
_LABELS = 20  # characters; sets with a shorter usual answer are labels, where "none" may be right
_RARE = 0.02
_REPEATED = 20  # characters of boilerplate worth a word
_MOST = 0.5

_ENDS = re.compile(r"[.!?…。！？।؟।:;\)\]\}>\"'”’»」』`*|~\d]\s*$")
_DANGLING = re.compile(
    r"(?:[,(\[{\-–—/&+=]|(?<!\w)(?:and|or|but|the|a|an|of|to|with|for|in|on|at|by|from|that|which|because|is|are|was|were|will"
    r"|und|oder|aber|der|die|das|ein|eine|mit|für|von|zu|dass|weil|ist|et|ou|mais|le|la|les|un|une|de|des|avec|pour|que|qui"
    r"|y|o|pero|el|los|las|con|para|por|e|il|lo|gli|di|che|per))\s*$",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"[\W_]*(?:todo|tbd|tba|fixme|xxx+|n/?a|null|nan|none|undefined|lorem ipsum.{0,400}|placeholder|to be (?:added|done|filled)"
    r"|(?:insert|add|write|your|the) (?:\w{1,12} )?(?:answer|response|text|output|completion)(?: here)?|answer|response|no answer|test|asdf+)?[\W_]*",
    re.IGNORECASE | re.DOTALL,
)
_NEVER = re.compile(
    r"[\W_]*(?:todo|tbd|tba|fixme|undefined|lorem ipsum.{0,400}|placeholder|(?:insert|add|write|your) (?:\w{1,12} )?"
    r"(?:answer|response|text|output|completion)(?: here)?|asdf+)[\W_]*|[.…\-–—_?\s]+",
    re.IGNORECASE | re.DOTALL,
)


def refusals(data: DataView) -> Iterator[Finding]:
    """FT701: answers that say that they will not or cannot help."""
    rows = _rows_where(data, REFUSALS)
    if rows:
        share = len(rows) / len(data.rows)
        yield Finding.on(
            rows,
            "FT701",
            Severity.INFO if share > _MOST else Severity.WARNING,
            "answers refuse",
            detail=f"{share:.1%} of rows",
            why="refusals are learned fast and spread to questions that should be answered; a larger share makes it worse",
            mend="remove those that another model left behind; keep those that you want, with prompts that deserve them",
        )


def as_an_ai(data: DataView) -> Iterator[Finding]:
    """FT702: answers that speak of themselves as a language model, or of its maker."""
    rows = _rows_where(data, AS_AN_AI)
    if rows:
        yield Finding.on(
            rows,
            "FT702",
            Severity.WARNING,
            "answers speak of themselves as an AI",
            why="such words come from another model's training, and the tuned model will say them to your users",
            mend="remove the sentence or the row, unless your product is to introduce itself so",
        )


def cut_answers(data: DataView) -> Iterator[Finding]:
    """FT703: answers that stop in the middle, in a set whose others have an end."""
    answers = [(row, row.example.answer) for row in data.rows]
    long = [(row, answer) for row, answer in answers if len(answer.strip()) >= _LONG]
    if len(long) < _FEWEST:
        return
    whole_json = sum(_is_json(answer) for _, answer in long)
    if whole_json >= _MOST * len(long):
        cut = [row for row, answer in long if not _is_json(answer) and answer.lstrip()[:1] in "{["]
        sign = "the others are JSON, these begin as JSON and do not end"
    else:
        ending = [(row, answer) for row, answer in long if _ENDS.search(answer[-20:])]
        if len(ending) < _HABIT * len(long):
            return
        whole = {row.number for row, _ in ending}
        limit = _limit([answer for _, answer in long])
        cut = [
            row
            for row, answer in long
            if row.number not in whole
            and (_DANGLING.search(answer[-20:]) or len(answer) >= limit)
            or answer.count("```") % 2
        ]
        sign = f"{len(ending) / len(long):.1%} of answers end as sentences do, these stop before"
    if cut:
        yield Finding.on(
            [row.number for row in cut],
            "FT703",
            Severity.WARNING,
            "answers stop in the middle",
            detail=f"{sign}; row {cut[0].number} ends in {last_words(cut[0].example.answer, 30)!r}",
            why="the model learns to stop where these stop; mostly a limit of tokens cut them when they were made",
            mend="make the answers again with room for all of it, or remove the rows",
        )


def placeholders(data: DataView) -> Iterator[Finding]:
    """FT704: marks that stand where an answer should."""
    answers = [row.example.answer.strip() for row in data.rows]
    if not answers:
        return
    labels = median(map(len, answers)) < _LABELS
    counts = Counter(answers)
    look = _NEVER if labels else _PLACEHOLDER
    rows = [
        row.number
        for row, answer in zip(data.rows, answers, strict=True)
        if answer
        and len(answer) <= 500
        and look.fullmatch(answer)
        and counts[answer] <= max(2, _RARE * len(answers))
        and not row.example.messages[-1].tool_calls
    ]
    if rows:
        shown = Counter(
            answer
            for row, answer in zip(data.rows, answers, strict=True)
            if row.number in set(rows)
        )
        yield Finding.on(
            rows,
            "FT704",
            Severity.WARNING,
            "answers are placeholders",
            detail=", ".join(
                f"{quoted(answer, 40)} in {n:,} rows" for answer, n in shown.most_common(5)
            ),
            why="the model learns to write the placeholder",
            mend="write the answers, or remove the rows",
        )


def boilerplate(data: DataView) -> Iterator[Finding]:
    """FT705: words that most answers begin or end with."""
    answers = [
        answer
        for row in data.rows
        if (answer := row.example.answer.strip()) and answer[0] not in "{[<"
    ]
    if len(answers) < _FEWEST or len(set(answers)) < 0.5 * len(answers):
        return  # few different answers are labels
    said = []
    for place, texts in (
        ("begin with", answers),
        ("end with", [answer[::-1] for answer in answers]),
    ):
        common, count = _common_start(texts)
        if common:
            words = common if place == "begin with" else common[::-1]
            said.append(f"{count:,} of {len(answers):,} answers {place} {_short(words)!r}")
    if said:
        yield Finding.on(
            [],
            "FT705",
            Severity.INFO,
            "most answers share the same words",
            detail="\n".join(said),
            why="every answer pays for them in training and in use, and a measure of loss looks better than it is",
            mend="leave them out of the data, and let your program add them",
        )


def _rows_where(data: DataView, pattern: re.Pattern[str]) -> list[int]:
    return [row.number for row in data.rows if any(pattern.search(head) for head in _heads(row))]


def _heads(row: RowView) -> Iterator[str]:
    for turn in row.example.messages:
        if turn.role == "assistant" and turn.trained is not False and turn.content:
            yield turn.content[:_HEAD].lower().replace("’", "'").replace("´", "'")


def _limit(answers: Sequence[str]) -> float:
    """Characters from which an answer without an end was cut by a limit: far longer than most, and near the longest."""
    lengths = [len(answer) for answer in answers]
    return max(0.9 * max(lengths), 2 * median(lengths), _CUT_FROM)


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _common_start(texts: Sequence[str]) -> tuple[str, int]:
    """The longest start that more than half of the texts share, cut after a whole word, and how many share it."""
    starts = Counter(text[:_REPEATED] for text in texts if len(text) > _REPEATED)
    if not starts:
        return "", 0
    start, count = starts.most_common(1)[0]
    if count <= _MOST * len(texts):
        return "", 0
    sharing = sorted(text[:1000] for text in texts if text.startswith(start))
    length = _REPEATED
    while length < 1000:
        longer = Counter(text[: length + 1] for text in sharing if len(text) > length)
        if not longer or longer.most_common(1)[0][1] <= _MOST * len(texts):
            break
        start, count = longer.most_common(1)[0]
        length += 1
    return start, count


def _short(text: str) -> str:
    text = without_secrets(text)
    return text if len(text) <= 120 else f"{text[:80]}...{text[-30:]}"
