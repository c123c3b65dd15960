"""Rows that tests of token counts render with every real tokenizer, and transformers' own rendering of them as a judge.

The judge shares no code with the renderer: the dicts are written here, and a template is run by transformers alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ftkit.data.example import Example, Message, ToolCall

SYSTEM = Message("system", "You route parcels. Antworte knapp: Größe zählt.")
ASK = Message("user", "Where is parcel 4512?")
ANSWER = Message("assistant", "In the van.")
FOREIGN = Message("user", "Grüße aus Köln! ¿Dónde está 東京? Где посылка? 🙂 שלום")
FOREIGN_ANSWER = Message("assistant", "東京 🙂: в пути, número 7.")
CODE = Message("user", "def f(x):\n\treturn {'a': [x ** 2, 10_000]}  # <b>&amp;</b>")
THOUGHT = Message("assistant", "<think>\n\n</think>\n\nIn the van.")
CALL = ToolCall("call00001", "find_parcel", '{"number":4512,"country":"DE"}')
OTHER_CALL = ToolCall("call00002", "find_parcel", '{"number": 9, "country": "FR"}')
CALLS = Message("assistant", "", tool_calls=(CALL,))
RESULT = Message("tool", '{"at": "Köln \\"Süd\\""}', tool_call_id="call00001")
TOOL = {
    "type": "function",
    "function": {
        "name": "find_parcel",
        "description": "Where a parcel is, für 東京 too",
        "parameters": {
            "type": "object",
            "properties": {
                "number": {"type": "integer", "description": "on the slip"},
                "country": {"type": "string", "enum": ["DE", "FR"]},
            },
            "required": ["number"],
        },
    },
}
OTHER_TOOL = {
    "type": "function",
    "function": {"name": "now", "description": "the time", "parameters": {}},
}

PLAIN: dict[str, Example] = {
    "plain": Example((ASK, ANSWER)),
    "system": Example((SYSTEM, ASK, ANSWER)),
    "turns": Example((ASK, ANSWER, FOREIGN, FOREIGN_ANSWER)),
    "all": Example((SYSTEM, ASK, ANSWER, CODE, FOREIGN_ANSWER, FOREIGN, ANSWER)),
    "code": Example((CODE, Message("assistant", "```python\nprint(1)\n```"))),
    "thought": Example((ASK, THOUGHT)),
}
TOOLS: dict[str, Example] = {
    "unused": Example((SYSTEM, ASK, ANSWER), tools=(TOOL, OTHER_TOOL)),
    "call": Example((SYSTEM, ASK, CALLS), tools=(TOOL,)),
    "result": Example((ASK, CALLS, RESULT, ANSWER), tools=(TOOL, OTHER_TOOL)),
    "again": Example((ASK, CALLS, RESULT, ANSWER, FOREIGN, FOREIGN_ANSWER), tools=(TOOL,)),
    "undeclared": Example((ASK, CALLS, RESULT, ANSWER)),
}
TWO_CALLS = Example(
    (
        ASK,
        Message("assistant", "", tool_calls=(CALL, OTHER_CALL)),
        RESULT,
        Message("tool", "on the ship", tool_call_id="call00002"),
        ANSWER,
    ),
    tools=(TOOL,),
)


def judged(
    judge: Any, messages: Sequence[Message], example: Example, *, generation: bool = False
) -> list[int]:
    """The ids of transformers' apply_chat_template(tokenize=True), on the day that ftkit writes into every prompt."""
    day = judge.get_chat_template().replace('strftime_now("%Y-%m-%d")', '"2024-07-26"')
    ids: list[int] = judge.apply_chat_template(
        [as_wire(message) for message in messages],
        tools=list(example.tools) or None,
        chat_template=day,
        add_generation_prompt=generation,
        tokenize=True,
        return_dict=False,
    )
    return ids


def as_wire(message: Message) -> dict[str, Any]:
    """As the documentation of transformers writes a turn: arguments are an object."""
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.loads(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        wire["tool_call_id"] = message.tool_call_id
    return wire
