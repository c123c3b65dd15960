"""Which assumption decides: how far each one alone may be off before the order of the models changes.

Every total is a straight line over such a factor, so the place where two of them cross is known exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ftkit.cost.candidates import Candidate

FARTHEST = Decimal(10)  # times more or less: what is off by more than that is another question
PLACES = 5  # whose order is looked at


@dataclass(frozen=True, slots=True)
class Turn:
    """From `factor` times the assumption on (below it, where it is less than 1) `model` takes `place` from `over`."""

    assumption: str
    factor: Decimal
    place: int
    model: str
    over: str


def turns(ranked: Sequence[Candidate], horizon_months: int) -> tuple[Turn, ...]:
    """For each assumption the nearest factors, below and above 1 and within FARTHEST, that give the first place away.

    Where nothing does, the factor nearest to 1 that changes the order of the first PLACES. `ranked` are the cheapest first.
    """
    found = []
    for assumption, moves in _ASSUMPTIONS.items():
        lines = [(one.model, *_line(one, horizon_months, moves)) for one in ranked]
        of_first = _taken(assumption, lines, 0)
        later = [turn for place in range(1, PLACES) for turn in _taken(assumption, lines, place)]
        found += of_first or sorted(later, key=_distance)[:1]
    return tuple(found)


def too_close(
    ranked: Sequence[Candidate], total: Callable[[Candidate], Decimal | None]
) -> tuple[str, ...]:
    """The models whose quotes are so wide that each of them could be the cheapest, where more than the first could."""
    spans = {}
    for one in ranked:
        expected, low, most = one.quote.usd_expected, one.quote.usd_low, one.quote.usd
        whole = total(one)
        if expected is not None and low is not None and most is not None and whole is not None:
            spans[one.model] = (whole - expected + low, whole - expected + most)
    if not spans:
        return ()
    least_most = min(most for _, most in spans.values())
    close = tuple(model for model, (low, _) in spans.items() if low < least_most)
    return close if len(close) > 1 else ()


_Moves = Callable[[str], bool]
_ONCE = "training"  # not the label of a line: all that is paid once

_ASSUMPTIONS: Mapping[str, _Moves] = {
    "calls a month": lambda part: part in ("input", "output"),
    "tokens of a question": lambda part: part == "input",
    "tokens of an answer": lambda part: part == "output",
    "hours of hosting": lambda part: part == "hosting",
    "months": lambda part: part != _ONCE,
    "cost of training": lambda part: part == _ONCE,
}


def _line(one: Candidate, months: int, moves: _Moves) -> tuple[Decimal, Decimal]:
    """(what stays, what grows with the factor) of a candidate's total."""
    parts = [(_ONCE, one.quote.usd_expected or Decimal(0))]
    parts += [(line.label, months * (line.usd or Decimal(0))) for line in one.monthly]
    return (
        sum((usd for part, usd in parts if not moves(part)), Decimal(0)),
        sum((usd for part, usd in parts if moves(part)), Decimal(0)),
    )


_Line = tuple[str, Decimal, Decimal]  # model, what stays, what grows


def _taken(assumption: str, lines: Sequence[_Line], place: int) -> list[Turn]:
    if place + 1 >= len(lines):
        return []
    holder, *others = lines[place:]
    return [
        Turn(assumption, factor, place + 1, model, holder[0])
        for factor, model in _crossings(holder, others)
    ]


def _distance(turn: Turn) -> Decimal:
    return max(turn.factor, 1 / turn.factor)


def _crossings(holder: _Line, others: Sequence[_Line]) -> list[tuple[Decimal, str]]:
    _, stays, grows = holder
    met = [
        ((fixed - stays) / (grows - slope), slope, model)
        for model, fixed, slope in others
        if slope != grows
    ]
    # of two that meet the holder at one place, the one that is cheaper behind it
    below = max(
        (one for one in met if 1 / FARTHEST <= one[0] <= 1 and one[1] > grows), default=None
    )
    above = min((one for one in met if 1 <= one[0] <= FARTHEST and one[1] < grows), default=None)
    return [(one[0], one[2]) for one in (below, above) if one is not None]
