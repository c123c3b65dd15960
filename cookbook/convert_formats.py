"""One set of rows through the formats: what fits goes through whole, what does not is named, and nothing is lost on the way.

python cookbook/convert_formats.py
"""

from __future__ import annotations

import json
from pathlib import Path

import ftkit
from ftkit.errors import DataError, StorageError

ROWS = [
    {"instruction": "Translate into German.", "input": "the house", "output": "das Haus"},
    {
        "instruction": "And the plural?",
        "output": "die Häuser",
        "history": [["the house", "das Haus"]],
    },
    {"instruction": "Which article?", "output": "die", "system": "Answer in one word."},
]


def main() -> None:
    """Alpaca to chat to ShareGPT and back; a refusal by row and field; a file that is left alone."""
    Path("alpaca.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), encoding="utf-8"
    )
    print(ftkit.convert("alpaca.jsonl", "chat.jsonl", to="chat"))
    print(ftkit.convert("chat.jsonl", "sharegpt.json.gz", to="sharegpt"))
    print(ftkit.convert("sharegpt.json.gz", "again.jsonl", to="alpaca"))
    assert list(ftkit.load("again.jsonl")) == list(ftkit.load("alpaca.jsonl"))

    try:  # two columns hold one question and one answer
        ftkit.convert("chat.jsonl", "table.csv", to="prompt_completion")
    except DataError as error:
        print(error)
    assert not Path("table.csv").exists()

    try:
        ftkit.convert("chat.jsonl", "alpaca.jsonl", to="alpaca")
    except StorageError as error:
        print(error)
    print(f"{len(ROWS)} rows, the same in every file")


if __name__ == "__main__":
    main()
