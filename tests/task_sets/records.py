"""Structured extraction: records in several notations, and calls of tools."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.task_sets.words import CITIES, THINGS, Rows, one, pair, person, sentence

EXTRACTION = "structured extraction"
TOOLS = "tool calling"


def _order(rng: Random) -> dict[str, Any]:
    return {
        "customer": person(rng),
        "city": rng.choice(CITIES),
        "date": f"2025-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        "items": [
            {"product": rng.choice(THINGS), "count": rng.randint(1, 9)}
            for _ in range(rng.randint(1, 3))
        ],
        "paid": rng.random() < 0.5,
    }


def _text(rng: Random, order: dict[str, Any]) -> str:
    items = " and ".join(f"{item['count']} {item['product']}" for item in order["items"])
    return (
        f"{order['customer']} of {order['city']} wants {items} by {order['date']}. {sentence(rng)}"
    )


def _written(write: Callable[[dict[str, Any]], str], count: int = 200) -> Callable[[Random], Rows]:
    def make(rng: Random) -> Rows:
        orders = [_order(rng) for _ in range(count)]
        return [pair(_text(rng, order), write(order)) for order in orders]

    return make


def some_are_no_json(rng: Random) -> Rows:
    rows = _written(json.dumps, 200)(rng)
    for row in rows[:6]:
        row["completion"] = "There is no order in this text."
    return rows


def lists_of_records(rng: Random) -> Rows:
    return [
        pair(
            sentence(rng, 20, 40),
            json.dumps([{"name": person(rng), "role": one(rng, "buyer", "seller")} for _ in range(rng.randint(0, 3))]),
        )
        for _ in range(200)
    ]  # fmt: skip


def queue_and_urgency(rng: Random) -> Rows:
    return [
        pair(sentence(rng), json.dumps({"queue": one(rng, "a", "b", "c"), "urgent": rng.random() < 0.2}))
        for _ in range(300)
    ]  # fmt: skip


def frames(rng: Random) -> Rows:
    rows = []
    for _ in range(200):
        order = _order(rng)
        slots = f'city="{order["city"]}", date="{order["date"]}", people="{rng.randint(1, 8)}"'
        rows.append(pair(_text(rng, order), f"book_table({slots})"))
    return rows


TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def tool_calls(rng: Random) -> Rows:
    rows: Rows = []
    for number in range(120):
        city = rng.choice(CITIES)
        call = {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": "weather", "arguments": json.dumps({"city": city})},
        }
        turns: list[dict[str, Any]] = [
            {"role": "user", "content": f"How is the weather in {city}?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        ]
        if number % 2:
            turns += [
                {"role": "tool", "tool_call_id": f"call_{number}", "content": '{"sky": "clear"}'},
                {"role": "assistant", "content": f"The sky over {city} is clear."},
            ]
        rows.append({"messages": turns, "tools": [TOOL]})
    return rows


def tools_often_not_called(rng: Random) -> Rows:
    rows = tool_calls(rng)
    talk = [
        {
            "messages": [
                {"role": "user", "content": sentence(rng)},
                {"role": "assistant", "content": sentence(rng)},
            ],
            "tools": [TOOL],
        }
        for _ in range(100)
    ]
    return [*rows, *talk]


def calls_as_text(rng: Random) -> Rows:
    return [
        pair(
            sentence(rng),
            json.dumps({"name": one(rng, "search", "mail", "book"), "arguments": {"text": sentence(rng)}}),
        )
        for _ in range(150)
    ]  # fmt: skip


def tagged_calls(rng: Random) -> Rows:
    return [
        {**row, "completion": f"<tool_call>\n{row['completion']}\n</tool_call>"}
        for row in calls_as_text(rng)
    ]


SETS: dict[str, tuple[str, Callable[[Random], Rows]]] = {
    "nested orders": (EXTRACTION, _written(json.dumps)),
    "fenced JSON": (EXTRACTION, _written(lambda order: f"```json\n{json.dumps(order, indent=2)}\n```")),
    "some are no JSON": (EXTRACTION, some_are_no_json),
    "lists of records": (EXTRACTION, lists_of_records),
    "queue and urgency": (EXTRACTION, queue_and_urgency),
    "key: value lines": (
        EXTRACTION,
        _written(lambda o: f"Customer: {o['customer']}\nCity: {o['city']}\nDate: {o['date']}"),
    ),
    "key=value pairs": (
        EXTRACTION,
        _written(lambda o: f"customer={o['customer']}; city={o['city']}; paid={o['paid']}"),
    ),
    "XML": (
        EXTRACTION,
        _written(lambda o: f"<order><customer>{o['customer']}</customer><city>{o['city']}</city></order>"),
    ),
    "YAML with lists": (
        EXTRACTION,
        _written(
            lambda o: f"city: {o['city']}\nitems:\n"
            + "".join(f"  - {item['product']}\n" for item in o["items"])
            + f"paid: {o['paid']}"
        ),
    ),
    "frames": (EXTRACTION, frames),
    "tool calls": (TOOLS, tool_calls),
    "tools often not called": (TOOLS, tools_often_not_called),
    "calls as text": (TOOLS, calls_as_text),
    "tagged calls": (TOOLS, tagged_calls),
}  # fmt: skip
