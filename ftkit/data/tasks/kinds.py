"""One question a kind, in an order that matters: a worked answer may look like key: value lines, records may repeat like labels.

The shares asked for are high on purpose: a set that is half one thing and half another is called by its more general name.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ftkit.data.example import Example
from ftkit.data.tasks.fields import parsed_json, records
from ftkit.data.tasks.labels import LabelSet, label_set
from ftkit.data.tasks.questions import asked
from ftkit.data.tasks.schema import inferred_schema
from ftkit.data.tasks.worked import final_value

_RECORDS = 0.95
_WORKED = 0.7
_MOST = 0.5
_CALL_TAG = "<tool_call>"  # of widespread chat templates
_LONG = 40  # words of the median answer from which on a text is long
_LOOKED_AT = 20_000  # rows, evenly spread; labels are looked for in all of them


class TaskKind(StrEnum):
    """What the answers are. Reasoning: worked answers with a final value."""

    CLASSIFICATION = "classification"
    EXTRACTION = "structured extraction"
    GENERATION = "generation"
    CONVERSATION = "conversation"
    TOOL_CALLING = "tool calling"
    REASONING = "reasoning"


@dataclass(frozen=True, slots=True)
class Task:
    """A guess, the sentences it rests on, and what was read on the way: labels, or the JSON Schema of the answers.

    `form` says more where the kind leaves it open: multi-label, JSON, short text, long text.
    """

    kind: TaskKind
    evidence: tuple[str, ...]
    form: str = ""
    labels: LabelSet | None = None
    schema: dict[str, Any] | None = field(default=None, hash=False)

    def __str__(self) -> str:
        if self.labels is not None:
            return f"{self.kind} with {len(self.labels.labels):,} labels"
        return f"{self.kind} ({self.form})" if self.form else str(self.kind)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; of the labels the first thousand."""
        return {
            "kind": self.kind.value,
            "form": self.form,
            "evidence": list(self.evidence),
            "labels": None if self.labels is None else list(self.labels.labels[:1000]),
            "schema": self.schema,
        }


