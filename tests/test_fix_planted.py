"""Damage planted into real rows: mended back to the very text that was there, and what only looks like damage stays.

The planter and judge know nothing of the product. Where the published sets are not at hand, rows are made up.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.data.mending import copying, mends
from tests.faults.planted_damage import KINDS, NEAR, Planted, mended, planted
from tests.published_data import banking77, e2e, gsm8k, needs_published

EACH = 200
SETS = {"banking77": banking77, "e2e": e2e, "gsm8k": gsm8k}
# where half of a text is whole, one doubtful character in the other half leaves all of it for a person
LEAST = {kind: 150 if kind == "partly decoded wrongly" else EACH for kind in KINDS}


def made_up() -> list[tuple[str, str]]:
    chance = random.Random(7)
    words = [
        "the",
        "parcel",
        "never",
        "came",
        "when",
        "will",
        "my",
        "money",
        "return",
        "because",
        "nobody",
        "answers",
        "calls",
    ]
    return [
        (" ".join(chance.choices(words, k=12)) + "?", " ".join(chance.choices(words, k=9)) + ".")
        for _ in range(300)
    ]


def judged(
    pairs: list[tuple[str, str]], each: int = EACH, seed: int = 0
) -> Counter[tuple[str, str]]:
    clean = [(p, c) for p, c in pairs if "\u200b" not in p + c and c == c.strip()]
    rows = list(planted(clean, each, random.Random(seed)))
    write("rows.jsonl", rows)
    ftkit.fix("rows.jsonl", "out.jsonl", force=True)
    out = [json.loads(line) for line in Path("out.jsonl").read_text("utf-8").split("\n") if line]
    return mended(rows, out)


def write(name: str, rows: list[Planted]) -> None:
    Path(name).write_text(
        "".join(json.dumps(row.damaged, ensure_ascii=False) + "\n" for row in rows), "utf-8"
    )


def bad(found: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
    return {
        (kind, word): count for (kind, word), count in found.items() if kind == "" and word != "whole" or word == "wrong" or (kind in NEAR and word != "whole")
    }  # fmt: skip


@needs_published
@pytest.mark.parametrize("name", SETS)
def test_planted_damage_is_mended_back_to_the_text_that_was_there(name: str) -> None:
    found = judged(SETS[name]())
    print(name, {kind: found[kind, "whole"] for kind in KINDS})
    assert bad(found) == {}
    assert [kind for kind in KINDS if found[kind, "whole"] < LEAST[kind]] == []


def test_planted_damage_in_made_up_rows_is_mended() -> None:
    found = judged(made_up(), each=40)
    assert bad(found) == {}
    assert [kind for kind in KINDS if found[kind, "whole"] < LEAST[kind] / 5] == []


@needs_published
@pytest.mark.parametrize(
    ("name", "options", "changes"),
    [
        ("banking77_train.csv", {"prompt": "text", "completion": "category"}, []),
        ("e2e_nlg_dev.csv", {"prompt": "mr", "completion": "ref"}, [(2673, "trailing_space")]),
        ("gsm8k_train.jsonl", {"prompt": "question", "completion": "answer"}, [(7389, "unseen_characters")]),
    ],
)  # fmt: skip
def test_of_published_sets_only_what_is_damaged_changes(
    name: str, options: dict[str, Any], changes: list[tuple[int, str]]
) -> None:
    from tests.published_data import FOLDER

    done = ftkit.fix(FOLDER / name, f"out.{name}", **options)
    assert [(change.row, change.mend) for change in done.changes] == changes
    before, after = (FOLDER / name).read_bytes().split(b"\n"), Path(f"out.{name}").read_bytes().split(b"\n")  # fmt: skip
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == len(changes)


def with_change(monkeypatch: pytest.MonkeyPatch, name: str, change: Any) -> None:
    from dataclasses import replace

    changed = [replace(m, change=change) if m.name == name else m for m in mends.MENDS]
    monkeypatch.setattr(mends, "MENDS", tuple(changed))


def test_the_judge_sees_a_mend_that_strips_beginnings_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with_change(monkeypatch, "trailing_space", str.strip)
    # the mend for the end of an answer is done where an answer ends, and so reaches its beginning
    assert bad(judged(made_up(), each=5)) == {
        ("white space at the beginning of an answer", "wrong"): 5
    }


def test_the_judge_sees_a_mend_of_unseen_characters_that_looks_at_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ftkit.data.checks.damage import UNSEEN

    with_change(monkeypatch, "unseen_characters", lambda text: UNSEEN.sub("", text))
    kinds = {kind for kind, _ in bad(judged(made_up(), each=5))}
    assert {"marks of direction", "what is left of a quote", "colours of a terminal"} <= kinds


def test_the_judge_sees_a_decoder_that_takes_doubt_for_proof(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = lambda text: text.replace("Å‚", "ł").replace("Ã©", "é")
    with_change(monkeypatch, "wrong_decoding", wrong)
    kinds = {kind for kind, _ in bad(judged(made_up(), each=5))}
    assert {"one doubtful piece", "a text about encodings"} <= kinds


def test_the_judge_sees_a_row_that_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    real = copying.Copy._row
    monkeypatch.setattr(
        copying.Copy,
        "_row",
        lambda self, cut, log, done: None if cut.row == 17 else real(self, cut, log, done),
    )
    assert bad(judged(made_up(), each=5)) == {("", "rows lost or won"): 1}
