"""Write ftkit/samples/tickets.jsonl, the support tickets of `ftkit demo`, from tickets.toml.

    python tools/write_tickets.py            writes the file
    python tools/write_tickets.py --check    exits 1 when the file is not what this script writes

The shop and its customers are invented. A ticket is labelled by these rules, so that somebody who
has read fifty of them can label the rest.

queue, by what the customer wants settled:
  billing    charges, bills, receipts, vouchers, ways to pay
  shipping   a parcel on its way: where, when, to which address, at what cost
  returns    goods that go back or are replaced, and the refund for them
  account    signing in, the profile, membership, points
  technical  the website or the app does not work
  product    what an item is, how it is used, parts for it, whether it is safe
  privacy    what is stored or shown about a person, and unwanted adverts
  wholesale  buying in bulk or to sell on

urgent, by the first rule that fits:
  true   money was taken wrongly; a customer is locked out of an account or a stranger is in it;
         somebody may get hurt; private data lies open; a deadline within days is named; or help
         is wanted at once ("urgent", "today", "immediately")
  false  everything else, and whatever the customer says can wait; anger alone, or a refund that is
         late, is not urgent
"""

import argparse
import itertools
import json
import random
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE / "tickets.toml"
TICKETS = HERE.parent / "ftkit" / "samples" / "tickets.jsonl"
SEED = "tickets-1"
QUEUES = (
    "billing",
    "shipping",
    "returns",
    "account",
    "technical",
    "product",
    "privacy",
    "wholesale",
)
KINDS = ("high", "low", "normal")  # of wording: pressing, can wait, neither
ORDER_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # no I and O, which read as digits

Row = dict[str, str]
T = TypeVar("T")


def shuffled(items: list[T], rng: random.Random) -> list[T]:
    """A shuffle from `random()` alone, the one method Python promises to keep between versions."""
    order = sorted(range(len(items)), key=lambda _: rng.random())
    return [items[i] for i in order]


class Slots:
    """Values for the slots of one template: its uses never share one while the list lasts."""

    def __init__(self, values: dict[str, list[str]], rng: random.Random) -> None:
        self.rng = rng
        self.values = {name: shuffled(items, rng) for name, items in values.items()}

    def digits(self, count: int) -> str:
        return "".join(str(int(self.rng.random() * 10)) for _ in range(count))

    def value(self, slot: str, use: int) -> str:
        """`day` and `day2` are two different days in the same use."""
        if slot == "order":
            return f"{ORDER_LETTERS[int(self.rng.random() * 24)]}-{self.digits(4)}"
        if slot == "last4":
            return self.digits(4)
        if slot == "invoice":
            return "7" + self.digits(4)
        items = self.values[slot.rstrip("2")]
        return items[(2 * use + slot.endswith("2")) % len(items)]


def fill(text: str, cue: str, half: int, slots: Slots, use: int) -> str:
    """The ticket."""
    text = re.sub(r"\[([^]|]*)\|?([^]]*)\]", lambda piece: piece[half], text)
    # who writes without capitals does so to the end
    text = text.replace("{cue}", cue.lower() if text[0].islower() else cue)
    text = re.sub(r"\{(\w+)\}", lambda slot: slots.value(slot[1], use), text)
    return " ".join(text.split())


def rows() -> Iterator[Row]:
    """The tickets, template by template: three of each that takes a cue, two of the others."""
    source = tomllib.loads(TEMPLATES.read_text(encoding="utf-8"))
    cues = {"high": itertools.cycle(source["cues"]["high"]), "normal": itertools.repeat("")}
    cues["low"] = itertools.cycle(source["cues"]["low"])
    for queue in QUEUES:
        templates = [
            (kind, text) for kind in ("any", *KINDS) for text in source[queue].get(kind, [])
        ]
        for number, (kind, text) in enumerate(templates, start=1):
            template = f"{queue}-{number:02d}"
            rng = random.Random(f"{SEED}/{template}")
            slots = Slots(source["slots"], rng)
            first_half = int(rng.random() * 2)
            for use, said in enumerate(KINDS if kind == "any" else (kind, kind)):
                cue = next(cues[said]) if kind == "any" else ""
                prompt = fill(text, cue, 1 + (first_half + use) % 2, slots, use)
                label = {"queue": queue, "urgent": said == "high"}
                completion = json.dumps(label, separators=(",", ":"))
                yield {"prompt": prompt, "completion": completion, "template": template}


def render() -> bytes:
    mixed = shuffled(list(rows()), random.Random(f"{SEED}/order"))
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in mixed)
    return "".join(lines).encode("utf-8")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the sample tickets of `ftkit demo`.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument(
        "--path", type=Path, default=TICKETS, help="the file (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    if not options.check:
        options.path.write_bytes(render())
        return 0
    if options.path.is_file() and options.path.read_bytes() == render():
        return 0
    print(f"{options.path} is not what tools/write_tickets.py writes; run it", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
