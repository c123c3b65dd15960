"""All that could be trained on some rows, beside each other and beside not tuning at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ftkit import clock
from ftkit.config import STALE_AFTER_DAYS, Settings
from ftkit.cost.break_even import BreakEven, Course, break_even
from ftkit.cost.candidates import Candidate, PassedOver, Wish, candidates
from ftkit.cost.demands import checked
from ftkit.cost.monthly import HOURS
from ftkit.cost.prompting import Prompted, prompted
from ftkit.cost.quote import Quote
from ftkit.cost.right_answers import RightAnswer, right_answers
from ftkit.cost.sensitivity import Turn, too_close, turns
from ftkit.data import Dataset
from ftkit.errors import CapabilityError, ConfigError
from ftkit.hyperparameters import Hyperparameters, Method

_LONGEST_MONTH = 744  # hours
EPOCHS = 3.0  # for every model alike where nobody names another number: else the one that trains least looks cheapest


@dataclass(frozen=True, slots=True)
class PriceTable:
    """What `compare` found. `ranked` are the candidates with known prices, the cheapest over the horizon first.

    `own` are those on one's own machines, which no provider sends a bill for. `unpriced` lack a price, `passed_over` cannot
    be trained on these rows today. `prompts` are the bases as they are, behind a prompt with examples, the cheapest first.
    `must` is what was asked of a provider, `right_answers` what each of an evaluation's right answers costs. Money is USD.
    """

    source: str
    rows: int
    method: Method
    calls_per_month: int
    horizon_months: int
    epochs: float | None
    ranked: tuple[Candidate, ...]
    unpriced: tuple[Candidate, ...]
    passed_over: tuple[PassedOver, ...]
    prompts: tuple[Prompted, ...]
    today: date
    own: tuple[Candidate, ...] = ()
    right_answers: tuple[RightAnswer, ...] = ()
    hosting_hours: Decimal = HOURS
    must: Mapping[str, str] = field(default_factory=dict)
    stale_after_days: int = STALE_AFTER_DAYS

    def best(self) -> Quote:
        """The quote of the cheapest model that ftkit can submit to; raises CapabilityError where there is none."""
        for one in self.ranked:
            if one.quote.not_submittable is None:
                return one.quote
        why = (
            f"; {self.ranked[0].model}: {self.ranked[0].quote.not_submittable}"
            if self.ranked
            else ""
        )
        raise CapabilityError(f"none of the priced models can be submitted to by ftkit today{why}")

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All that can be trained: ranked, then one's own machines, then those without a price."""
        return (*self.ranked, *self.own, *self.unpriced)

    @property
    def cheapest_tiers(self) -> tuple[Candidate, ...]:
        """The ranked candidates with the cheapest tier of each model alone."""
        first: dict[tuple[str, str], Candidate] = {}
        for one in self.ranked:
            first.setdefault((one.quote.instance, one.name), one)
        return tuple(first.values())

    def total(self, one: Candidate) -> Decimal | None:
        """What a candidate costs by the end of the horizon; None where a price is unknown."""
        course = one.course
        return None if course is None else course.after(self.horizon_months, self.calls_per_month)

    def against_prompt(self, one: Candidate) -> tuple[Prompted, BreakEven] | None:
        """The cheapest prompt with a base of the same name, or of any, and when the candidate has cost no more than it."""
        course = one.course
        if course is None or not self.prompts:
            return None
        name = f"{one.quote.instance}/{one.name}"
        own = [prompt for prompt in self.prompts if prompt.model == name]
        prompt = (own or self.prompts)[0]
        even = break_even(course, prompt.course, self.calls_per_month, self.horizon_months)
        return prompt, even

    def switches(self) -> tuple[tuple[int, str], ...]:
        """From how many calls a month on which model is the cheapest: (calls, model), the first from 0 on."""
        known = [(one.model, one.course) for one in self.ranked if one.course is not None]
        return _envelope(known, self.horizon_months)

    def turns(self) -> tuple[Turn, ...]:
        """How far each assumption alone may be off, up to tenfold, before the order of the first changes, and how."""
        return turns(self.cheapest_tiers, self.horizon_months)

    def too_close(self) -> tuple[str, ...]:
        """The models that could each be the cheapest by the width of their quotes alone; empty where only the first could."""
        return too_close(self.cheapest_tiers, self.total)

    def stale(self, as_of: date) -> bool:
        """True for a figure that nobody has looked at for `stale_after_days`."""
        return self.today - as_of > timedelta(days=self.stale_after_days)

    def html(self, path: str | Path, *, title: str | None = None) -> Path:
        """Write the table as one self-contained page: no script, no request.

        Raises StorageError where the file cannot be written.
        """
        from ftkit.cost.page import write_table

        return write_table(self, Path(path), title)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; money is a string."""
        return {
            "schema_version": 1,
            "source": self.source,
            "rows": self.rows,
            "method": str(self.method),
            "calls_per_month": self.calls_per_month,
            "horizon_months": self.horizon_months,
            "epochs": self.epochs,
            "today": self.today.isoformat(),
            "must": dict(self.must),
            "stale_after_days": self.stale_after_days,
            "hosting_hours_per_month": str(self.hosting_hours),
            "ranked": [self._candidate(one) for one in self.ranked],
            "own": [self._candidate(one) for one in self.own],
            "unpriced": [self._candidate(one) for one in self.unpriced],
            "passed_over": [
                {
                    "model": one.model,
                    "reason": one.reason,
                    "own": one.own,
                    "until": None if one.until is None else one.until.isoformat(),
                }
                for one in self.passed_over
            ],
            "prompts": [
                {
                    "model": one.model,
                    "examples": one.examples,
                    "usd_per_month": str(one.course.after(1, self.calls_per_month)),
                }
                for one in self.prompts
            ],
            "cheapest_from": [
                {"calls_per_month": calls, "model": model} for calls, model in self.switches()
            ],
            "turns": [
                {
                    "assumption": one.assumption,
                    "factor": str(round(one.factor, 4)),
                    "place": one.place,
                    "model": one.model,
                    "over": one.over,
                }
                for one in self.turns()
            ],
            "too_close": list(self.too_close()),
            "right_answers": [one.to_dict() for one in self.right_answers],
        }

    def __str__(self) -> str:
        from ftkit.cost.price_lines import as_text

        return as_text(self)

    def _candidate(self, one: Candidate) -> dict[str, Any]:
        total, even = self.total(one), self.against_prompt(one)
        return {
            "model": one.model,
            "method": str(one.quote.resolved.method),
            "total_usd": None if total is None else str(total),
            "train_usd": None if one.quote.usd is None else str(one.quote.usd),
            "monthly": [
                {**line.to_dict(), "stale": self.stale(line.as_of)} for line in one.monthly
            ],
            "quote": one.quote.to_dict(),
            "last_training_day": _day(one.facts.training_until),
            "shutdown": _day(one.facts.shutdown),
            "not_shut_down_before": _day(one.facts.not_before),
            "not_submittable": one.quote.not_submittable,
            "break_even": None
            if even is None
            else {
                "against": even[0].model,
                "months": None if even[1].months is None else str(round(even[1].months, 2)),
                "calls": even[1].calls,
                "calls_per_month": even[1].calls_per_month,
            },
        }


def price_table(
    data: Dataset,
    settings: Settings,
    *,
    models: Sequence[str] | None,
    method: Method,
    hyperparameters: Hyperparameters,
    calls_per_month: int,
    horizon_months: int,
    must: Mapping[str, str],
    examples: int = 5,
    hosting_hours: Decimal = HOURS,
    report: Mapping[str, Any] | None = None,
    allow_retiring: bool = False,
) -> PriceTable:
    """Price every model, and every base behind a prompt with `examples` rows of the data."""
    if calls_per_month < 0 or horizon_months < 1 or examples < 0:
        raise ConfigError("calls_per_month= and examples= are 0 or more, horizon_months= 1 or more")
    if not (hosting_hours.is_finite() and 0 <= hosting_hours <= _LONGEST_MONTH):
        raise ConfigError(
            f"hosting_hours_per_month={hosting_hours} is no number of hours of a month; 730 is all of them"
        )
    if hyperparameters.epochs is None:
        hyperparameters = hyperparameters.overridden_by(Hyperparameters(epochs=EPOCHS))
    wish = Wish(
        method, hyperparameters, calls_per_month, checked(must), allow_retiring, hosting_hours
    )
    found = list(candidates(data, settings, models, wish))
    totals: dict[int, Decimal] = {}
    cheapest: dict[str, Decimal] = {}  # by instance and name, of all tiers
    priced = [one for one in found if isinstance(one, Candidate)]
    for one in priced:
        if one.course is not None:
            name = f"{one.quote.instance}/{one.name}"
            totals[id(one)] = total = one.course.after(horizon_months, calls_per_month)
            cheapest[name] = min(total, cheapest.get(name, total))
    billed = [one for one in priced if one.quote.paid]
    own = [one for one in priced if not one.quote.paid]

    def order(one: Candidate) -> tuple[Decimal, str]:
        return totals.get(id(one), Decimal("Infinity")), one.model

    return PriceTable(
        source=data.source,
        rows=len(data),
        method=method,
        calls_per_month=calls_per_month,
        horizon_months=horizon_months,
        epochs=hyperparameters.epochs,
        ranked=tuple(sorted((one for one in billed if id(one) in totals), key=order)),
        own=tuple(sorted(own, key=order)),
        unpriced=tuple(one for one in billed if id(one) not in totals),
        passed_over=tuple(one for one in found if isinstance(one, PassedOver)),
        prompts=prompted(found, settings, examples),
        today=clock.now().date(),
        right_answers=()
        if report is None
        else right_answers(
            report, priced, settings, horizon_months=horizon_months, hosted=cheapest
        ),
        hosting_hours=hosting_hours,
        must=wish.must,
        stale_after_days=settings.stale_after_days,
    )


def _envelope(known: Sequence[tuple[str, Course]], months: int) -> tuple[tuple[int, str], ...]:
    """The lower edge of straight lines over the number of calls."""
    if not known:
        return ()
    calls = 0
    name, course = min(known, key=lambda one: (one[1].after(months, 0), one[1].per_call, one[0]))
    edge = [(0, name)]
    while True:
        ahead = [
            (needed, other)
            for other in known
            if other[1].per_call < course.per_call
            and (needed := break_even(other[1], course, 0, months).calls_per_month) is not None
        ]
        if not ahead:
            return tuple(edge)
        calls, (name, course) = min(
            ahead, key=lambda one: (max(calls, one[0]), one[1][1].per_call, one[1][0])
        )
        edge.append((calls, name))


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