def task_of(examples: Sequence[Example]) -> Task | None:
    """The task that these rows teach; None where no row has an answer. Never raises for what they hold."""
    rows = [example for example in examples if _has_answer(example)]
    if not rows:
        return None
    some = rows[:: max(1, -(-len(rows) // _LOOKED_AT))]
    answers = [answer for row in some if (answer := row.answer.strip())]
    return (
        _tools(some)
        or _json(some, answers, examples)
        or _reasoning(answers)
        or _records(answers)
        or _labels(examples)
        or _conversation(some)
        or _texts(answers)
    )


def _has_answer(example: Example) -> bool:
    return any(turn.role == "assistant" for turn in example.messages)


def _tools(rows: Sequence[Example]) -> Task | None:
    with_calls = sum(any(turn.tool_calls for turn in row.messages) for row in rows)
    with_tools = sum(bool(row.tools) or any(t.tool_calls for t in row.messages) for row in rows)
    written = sum(_CALL_TAG in row.answer for row in rows)
    if written >= _MOST * len(rows):
        evidence = (
            f"{_share(written, len(rows))} of answers hold {_CALL_TAG}, a call written as text"
        )
        return Task(TaskKind.TOOL_CALLING, (evidence,), "text")
    if not with_calls or with_tools < _MOST * len(rows):
        return None
    evidence = (
        f"{_share(with_calls, len(rows))} of rows call a tool, {_share(with_tools, len(rows))} may"
    )
    return Task(TaskKind.TOOL_CALLING, (evidence,))


def _json(some: Sequence[Example], answers: Sequence[str], every: Sequence[Example]) -> Task | None:
    if not answers:
        return None
    values = [value for answer in answers for ok, value in (parsed_json(answer),) if ok]
    holders = [value for value in values if isinstance(value, dict | list)]
    if len(holders) < _RECORDS * len(answers):
        return None
    share = f"{_share(len(holders), len(answers))} of answers are JSON objects or lists"
    if sum(isinstance(value, dict) and _is_call(value) for value in holders) >= _RECORDS * len(
        holders
    ):
        return Task(
            TaskKind.TOOL_CALLING, (share, "each names a function and its arguments"), "JSON"
        )
    if all(_one_thing(value) for value in holders) and (task := _labels(every)) is not None:
        return task
    schema = inferred_schema(holders)
    return Task(TaskKind.EXTRACTION, (share, _fields(schema)), "JSON", schema=schema)


def _one_thing(value: Any) -> bool:
    while isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return not isinstance(value, dict)


def _is_call(value: dict[str, Any]) -> bool:
    names = {"name", "function", "tool", "tool_name"} & value.keys()
    given = {"arguments", "parameters", "args", "tool_input"} & value.keys()
    return bool(names and given) and len(value) <= 3


def _reasoning(answers: Sequence[str]) -> Task | None:
    worked = sum(final_value(answer) is not None for answer in answers)
    if not answers or worked < _WORKED * len(answers):
        return None
    evidence = f"{_share(worked, len(answers))} of answers work something out and end in a value"
    return Task(TaskKind.REASONING, (evidence,))


def _records(answers: Sequence[str]) -> Task | None:
    found = records(answers) if answers else None
    if found is None:
        return None
    notation, values = found
    schema = inferred_schema(values)
    share = f"{_share(len(values), len(answers))} of answers are records written as {notation}"
    return Task(TaskKind.EXTRACTION, (share, _fields(schema)), notation, schema=schema)


def _labels(rows: Sequence[Example]) -> Task | None:
    """Over every turn of the assistant: a chat that always ends in "You're welcome!" is none."""
    answers, prompts = [], []
    for row in rows:
        turns = [turn.content for turn in row.messages if turn.role == "assistant"]
        said = " ".join(turn.content for turn in row.messages if turn.role == "user")
        answers += turns
        prompts += [said] * len(turns)
    found = label_set(answers, prompts)
    if found is None:
        return None
    if len(answers) != len(rows):  # labels of rows are those of their last turns
        found = label_set([row.answer for row in rows], [asked(row) for row in rows])
        if found is None:
            return None
    kinds = len(found.labels)
    evidence = [f"{len(rows):,} answers are {kinds:,} different ones"]
    if found.several:
        evidence = [f"answers are lists drawn from {kinds:,} labels"]
    elif statistics.median(map(len, found.labels)) > 60:
        evidence.append("they are whole texts: a label for each, and the text looked up, is enough")
    return Task(
        TaskKind.CLASSIFICATION,
        tuple(evidence),
        "multi-label" if found.several else found.notation,
        labels=found,
    )


def _conversation(rows: Sequence[Example]) -> Task | None:
    turns = [sum(turn.role == "user" for turn in row.messages) for row in rows]
    several = sum(n > 1 for n in turns)
    if several < _MOST * len(rows):
        return None
    evidence = f"{_share(several, len(rows))} of rows have several turns, {statistics.fmean(turns):.1f} on average"
    return Task(TaskKind.CONVERSATION, (evidence,))


def _texts(answers: Sequence[str]) -> Task:
    words = statistics.median([_words(answer) for answer in answers]) if answers else 0
    form = "long text" if words >= _LONG else "short text"
    different = len(set(answers))
    return Task(
        TaskKind.GENERATION,
        (
            f"the middle answer has {words:,.0f} words",
            f"{different:,} of {len(answers):,} answers are different",
        ),
        form,
    )


def _words(text: str) -> float:
    """Words, or half the characters where a script writes none apart."""
    spaced = len(text.split())
    return spaced if text.isascii() else max(spaced, sum(ord(c) > 0x2E7F for c in text[:2000]) / 2)


def _fields(schema: dict[str, Any]) -> str:
    inner = schema if "properties" in schema else schema.get("items", {})
    properties = inner.get("properties", {})
    if not properties:
        return "they have no fields in common"
    shown = ", ".join(json.dumps(name, ensure_ascii=False) for name in list(properties)[:8])
    return f"{len(properties)} fields, {len(inner['required'])} of them in every one: {shown}"


def _share(part: int, whole: int) -> str:
    share = part / whole
    return f"{share:.0%}" if part in (0, whole) or 0.005 < share < 0.995 else f"{share:.2%}"
