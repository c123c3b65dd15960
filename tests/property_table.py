"""What is shown of training, for which family, by which tests: `python -m tests.property_table` writes it into docs/training.md.

The table is read off the tests themselves (`@shows` of families.py), so that it cannot say more than they do.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.families import FAMILIES, NAMES

PAGE = Path(__file__).parents[1] / "docs" / "training.md"
FROM, TO = "<!-- made by python -m tests.property_table -->", "<!-- end -->"
_FILES = ("tokens", "rows", "steps", "adapter")
# as they are numbered in the tests; the numbers between are shown elsewhere or for one model
_PROPERTIES = {
    1: "What an answer is asked with is the beginning of what is trained; where a template rewrites turns that are over, each answer is a sequence",
    2: "Inference sends the very ids that stand before an answer in training",
    3: "What is labelled is what the assistant says, by two independent judges",
    4: "The end of a turn is trained, also where it is the padding",
    5: "Altering any part of a row alters its ids, or the row is refused by number",
    6: "No row without a trained token, and none is cut",
    7: "A control token inside a row is refused and named",
    8: "`ftkit check --show-mask` shows what is trained",
    9: "A batch has the gradients of its rows one by one, in any order, with any padding",
    10: "Rows of a batch do not see one another",
    11: "Losses of a run are those of a plain PEFT loop",
    12: "The first number that is not finite ends the run and names the rows; nothing is published",
    13: "The base is untouched, what rank and targets say is trained, and all of it moves",
    14: "The learning rate is a function of the step",
    19: "The adapter carries what it was made from and opens in plain PEFT, in the form that vLLM reads",
    20: "Merged weights answer as base and adapter do",
    22: "Greedy answers are the same in a batch and alone, stop at the end of turn, and say where they were cut",
}


def shown() -> dict[int, dict[str, list[str]]]:
    """Of each property the families of each test, in the order of the files."""
    found: dict[int, dict[str, list[str]]] = {number: {} for number in _PROPERTIES}
    for file in _FILES:
        for name, test in vars(import_module(f"tests.test_properties_{file}")).items():
            if name.startswith("test_") and hasattr(test, "shows"):
                number, families = test.shows
                found[number][name] = list(families)
    return found


def table() -> str:
    """Markdown: a row for each property, a column for each family, and the tests."""
    titles = [FAMILIES[name].title for name in NAMES]
    lines = [
        f"| | what holds | {' | '.join(titles)} | tests |",
        "|---|---|" + "---|" * len(titles) + "---|",
    ]
    for number, tests in shown().items():
        cells = [
            "yes" if any(name in families for families in tests.values()) else "no"
            for name in NAMES
        ]
        names = "<br>".join(f"`{test}`" for test in tests)
        lines.append(f"| {number} | {_PROPERTIES[number]} | {' | '.join(cells)} | {names} |")
    return "\n".join(lines)


def page_with(text: str) -> str:
    """The page with the table of today between its marks."""
    before, _, rest = text.partition(FROM)
    _, _, after = rest.partition(TO)
    return f"{before}{FROM}\n{table()}\n{TO}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with(PAGE.read_text("utf-8")), "utf-8")
