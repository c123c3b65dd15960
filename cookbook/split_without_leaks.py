"""Hold rows out so that they prove something, and keep them held out while the data grows.

python cookbook/split_without_leaks.py
"""

from __future__ import annotations

import random
from typing import Any

import ftkit

WORDS = "card bill parcel refund code login price colour order gift stamp branch route lamp chair key form visa"


def rows(documents: int) -> list[dict[str, Any]]:
    """Three questions from each document: one, the same in other case, and the same with another end."""
    dice, made = random.Random(7), []
    for n in range(documents):
        about = " ".join(dice.sample(WORDS.split(), 6))
        for text in (f"Where is {about}?", f"WHERE IS {about.upper()}?", f"Where is {about} now?"):
            made.append({"prompt": text, "completion": f"Page {n}.", "doc_id": f"doc{n // 2}"})
    return made


def main() -> None:
    """Split, read the notes, group by what they name, let the data grow, and look for leaks."""
    data = ftkit.load(rows(120))
    for note in data.split().notes:
        print(f"note: {note}")

    before = data.split(test=0.2, seed=1, group_by="doc_id")
    print(before)

    grown = ftkit.load(rows(200))
    after = grown.split(test=0.2, seed=1, group_by="doc_id", previous=before)
    print(after)
    old, new = ({example.prompt for example in split.held_out} for split in (before, after))
    assert old <= new and not after.moved

    for train, held_out in grown.folds(5, group_by="doc_id"):
        assert ftkit.check(train, against=held_out).ok
    sizes = [len(part) for part in after.train.fractions((0.25, 0.5, 1.0))]
    print(f"parts of the training rows for a curve of learning: {sizes}")

    shared = set(after.train.values("doc_id")) & set(after.held_out.values("doc_id"))
    print(f"{len(set(grown.values('doc_id')))} documents, and {len(shared)} stand on both sides")


if __name__ == "__main__":
    main()
