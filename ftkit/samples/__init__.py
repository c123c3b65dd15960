"""The tickets of `ftkit demo`: 600 messages to an invented web shop, each with the JSON that routes
it. They are written by tools/write_tickets.py, which states the rules of the labels; rows of one
`template` are worded alike, so a held-out set takes whole templates.
"""

from pathlib import Path

__all__ = ["TICKETS_SYSTEM", "tickets_path"]

# Short, because it is trained on with every row; it leaves the queues for the model to learn.
TICKETS_SYSTEM = "Route the support ticket. Answer with JSON only."


def tickets_path() -> Path:
    """The JSONL file: `prompt` (the ticket), `completion` (compact JSON), `template` (its id)."""
    return Path(__file__).parent / "tickets.jsonl"
