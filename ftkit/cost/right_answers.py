"""What a right answer costs: the money of the horizon over the calls that an evaluation found to be answered rightly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ftkit.config import Settings
from ftkit.cost.candidates import Candidate
from ftkit.cost.monthly import of_base
from ftkit.errors import ConfigError, FtkitError
from ftkit.registry import open_backend

_SCHEMA_VERSION = 1  # of an evaluation's report


@runtime_checkable
class Evaluated(Protocol):
    """The report of an evaluation."""

    def to_dict(self) -> dict[str, Any]:
        """Its plain values."""


@dataclass(frozen=True, slots=True)
class RightAnswer:
    """What one right answer of an evaluated model costs in USD, everything over the horizon counted.

    `model` is `instance/base`, `tuned` says whether the tuned model was evaluated or the base as it is, with no examples.
    `share` of the held-out rows was right, with its 95% interval; `usd` is None where no answer was right, `usd_low` and
    `usd_high` are those of the interval's ends.
    """

    model: str
    tuned: bool
    share: float
    low: float
    high: float
    usd: Decimal | None
    usd_low: Decimal | None
    usd_high: Decimal | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; money is a string."""
        money = {"usd": self.usd, "usd_low": self.usd_low, "usd_high": self.usd_high}
        return {
            "model": self.model,
            "tuned": self.tuned,
            "share": self.share,
            "low": self.low,
            "high": self.high,
            **{name: None if usd is None else str(usd) for name, usd in money.items()},
        }


def report_values(report: Evaluated | Mapping[str, Any] | str | Path) -> Mapping[str, Any]:
    """The plain values of a report, of one that `ftkit evaluate --json` wrote too; raises ConfigError for anything else."""
    if isinstance(report, Evaluated):
        return report.to_dict()
    if isinstance(report, Mapping):
        return report
    try:
        values = json.loads(Path(report).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the report {report} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{report} is not JSON; `ftkit evaluate --json` writes it") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{report} is no report; `ftkit evaluate --json` writes one")
    return values


def right_answers(
    report: Mapping[str, Any],
    found: Sequence[Candidate],
    settings: Settings,
    *,
    horizon_months: int,
    hosted: Mapping[str, Decimal],
) -> tuple[RightAnswer, ...]:
    """Of each evaluated model that has a price here, the cheapest right answer first.

    `hosted` are the totals of tuned models over the horizon, by `instance/name`. Raises ConfigError for a report whose
    metric is no share of right answers.
    """
    shares = _shares(report)
    calls_of = {one.quote.instance: one.calls for one in found}
    priced = []
    for record, estimate in shares:
        instance, base = str(record.get("instance")), str(record.get("base"))
        try:
            catalogue = open_backend(instance, settings).catalogue
        except FtkitError:
            continue  # evaluated elsewhere, and not known here
        facts = catalogue.model(base)
        calls = calls_of.get(instance)
        if facts is None or calls is None or not calls.per_month:
            continue
        model = f"{instance}/{next(name for name, one in catalogue.models.items() if one is facts)}"
        tuned = bool(record.get("tuned"))
        total: Decimal | None
        if tuned:
            total = hosted.get(model)
        else:
            lines = of_base(catalogue, facts, calls, 0)
            known = [line.usd for line in lines if line.usd is not None]
            total = horizon_months * sum(known, Decimal(0)) if len(known) == len(lines) else None
        if total is not None:
            each = total / (horizon_months * calls.per_month)
            priced.append(_right_answer(model, tuned, estimate, each))
    return tuple(
        sorted(priced, key=lambda one: (one.usd is None, one.usd or Decimal(0), one.model))
    )


def _right_answer(
    model: str, tuned: bool, estimate: Mapping[str, Any], usd_a_call: Decimal
) -> RightAnswer:
    share, low, high = (float(estimate[name]) for name in ("mean", "low", "high"))
    usd, most, least = (
        usd_a_call / Decimal(str(part)) if part > 0 else None for part in (share, low, high)
    )
    return RightAnswer(model, tuned, share, low, high, usd, least, most)


def _shares(report: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """(record, estimate) of each model that was evaluated."""
    try:
        if report["schema_version"] != _SCHEMA_VERSION:
            raise ConfigError("the report is of another version of ftkit; evaluate again")
        metric, models = report["metric"], report["models"]
        info = report["metrics"][metric]
        if not (info["share"] and info["higher_is_better"]):
            raise ConfigError(
                f"the report's metric {metric} is no share of right answers; evaluate with exact_match, for example"
            )
        return [
            (models[one["name"]], one["estimates"][metric])
            for one in report["contenders"]
            if one["name"] in models
        ]
    except (KeyError, TypeError) as error:
        raise ConfigError(f"that is no report of an evaluation: {error} is missing") from error
