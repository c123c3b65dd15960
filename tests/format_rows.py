"""Rows for the judge of the formats: what a writer makes, dialects that no writer makes, and each with one thing wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ftkit.data import Example, Message
from ftkit.data.formats import Format, row_of
from ftkit.errors import DataError
from tests.format_examples import WIRE, examples, plain_chats

MARK = "\u27e6m\u27e7"  # stands nowhere else, so where it is missing something was dropped
TEXTS = [
    "",
    " ",
    "where?",
    "\n a \n",
    "[1]",
    '{"a": "b"}',
    "\u2028",
    "🙂",
    *WIRE,
    "user",
    "assistant",
    "human",
    "gpt",
]
NO = (Message("assistant", "rather not"),)
TOOL = {"name": "find", "description": "finds it", "parameters": {"type": "object"}}
CALL = {"name": "find", "arguments": {"what": "the parcel"}}

# By the name of the format: rows in shapes that it reads and never writes.
DIALECTS: dict[str, list[dict[str, Any]]] = {
    "chat": [
        {
            "messages": [
                {"role": "developer", "content": [{"type": "text", "text": "be brief"}]},
                {"role": "user", "content": "where?", "name": "ann", "tool_calls": None},
                {"role": "assistant", "content": "there", "weight": 1, "refusal": None},
            ],
            "tools": [],
        }
    ],
    "preference": [
        {
            "input": {
                "messages": [{"role": "user", "content": "where?"}],
                "tools": [{"type": "function", "function": TOOL}],
                "parallel_tool_calls": True,
            },
            "preferred_output": [{"role": "assistant", "content": "there"}],
            "non_preferred_output": [{"role": "assistant", "content": "dunno"}],
            "source": "desk",
        }
    ],
    "chosen_rejected": [
        {"prompt": "where?", "chosen": "there", "rejected": "dunno", "source": "desk"},
        {
            "prompt": "where?",
            "chosen": [
                {"role": "user", "content": "where?"},
                {"role": "assistant", "content": "there"},
            ],
            "rejected": [
                {"role": "user", "content": "where?"},
                {"role": "assistant", "content": "dunno"},
            ],
        },
        {
            "prompt": [{"role": "user", "content": "where?"}],
            "chosen": "there",
            "rejected": [{"role": "assistant", "content": "dunno"}],
        },
    ],
    "alpaca": [
        {"instruction": "translate", "input": "the house", "output": "das Haus", "system": ""},
        {
            "instruction": "and now",
            "input": "",
            "output": "later",
            "system": "be brief",
            "history": [["when?", "soon"], ["where?", "there"]],
        },
    ],
    "sharegpt": [
        {
            "system": "be brief",
            "conversations": [
                {"from": "human", "value": "where is it?"},
                {"from": "function_call", "value": str(CALL).replace("'", '"')},
                {"from": "observation", "value": "in the hall"},
                {"from": "gpt", "value": "there"},
            ],
            "tools": str([TOOL]).replace("'", '"'),
        },
        {
            "conversations": [
                {"role": "user", "content": "where?"},
                {"role": "assistant", "content": "there"},
            ]
        },
    ],
    "prompt_completion": [{"prompt": "where?", "completion": "there", "tools": "hammer"}],
}


def ladder(draw: st.DrawFn) -> Iterator[Example]:
    """From anything to the plainest: each format carries one of these."""
    anything = draw(st.one_of(examples(), plain_chats()))
    chat = draw(plain_chats())
    start = 1 if chat.messages[0].role == "system" else 0
    short = chat.messages[: start + 2]
    for example in (
        anything,
        replace(anything, rejected=NO),
        replace(chat, fields=anything.fields),
        Example(short, anything.fields),
        Example(short),
        Example(short[start:], anything.fields),
        Example((Message("user", "where?"), Message("assistant", "there"))),
    ):
        yield example
        yield replace(example, rejected=NO)


@st.composite
def carried(draw: st.DrawFn, format: Format) -> Example:
    """An Example that the format can write."""
    for example in ladder(draw):
        try:
            row_of(example, format)
        except DataError:
            continue
        return example
    raise AssertionError(f"{format.name} refuses all")


def written_rows(format: Format, count: int) -> list[dict[str, Any]]:
    """What the format writes of Examples, so many."""
    found: list[dict[str, Any]] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(example=carried(format))
    def collect(example: Example) -> None:
        found.append(copy.deepcopy(row_of(example, format)))

    collect()
    return found


def pool(format: Format, count: int) -> list[dict[str, Any]]:
    """Rows of the format: written ones, so many, and half as many of its dialects."""
    dialects = DIALECTS.get(format.name, [])
    written = written_rows(format, count)
    return [*written, *(dialects[at % len(dialects)] for at in range(count // 2) if dialects)]


def strange_row(format: Format, random: Random) -> dict[str, Any]:
    """Any JSON under the fields of the format."""
    keys = [*format.reads, "tools", "functions", "id"]
    return {key: any_json(random) for key in random.sample(keys, random.randint(0, len(keys)))}


def near_miss(format: Format, good: dict[str, Any], random: Random) -> dict[str, Any]:
    """A row of the format with one thing changed anywhere in it."""
    row = copy.deepcopy(good)
    places = list(_places(row))
    holder, key = random.choice(places)
    words = [*WIRE, *format.reads, "note"]
    change = random.choice(
        ["value", "mark", "mark", "remove", "add", "add", "rename", "move", "wrap"]
    )
    if change == "value":
        holder[key] = any_json(random)
    elif change == "mark":
        holder, key = random.choice([(one, at) for one, at in places if isinstance(one[at], str)])
        holder[key] += MARK
    elif change == "remove":
        del holder[key]
    elif change == "rename" and isinstance(holder, dict):
        holder[random.choice(words)] = holder.pop(key)
    elif change == "move":
        other, at = random.choice(places)
        holder[key] = copy.deepcopy(other[at])
    elif change == "wrap":
        holder[key] = random.choice([[holder[key]], {"text": holder[key]}])
    else:
        holder = random.choice([row, random.choice(list(_holders(row)))])
        value = random.choice([MARK, any_json(random)])
        if isinstance(holder, dict):
            holder[random.choice(words)] = value
        else:
            holder.insert(random.randint(0, len(holder)), value)
    return row


def any_json(random: Random, depth: int = 3) -> Any:
    """Any value, in which words of the formats come often."""
    kind = random.random()
    if depth and kind < 0.3:
        return [any_json(random, depth - 1) for _ in range(random.randint(0, 3))]
    if depth and kind < 0.6:
        words = [random.choice([*WIRE, "a", "größe", ""]) for _ in range(random.randint(0, 3))]
        return {word: any_json(random, depth - 1) for word in words}
    return random.choice([None, True, False, 0, 1, -7, 2.5, 1e300, 10**30, *TEXTS])


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


def _places(row: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    for holder in _holders(row):
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            yield holder, key


def rows(format: Format, good: Sequence[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """All kinds, near misses most often. What is changed comes from a seed: drawn by hypothesis it takes ten times as long."""

    def made(kind: int, row: dict[str, Any], seed: int) -> dict[str, Any]:
        random = Random(seed)
        if kind == 0:
            return copy.deepcopy(row)
        return strange_row(format, random) if kind == 1 else near_miss(format, row, random)

    return st.builds(made, st.integers(0, 6), st.sampled_from(good), st.integers(0, 2**32))
