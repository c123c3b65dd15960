"""What an evaluation found, as plain values: a table for the terminal, a dict for programs, a page for people.

The first of `matches` is the primary one (primary metric, first opponent): the verdict is on it, with its own p value.
All other matches of models share Holm's correction; those with baselines stand apart and are not corrected, because there
the finding that matters is *not better*, which a correction would only make more frequent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from ftkit.data import Message
from ftkit.evaluation import wording
from ftkit.evaluation.baselines import question_of
from ftkit.evaluation.statistics import Comparison, Verdict
from ftkit.pages.visible_text import one_line

Role = Literal["candidate", "base", "opponent", "baseline"]
SCHEMA_VERSION = 1
EXAMPLES = 3  # lost rows printed with their texts


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A metric as it turned out: `share` is True where every score was 0 or 1, so that its mean is a share of rows."""

    name: str
    higher_is_better: bool
    share: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean score with its 95% interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Contender:
    """One model, or baseline, on all rows.

    `seconds` is wall time; tokens are 0 where nothing was generated; `cost_usd` of all answers, None where unknown.
    """

    name: str
    role: Role
    estimates: Mapping[str, Estimate]
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    cost_usd: Decimal | None = Decimal(0)
    finish_reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """The candidate against one contender under one metric; `corrected` where the p value is Holm's."""

    opponent: str
    role: Role
    metric: str
    comparison: Comparison
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """A held-out row: `number` as in its file, answers by contender, scores by metric and contender."""

    number: int
    prompt: tuple[Message, ...]
    reference: str
    answers: Mapping[str, str]
    scores: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Report:
    """The result of `evaluate`. `models` holds each model's record; `evaluated_at` is ISO time in UTC."""

    candidate: str
    metric: str
    metrics: Mapping[str, MetricInfo]
    contenders: tuple[Contender, ...]
    matches: tuple[Match, ...]
    rows: tuple[JudgedRow, ...]
    data: str
    data_sha256: str
    models: Mapping[str, Mapping[str, Any]]
    max_tokens: int
    seed: int
    evaluated_at: str
    notes: tuple[str, ...] = ()

    @property
    def comparison(self) -> Comparison:
        """The primary comparison: primary metric, first opponent."""
        return self.matches[0].comparison

    @property
    def verdict(self) -> Verdict:
        """better, worse or not_enough_evidence, of the primary comparison."""
        return self.comparison.verdict

    @property
    def opponent(self) -> str:
        """The first opponent, which the verdict is about."""
        return self.matches[0].opponent

    @property
    def baselines(self) -> tuple[Match, ...]:
        """The candidate against answers that need no model; empty unless training rows were given."""
        return tuple(match for match in self.matches if match.role == "baseline")

    def contender(self, name: str) -> Contender:
        """A contender by name."""
        return next(contender for contender in self.contenders if contender.name == name)

    def sentence(self, match: Match) -> str:
        """A comparison in one line."""
        info = self.metrics[match.metric]
        return wording.verdict_sentence(
            match.comparison,
            self.contender(self.candidate).estimates[match.metric].mean,
            self.contender(match.opponent).estimates[match.metric].mean,
            share=info.share,
            higher_is_better=info.higher_is_better,
        )

    def won(self, match: Match) -> list[JudgedRow]:
        """Rows on which the candidate scored better, the widest gap first."""
        return self._decided(match, sign=1)

    def lost(self, match: Match) -> list[JudgedRow]:
        """Rows on which the opponent scored better, the widest gap first."""
        return self._decided(match, sign=-1)

    def __str__(self) -> str:
        primary = self.matches[0]
        sides = f"{one_line(self.candidate, 60)} against {one_line(self.opponent, 60)}"
        lines = [
            self.sentence(primary),
            f"  {sides} on {one_line(self.data, 40)}, metric {one_line(self.metric, 40)}",
            "",
            *_columns(self._score_table()),
            "",
            *_columns(self._match_table()),
        ]
        lost = self.lost(primary)
        if lost:
            lines += [
                "",
                f"lost {wording.rows_word(len(lost))}"
                + (":" if len(lost) <= EXAMPLES else ", such as:"),
            ]
            lines += [self._lost_row(row) for row in lost[:EXAMPLES]]
        if self.notes:
            lines += ["", *(f"note: {one_line(note, 400)}" for note in self.notes)]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, every row included; an interval without an end has null there."""
        values: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "verdict": str(self.verdict),
            "sentence": self.sentence(self.matches[0]),
            "opponent": self.opponent,
            **asdict(self),
        }
        for match in values["matches"]:
            match["comparison"]["verdict"] = str(match["comparison"]["verdict"])
        return {name: _plain(value) for name, value in values.items()}

    def html(
        self,
        path: str | Path,
        *,
        metrics: Sequence[Mapping[str, Any]] | None = None,
        title: str | None = None,
    ) -> Path:
        """Write one self-contained page: no script, no request. `metrics` (as from `Job.metrics`) adds the loss curve.

        Raises StorageError where the file cannot be written.
        """
        from ftkit.evaluation.html import write_report

        return write_report(self, Path(path), metrics or (), title)

    def _decided(self, match: Match, sign: int) -> list[JudgedRow]:
        if not self.metrics[match.metric].higher_is_better:
            sign = -sign

        def gain(row: JudgedRow) -> float:
            scores = row.scores[match.metric]
            return sign * (scores[self.candidate] - scores[match.opponent])

        return sorted(
            (row for row in self.rows if gain(row) > 0), key=lambda row: (-gain(row), row.number)
        )

    def _score_table(self) -> list[list[str]]:
        heads = [
            name if info.higher_is_better else f"{name} (lower is better)"
            for name, info in self.metrics.items()
        ]
        table = [["", "", *(one_line(head, 40) for head in heads), "tokens out", "seconds"]]
        for contender in self.contenders:
            cells = []
            for name, info in self.metrics.items():
                found = contender.estimates.get(name)
                cells.append(
                    f"{wording.figure(found.mean, info.share)} ({wording.span(found.low, found.high, info.share)})"
                    if found is not None
                    else "-"
                )
            effort = ["", ""]
            if contender.role != "baseline":
                effort = [f"{contender.output_tokens:,}", f"{contender.seconds:.1f}"]
            table.append([contender.role, one_line(contender.name, 44), *cells, *effort])
        return table

    def _match_table(self) -> list[list[str]]:
        table = [
            ["against", "metric", "verdict", "difference (95% interval)", "p", "won/lost/tied"]
        ]
        for match in self.matches:
            comparison, share = match.comparison, self.metrics[match.metric].share
            low, high = (wording.signed(end, share) for end in (comparison.low, comparison.high))
            table.append(
                [
                    one_line(match.opponent, 44),
                    one_line(match.metric, 40),
                    wording.VERDICTS[comparison.verdict],
                    f"{wording.gap(comparison.difference, share)} ({low} to {high})",
                    wording.probability(comparison.p_value).removeprefix("p ").removeprefix("= ")
                    + (" (Holm)" if match.corrected else ""),
                    f"{comparison.wins}/{comparison.losses}/{comparison.ties}",
                ]
            )
        return table

    def _lost_row(self, row: JudgedRow) -> str:
        asked = one_line(question_of(row.prompt), 60)
        if self.candidate not in row.answers:
            return f'  row {row.number}: "{asked}"'
        return (
            f'  row {row.number}: "{asked}" expected "{one_line(row.reference, 40)}", '
            f'got "{one_line(row.answers[self.candidate], 40)}"'
        )


def _columns(table: Sequence[Sequence[str]]) -> list[str]:
    """Cells padded to the widest of their column, two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
