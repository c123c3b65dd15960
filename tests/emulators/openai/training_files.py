"""What the provider finds in a training file: its rows' tokens, its answers by prompt, and the first fault.

The text about an invalid token and the one about too few rows are the provider's own; the others are in its manner.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from . import pictures
from .tokens import Count
from .training_tokens import row_tokens

LEAST_ROWS = 10
IMAGE_ROWS = 50_000
TOKENS_PER_EXAMPLE = 65_536  # what is over is cut from the end and not charged
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
SPECIAL = re.compile(
    r"<\|(?:endoftext|endofprompt|fim_prefix|fim_middle|fim_suffix|im_start|im_end|im_sep)\|>"
)
BLOCKED = (
    "The job failed due to an unsafe training file. This training file was blocked by our moderation system because "
    "it contains too many examples that violate OpenAI's usage policies, or because it attempts to create model "
    "outputs that violate OpenAI's usage policies."
)


@dataclass(slots=True)
class TrainingFile:
    """`fault` is (code, message) of what makes the job fail; `tokens` one epoch; `answers` by the last user text."""

    rows: int = 0
    tokens: int = 0
    with_images: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    fault: tuple[str, str] | None = None


def read(
    content: bytes, method: str, count: Count, role: str = "training", *, sees: bool = True
) -> TrainingFile:
    """Read a file of the method "supervised" or "dpo"; `role` is "training" or "validation".

    `sees` is whether the base can be trained on images.
    """
    read = TrainingFile()
    code = f"invalid_{role}_file"
    start = f"The job failed due to a file format error in the {role} file. Invalid file format. "
    try:
        lines = content.decode("utf-8").removeprefix("\ufeff").split("\n")
    except UnicodeDecodeError:
        read.fault = (code, f"{start}The file is not UTF-8.")
        return read
    for line in lines:
        if not line.strip():
            continue
        read.rows += 1
        try:
            row = json.loads(line)
        except ValueError:
            read.fault = (code, f"{start}Line {read.rows} is not valid JSON.")
            return read
        wrong = _dpo_fault(row) if method == "dpo" else _supervised_fault(row)
        if wrong is None and pictures.pictures(_messages(row)):
            read.with_images += 1
            if not sees:
                wrong = "has images, which this model cannot be trained on"
            elif read.with_images > IMAGE_ROWS:
                wrong = f"is one too many with images: at most {IMAGE_ROWS} are allowed"
        if wrong is None and (special := _special(row)):
            wrong = f"message contains an invalid token: {special}"
        if wrong is not None:
            read.fault = (code, f"{start}Example {read.rows} {wrong}.")
            return read
        _take(read, row, method, count)
    if role == "training" and read.rows < LEAST_ROWS:
        read.fault = (
            "invalid_n_examples",
            f"Training file has {read.rows} example(s), but must have at least {LEAST_ROWS} examples",
        )
    return read


def _take(read: TrainingFile, row: dict[str, Any], method: str, count: Count) -> None:
    """Count a sound row's tokens and remember what it teaches."""
    if method == "dpo":
        asked = row["input"]
        messages = asked["messages"]
        taught = row["preferred_output"][-1]
        tokens = sum(
            row_tokens(part, tools, count)
            for part, tools in (
                (messages, asked.get("tools")),
                (row["preferred_output"], None),
                (row["non_preferred_output"], None),
            )
        )
    else:
        messages = row["messages"]
        taught = messages[-1]
        tokens = row_tokens(messages, row.get("tools"), count)
    read.tokens += min(tokens, TOKENS_PER_EXAMPLE)
    if isinstance(taught.get("content"), str):
        read.answers.setdefault(last_user_text(messages), taught["content"])


def last_user_text(messages: list[Any]) -> str:
    """The text of the last user message, its parts joined; "" where there is none."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, list):
                return "".join(str(part.get("text", "")) for part in content)
            return str(content)
    return ""


def _messages(row: dict[str, Any]) -> list[Any]:
    found: list[Any] = row["input"]["messages"] if "input" in row else row["messages"]
    return found


def _supervised_fault(row: Any) -> str | None:
    if not isinstance(row, dict) or not isinstance(row.get("messages"), list):
        return "is not in the chat-completion format: it has no list of messages"
    if fault := _messages_fault(row["messages"]):
        return fault
    if row["messages"][-1]["role"] != "assistant":
        return "does not end with a message of the assistant"
    return pictures.fault(row["messages"]) or _tools_fault(row)


def _dpo_fault(row: Any) -> str | None:
    asked = row.get("input") if isinstance(row, dict) else None
    if not isinstance(asked, dict) or not isinstance(asked.get("messages"), list):
        return "is not in the preference format: it has no input with messages"
    if fault := _messages_fault(asked["messages"]):
        return fault
    for name in ("preferred_output", "non_preferred_output"):
        output = row.get(name)
        if not isinstance(output, list) or len(output) != 1:
            return f"must have one message in {name}"
        if fault := _messages_fault(output):
            return fault
        if output[0].get("tool_calls"):
            return f"must have text only in {name}"
        if output[0]["role"] != "assistant" or not isinstance(output[0].get("content"), str):
            return f"must have text of the assistant in {name}"
    if pictures.pictures(asked["messages"]):
        return "has images, but preferences are learned from text only"
    return _tools_fault(asked)


def _tools_fault(asked: dict[str, Any]) -> str | None:
    tools = asked.get("tools")
    if tools is not None and (not isinstance(tools, list) or not tools):
        return "has tools that are no list of functions"
    for tool in tools or ():
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            return "has a tool that is no function with a name"
    declared = {tool["function"]["name"] for tool in tools or ()}
    called: set[str] = set()
    for message in asked["messages"]:
        for call in message.get("tool_calls") or ():
            if call["function"]["name"] not in declared:
                return f"calls a function {call['function']['name']} that it does not declare"
            called.add(call["id"])
        if message["role"] == "tool" and message.get("tool_call_id") not in called:
            return "has a message of a tool that answers no call"
    return None


def _messages_fault(messages: list[Any]) -> str | None:
    if not messages:
        return "has no messages"
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            return "has a message without a known role"
        content = message.get("content")
        if content is None and message["role"] == "assistant" and message.get("tool_calls"):
            continue
        if not isinstance(content, (str, list)):
            return "has a message without content"
        if "weight" in message and message["weight"] not in (0, 1):
            return "has a weight that is neither 0 nor 1"
    return None


def _special(value: Any) -> str | None:
    """The first special token in any text of the row."""
    if isinstance(value, str):
        match = SPECIAL.search(value)
        return match[0] if match else None
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for part in parts if (found := _special(part))), None)
