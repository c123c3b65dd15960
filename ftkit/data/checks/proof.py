"""FT806: what a hold-out of these rows can prove. The statistics come in as a function, since they lie in a room above."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView

_FEWEST = 50  # rows; of fewer FT303 says that they show nothing
_HELD_OUT = 0.1  # the share that `split` holds out
_DISAGREE = 0.2  # share of rows on which two models differ
_WANTED = 0.05
_MOST = 10**7


def provable_gain(data: DataView) -> Iterator[Finding]:
    """FT806: the smallest gain that a tenth of the rows can show, and the rows that a gain of 5 points needs."""
    gain_of = data.smallest_gain
    prompts = len({row.prompt_digest for row in data.rows})
    held_out = max(1, round(_HELD_OUT * prompts))
    if gain_of is None or len(data.rows) < _FEWEST:
        return
    gain = gain_of(held_out, _DISAGREE)
    needed = rows_for(gain_of, _WANTED, _DISAGREE)
    gains = {share: gain_of(held_out, share) for share in (0.1, 0.2, 0.3)}
    shares = ", ".join(f"{share:.0%} of rows: {_points(found)}" for share, found in gains.items())
    yield Finding.on(
        [],
        "FT806",
        Severity.WARNING if gain is None else Severity.INFO,
        f"a tenth of these rows ({held_out:,} different prompts) "
        + (
            "is too little to show a gain"
            if gain is None
            else f"shows a gain of {_points(gain)} or more"
        ),
        detail=f"where two models differ on {shares}"
        + (f"\na gain of 5 points needs {needed:,} held-out rows" if needed is not None else ""),
        why='a smaller gain ends in "not enough evidence", whatever the run has cost (80% power, 5% level, paired; '
        "models that differ on 20% of rows)",
        mend="hold out more (test=), collect more rows, or plan for a gain of this size",
        figures=[
            (f"models differ on {share:.0%} of rows", found)
            for share, found in gains.items()
            if found is not None
        ],
    )


def rows_for(
    smallest_gain: Callable[[int, float], float | None], wanted: float, disagree: float
) -> int | None:
    """The fewest held-out rows that show `wanted`, a share, where two models differ on a share `disagree` of rows."""

    def enough(rows: int) -> bool:
        gain = smallest_gain(rows, disagree)
        return gain is not None and gain <= wanted

    low, high = 0, 1
    while not enough(high):
        low, high = high, 2 * high
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _points(gain: float | None) -> str:
    return "beyond reach" if gain is None else f"{100 * gain:.1f} points"
