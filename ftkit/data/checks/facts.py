"""FT802, FT803: facts that the answers hold and the prompts do not. Weights are a bad place for them, or a place for a while.

What also stands in the prompt is no fact to learn, so rewriting, extraction and answers from a given text stay silent.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ftkit.data.checks.masking import quoted, quoted_from
from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView, RowView
from ftkit.data.checks.volatile import volatile
from ftkit.data.tasks import TaskKind, asked, last_asked
from ftkit.data.tasks.fields import parsed_json

_CLOSED_BOOK = 0.1  # share of rows from which on the hint is given
_QUESTION_LONGEST = 40  # words; a longer one brings its text along
_ANSWER_LONGEST = 12
_WARNS, _RECOMMENDS = 0.1, 0.3
_NOTED = 0.02
_SHOWN = 5

_FACTUAL = re.compile(
    r"(?i)\b(?:who|whom|whose|when|where|how (?:many|much|old|tall|far|long|high|big|large|deep)|in (?:what|which)|"
    r"which|what(?:'s| is| was| are| were)? (?:the|year|date|city|country|town|name|nationality|team|language|"
    r"currency|company|actor|film|book|song|band)|name (?:the|a|an|of)|capital of|population of|"
    r"wer|wen|wem|wann|wo|welche[rsmn]?|wie (?:viele?|alt|hoch|weit|lang)|"
    r"qui|quand|o[uù]|combien|quel(?:le)?s?|qui[eé]n|cu[aá]ndo|d[oó]nde|cu[aá]nt[oa]s?|cu[aá]l)\b"
)
_TOKEN = re.compile(r"\w[\w.'’-]*")


def closed_book(data: DataView) -> Iterator[Finding]:
    """FT802: short questions of fact, each with its own short answer that no prompt holds."""
    task = data.task
    if task is None or task.kind is not TaskKind.GENERATION:
        return
    rows = [row for row in data.rows if _asks_for_a_fact(row)]
    different = len({row.example.answer.strip().casefold() for row in rows})
    if len(rows) < max(3, _CLOSED_BOOK * len(data.rows)) or different < 0.2 * len(rows):
        return
    share = len(rows) / len(data.rows)
    yield Finding.on(
        [row.number for row in rows],
        "FT802",
        Severity.WARNING,
        f"{share:.0%} of the rows ask for a fact that only the answer holds",
        detail="\n".join(
            f"row {row.number}: {quoted(last_asked(row.example), 70)} -> {quoted(row.example.answer, 70)}"
            for row in rows[:_SHOWN]
        ),
        why=f"{different:,} different answers have to be known by heart: facts are learned slowly and make a model invent "
        "others (arXiv 2405.05904), and search beats tuning, most of all for rare ones (arXiv 2312.05934, 2403.01432)",
        mend="give the model the text that holds the answer (retrieval); tune for the form of answers, if at all",
    )


def changing_facts(data: DataView) -> Iterator[Finding]:
    """FT803: dates, prices, versions, addresses and the like that stand in answers and not in their prompts."""
    task = data.task
    if task is None or task.kind is TaskKind.TOOL_CALLING:
        return
    labels = task.labels
    if labels is not None and all(len(label) <= 60 for label in labels.labels[:50]):
        return  # names of classes; canned replies are texts and may hold anything
    worked_out = task.kind is TaskKind.REASONING
    known = sorted(_words_to_choose_from(task.schema or {}), key=len, reverse=True)
    rows: list[int] = []
    kinds: Counter[str] = Counter()
    shown: list[str] = []
    for row in data.rows:
        answer = row.example.answer
        if task.kind is TaskKind.EXTRACTION:
            answer = _without(known, answer)
        found = volatile(answer, asked(row.example), worked_out=worked_out)
        if found:
            rows.append(row.number)
            kinds.update({kind for kind, _ in found})
            if len(shown) < _SHOWN:
                kind, text = found[0]
                shown.append(f"row {row.number}: {kind} {quoted_from(text, answer)}")
    share = len(rows) / len(data.rows)
    if share < _NOTED:
        return
    counts = ", ".join(f"{kind} in {n:,} rows" for kind, n in kinds.most_common())
    yield Finding.on(
        rows,
        "FT803",
        Severity.WARNING if share > _WARNS else Severity.INFO,
        f"{share:.0%} of the answers hold facts that change and that their prompts do not give",
        detail="\n".join([counts, *shown]),
        why="the model goes on giving what was true on the day of the data, and says it as surely as the rest; "
        "search with a given text beats tuning for facts (arXiv 2312.05934, 2403.01432)",
        mend="use retrieval: put the text that holds them into the prompt, and tune on rows made so"
        if share > _RECOMMENDS
        else "put what changes into the prompt (retrieval, or a field of the row), or take these rows out",
    )


def _words_to_choose_from(schema: object) -> set[str]:
    """Every value of a closed set: a class that the model chooses, such as a range of prices."""
    if isinstance(schema, list):
        return set().union(*map(_words_to_choose_from, schema))
    if not isinstance(schema, dict):
        return set()
    inner = [value for key, value in schema.items() if key != "enum"]
    enum = schema.get("enum")
    return _words_to_choose_from(inner) | (set(enum) if isinstance(enum, list) else set())


def _without(known: Sequence[str], answer: str) -> str:
    is_json, value = parsed_json(answer)
    text = json.dumps(value, ensure_ascii=False) if is_json else answer
    for word in known:
        if any(c.isdigit() for c in word):
            text = text.replace(word, "")
    return text


def _asks_for_a_fact(row: RowView) -> bool:
    question, answer = last_asked(row.example), row.example.answer.strip()
    if not answer or len(question) > 600 or not _FACTUAL.search(question):
        return False
    words = answer.split()
    if len(words) > _ANSWER_LONGEST or len(asked(row.example).split()) > _QUESTION_LONGEST:
        return False
    given = question.casefold()
    if len(re.findall(r"\d+", question)) > 1 and re.fullmatch(r"[^a-zA-Z]*", answer):
        return False  # to be worked out, not known
    return any(
        token.casefold() not in given
        for place, token in enumerate(_TOKEN.findall(answer))
        if token[0].isdigit() or (token[0].isupper() and (place or len(words) <= 3))
    )
