"""No Claude can be tuned: what works instead is a prompt with examples of your own, read from the cache of prompts.

The refusal quotes it; here it is done: examples in front of each question, counted before anything is paid for, and what
the cache has saved.

    ANTHROPIC_API_KEY=... python cookbook/claude_instead.py         # about a cent, on Haiku
"""

from __future__ import annotations

import json

import ftkit
import ftkit.types
from ftkit.errors import CapabilityError
from ftkit.samples import TICKETS_SYSTEM, tickets_path

MODEL = "anthropic/claude-haiku-5-5"


def main(model: str = MODEL, examples: int = 24, questions: int = 20) -> list[ftkit.types.Reply]:
    """Refused as a base, asked with `examples` rows in front of each of `questions` others."""
    tickets = [json.loads(line) for line in tickets_path().read_text().splitlines()]
    data = ftkit.load(tickets, system=TICKETS_SYSTEM)
    try:
        ftkit.finetune(data, model=model, max_cost_usd=5)
    except CapabilityError as error:
        print(f"{error}\n")

    claude = ftkit.model(model)
    shown, asked = data[:examples], data[examples : examples + questions]
    front = [ftkit.types.Message("system", TICKETS_SYSTEM)]
    for row in shown:
        front += [*row.messages[1:]]
    prompts = [[*front, *row.prompt[1:]] for row in asked]
    print(f"{claude.count_tokens(prompts[0]):,} tokens in front of and with the first question")

    first = claude.chat(prompts[0], max_tokens=20)  # fills the cache, which the others read
    replies = [first, *claude.map(prompts[1:], max_tokens=20, max_cost_usd=1)]
    read = sum(reply.usage.input_tokens for reply in replies)
    cached = sum(reply.usage.cached_input_tokens for reply in replies)
    cost = sum(reply.cost_usd or 0 for reply in replies)
    right = sum(reply.text.strip() == row.answer for reply, row in zip(replies, asked, strict=True))
    print(f"{right} of {len(replies)} right, for {cost:.5f} USD")
    print(f"{read:,} tokens read, {cached:,} of them from the cache")
    return replies


if __name__ == "__main__":
    main()
