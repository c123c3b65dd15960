"""Two files in two formats as one data set: looked at, cleaned of what stands there twice, sampled; every row still names
its file.

    python cookbook/explore_data.py
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import ftkit
from ftkit.samples import tickets_path
from ftkit.types import Dataset, Example


def main(folder: Path) -> Dataset:
    """A sample to read, of the tickets in both files."""
    exported, written = two_files(folder)
    old = ftkit.load(exported, prompt="ticket", completion="queue")
    new = ftkit.load(written)
    print(f"{old}\nread as {old.format}: {old.detected}\n")

    both = old.concat(new)
    for finding in ftkit.check(both).findings:
        print(f"{finding.severity} {finding.code}: {finding.title}")

    tidy = both.map(one_spelling)
    once = tidy.select(first_of_each(tidy), why="without what stands there twice")
    print(f"\n{len(both) - len(once)} of {len(both)} rows stood there twice")
    print(Counter(example.answer for example in once).most_common(3))

    sample = once.sample(20, seed=1)
    for row, example in zip(sample.rows[-3:], sample[-3:], strict=True):
        assert row.origin
        print(f"row {row.origin.number} of {Path(row.source).name}: {example.answer}")
    print(f"\n{sample.provenance}")
    return sample  # in a notebook: a table; sample.to_pandas() and sample.to_hf() for other tools


def one_spelling(example: Example) -> Example:
    """The same row with its label in small letters."""
    *turns, answer = example.messages
    return replace(example, messages=(*turns, replace(answer, content=answer.content.lower())))


def first_of_each(data: Dataset) -> list[int]:
    """Positions of the rows whose question did not stand before them."""
    first: dict[object, int] = {}
    for position, example in enumerate(data):
        first.setdefault(example.prompt, position)
    return list(first.values())


def two_files(folder: Path) -> tuple[Path, Path]:
    """A table that a help desk exported, and chats that were written since; 50 tickets stand in both."""
    lines = [json.loads(line) for line in tickets_path().read_text().splitlines()]
    tickets = [(line["prompt"], json.loads(line["completion"])["queue"]) for line in lines]
    exported, written = folder / "exported.csv", folder / "written.jsonl"
    with exported.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("ticket", "queue"), *((text, queue.title()) for text, queue in tickets[:400])]
        )
    with written.open("w", encoding="utf-8") as file:
        for text, queue in tickets[350:]:
            turns = {"role": "user", "content": text}, {"role": "assistant", "content": queue}
            file.write(json.dumps({"messages": turns}) + "\n")
    return exported, written


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        main(Path(name))
