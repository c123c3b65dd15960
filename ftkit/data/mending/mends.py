"""The mends by name: which finding each is for, whether it is done unasked, and what it does to a text.

A new mend is a function and a line in MENDS. Unasked is only what no reader of the row would call another text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ftkit.data.mending.decoding import decoded_again
from ftkit.data.mending.entities import without_entities
from ftkit.data.mending.spaces import (
    with_line_feeds,
    without_leading_space,
    without_trailing_space,
)
from ftkit.data.mending.unseen import without_unseen
from ftkit.errors import ConfigError
from ftkit.words import nearest


@dataclass(frozen=True, slots=True)
class Mend:
    """`code` is the finding of `check` that it mends, "" where there is none. `place` is where it is done: in any text of
    a turn, at an "end" or a "start" of an answer, or in the whole "label" or "file", which have no `change`."""

    name: str
    code: str
    unasked: bool
    place: str
    change: Callable[[str], str] = str


BYTE_ORDER_MARK = Mend("byte_order_mark", "", True, "file")
EQUAL_ROWS = Mend("equal_rows", "FT301", False, "row")
UNREADABLE_ROWS = Mend("unreadable_rows", "FT001", False, "row")
MENDS: tuple[Mend, ...] = (
    Mend("wrong_decoding", "FT502", True, "text", decoded_again),
    Mend("unseen_characters", "FT505", True, "text", without_unseen),
    Mend("html_entities", "FT504", False, "text", without_entities),
    Mend("line_ends", "", False, "text", with_line_feeds),
    Mend("trailing_space", "", True, "end", without_trailing_space),
    Mend("leading_space", "", False, "start", without_leading_space),
    Mend("label_spelling", "FT305", False, "label"),
    BYTE_ORDER_MARK,
)


def chosen(only: Sequence[str] | None, skip: Sequence[str] | None) -> tuple[Mend, ...]:
    """The mends that these names leave, in the order of MENDS. Raises ConfigError for a name that is none."""
    known = {mend.name: mend for mend in MENDS}
    for option, names in (("only", only), ("skip", skip)):
        if isinstance(names, str):
            raise ConfigError(f"{option}= takes a list of names, such as [{names!r}]")
        for name in names or ():
            if name not in known:
                raise ConfigError(f"{option}=: there is no mend {name!r}{nearest(name, known)}")
    return tuple(
        mend
        for mend in MENDS
        if (mend.unasked if only is None else mend.name in only) and mend.name not in (skip or ())
    )


@dataclass(frozen=True, slots=True)
class Step:
    """What one mend made of a text."""

    mend: Mend
    before: str
    after: str


def steps(text: str, mends: Sequence[Mend]) -> Iterator[Step]:
    """What these mends make of a text, one after the other until none finds anything: a second time nothing is left to do.

    Each of them shortens a text. One that would leave nothing of it is not done.
    """
    again = True
    while again:
        again = False
        for mend in mends:
            after = mend.change(text)
            if after != text and after.strip():
                yield Step(mend, text, after)
                text, again = after, True
