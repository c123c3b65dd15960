"""What one run costs on one model, before anything is sent.

A Quote is an executable plan: the settings are resolved, and the hash of the data is inside, so that `submit(plan=quote)`
runs exactly what was quoted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ftkit import clock
from ftkit.backend import Backend, Resolved


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One line of a quote; `usd` is None where the rate is not known (never free).

    `quantity` and `usd` are the most that it should be. Where less is possible `expected` and `low` are quantities too, and
    `why` is the reason for the width. `note` says so where the rate is not the backend's own but stands in a configuration, and in which.
    """

    label: str
    quantity: Decimal
    unit: str
    rate: Decimal | None
    usd: Decimal | None
    source: str
    as_of: date
    note: str = ""
    expected: Decimal | None = None
    low: Decimal | None = None
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; money and quantities are strings."""
        expected = self.quantity if self.expected is None else self.expected
        return {
            "label": self.label,
            "quantity": str(self.quantity),
            "unit": self.unit,
            "rate": None if self.rate is None else str(self.rate),
            "usd": None if self.usd is None else str(self.usd),
            "source": self.source,
            "as_of": self.as_of.isoformat(),
            "note": self.note,
            "expected": str(expected),
            "low": str(expected if self.low is None else self.low),
            "why": self.why,
        }

    def usd_of(self, quantity: Decimal | None) -> Decimal | None:
        """What this quantity costs, or the line's own where it is None; None where the rate is not known."""
        if self.rate is None or quantity is None:
            return self.usd
        return quantity * self.rate


@dataclass(frozen=True, slots=True)
class Quote:
    """The price and needs of one run. `usd` is None when any line is unpriced.

    `notes` are what is not settled about the provider's bills, and what the backend says of the run; `not_submittable` says
    why ftkit cannot run it, where it cannot.
    """

    instance: str
    resolved: Resolved
    data_sha256: str
    validation_sha256: str | None
    lines: tuple[QuoteLine, ...]
    paid: bool
    notes: tuple[str, ...] = ()
    not_submittable: str | None = None

    @property
    def model(self) -> str:
        """`instance/base`."""
        return f"{self.instance}/{self.resolved.base.id}"

    @property
    def usd(self) -> Decimal | None:
        """The most that it should cost in USD, or None where a line has no known rate."""
        return _sum(line.usd for line in self.lines)

    @property
    def usd_expected(self) -> Decimal | None:
        """What it is expected to cost."""
        return _sum(line.usd_of(line.expected) for line in self.lines)

    @property
    def usd_low(self) -> Decimal | None:
        """The least that it should cost, where the error was measured; else what is expected."""
        return _sum(
            line.usd_of(line.low if line.low is not None else line.expected) for line in self.lines
        )

    @property
    def at_most(self) -> bool:
        """True where the tokens are the most that the provider should count, so that the bill may be lower."""
        counts = self.resolved.counts
        return (
            bool(counts.cautions)
            or counts.estimated is not None
            or any(line.why for line in self.lines)
        )

    @property
    def by_time(self) -> bool:
        """True where all that it costs is a price of hours, so that it costs more the longer it takes."""
        return bool(self.usd) and all(line.unit.endswith("hour") for line in self.lines)

    def lasts_s(self, usd: Decimal) -> float | None:
        """Seconds after which the run will have cost so much; None where it is not charged by time."""
        if not self.by_time or not self.usd:
            return None
        return float(self.lines[0].quantity * usd / self.usd * 3600)

    def old_prices(self, days: int) -> tuple[str, ...]:
        """A sentence for each price that nobody has looked at for so long."""
        oldest = clock.now().date() - timedelta(days=days)
        old = {line.label: line.as_of for line in self.lines if line.usd and line.as_of < oldest}
        return tuple(
            f"the price of {label} is of {as_of}, older than {days} days: compare it with the provider's page"
            for label, as_of in old.items()
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; money and quantities are strings."""
        resolved, forecast = self.resolved, self.resolved.forecast
        return {
            "schema_version": 1,
            "model": self.model,
            "snapshot": resolved.base.snapshot,
            "method": str(resolved.method),
            "tier": resolved.tier,
            "hyperparameters": resolved.hyperparameters.given(),
            "rows": resolved.counts.rows,
            "tokens": resolved.counts.tokens,
            "trained_tokens": resolved.counts.trained_tokens,
            "longest": resolved.counts.longest,
            "steps": resolved.steps,
            "usd": None if self.usd is None else str(self.usd),
            "usd_expected": None if self.usd_expected is None else str(self.usd_expected),
            "usd_low": None if self.usd_low is None else str(self.usd_low),
            "paid": self.paid,
            "at_most": self.at_most,
            "notes": list(self.notes),
            "not_submittable": self.not_submittable,
            "cautions": [
                {"text": one.text, "rows": list(one.rows), "count": one.count}
                for one in resolved.counts.cautions
            ],
            "estimate": None
            if resolved.counts.estimated is None
            else {
                "tokens": resolved.counts.estimated.tokens,
                "mean_error": round(resolved.counts.estimated.mean_error, 3),
                "worst_error": round(resolved.counts.estimated.worst_error, 3),
                "measured_on": resolved.counts.estimated.measured_on,
                "as_of": resolved.counts.estimated.as_of.isoformat(),
            },
            "lines": [line.to_dict() for line in self.lines],
            "forecast": None
            if forecast is None
            else {
                "device": forecast.device,
                "parameters": forecast.parameters,
                "trainable_parameters": forecast.trainable_parameters,
                "memory_needed": forecast.memory_needed,
                "memory_free": forecast.memory_free,
                "fits": forecast.fits,
                "seconds": round(forecast.seconds, 1),
                "remedies": list(forecast.remedies),
            },
            "data_sha256": self.data_sha256,
        }

    def __str__(self) -> str:
        resolved, forecast, counts = self.resolved, self.resolved.forecast, self.resolved.counts
        given = resolved.hyperparameters.given()
        most = "" if counts.estimated is None else "at most "
        tokens = f"{most}{counts.tokens:,} tokens, {counts.trained_tokens:,} of them trained"
        lines = [
            f"{self.model}  {resolved.method}"
            + (f", tier {resolved.tier}" if resolved.tier else ""),
            f"  data      {counts.rows:,} rows, {tokens}, longest {counts.longest:,}",
            f"  run       {f'{resolved.steps:,} steps; ' if resolved.steps else ''}"
            + ", ".join(f"{name} {_short(value)}" for name, value in given.items()),
        ]
        if forecast is not None:
            needed, free = _gib(forecast.memory_needed), _gib(forecast.memory_free)
            fits = "" if forecast.fits else "  DOES NOT FIT"
            trains = f"{forecast.trainable_parameters:,} of {forecast.parameters:,}"
            lines += [
                f"  trains    {trains} parameters",
                f"  memory    {needed} needed, {free} free on {forecast.device}{fits}",
                f"  time      about {_duration(forecast.seconds)}",
            ]
            if not forecast.fits:
                lines += [f"            {remedy}" for remedy in forecast.remedies]
        if counts.estimated is not None:
            lines.append(f"  note      {counts.estimated}")
        lines += [f"  note      {caution}" for caution in counts.cautions]
        lines += [f"  note      {note}" for note in self.notes]
        bound = ", at most" if self.at_most else ""
        lines += [
            f"  cost      {line.label}: {line.quantity:,.3f} {line.unit}"
            + (
                f" x {line.rate} = {line.usd:.4f} USD{bound}"
                if line.usd is not None
                else ", not priced"
            )
            + (f" ({line.note})" if line.note else "")
            for line in self.lines
        ]
        if self.usd is not None and self.usd_expected != self.usd:
            reasons = "; ".join(dict.fromkeys(line.why for line in self.lines if line.why))
            lines.append(
                f"  expected  {self.usd_expected:.4f} USD, from {self.usd_low:.4f} to {self.usd:.4f}: {reasons}"
            )
        if self.not_submittable is not None:
            lines.append(f"  NOT HERE  {self.not_submittable}")
        return "\n".join(lines)


def priced(
    backend: Backend,
    instance: str,
    resolved: Resolved,
    data_sha256: str,
    validation_sha256: str | None = None,
) -> Quote:
    """Multiply the backend's quantities by its dated rates."""
    if backend.pricing is None:
        raise backend.refuse("pricing")
    lines = []
    paid = False
    for quantity in backend.pricing.bill(resolved):
        rate = backend.catalogue.rates[quantity.rate_key]
        paid = paid or quantity.paid
        lines.append(
            QuoteLine(
                label=quantity.label,
                quantity=quantity.amount,
                unit=quantity.unit,
                rate=rate.usd,
                usd=None if rate.usd is None else quantity.amount * rate.usd,
                source=rate.source,
                as_of=rate.as_of,
                note=rate.note,
                expected=quantity.expected,
                low=quantity.low,
                why=quantity.why,
            )
        )
    billing = backend.catalogue.billing
    return Quote(
        instance,
        resolved,
        data_sha256,
        validation_sha256,
        tuple(lines),
        paid,
        notes=(*(() if billing is None else billing.notes), *resolved.notes),
        not_submittable=None if backend.training is not None else backend.lacks.get("training"),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for usd in amounts:
        if usd is None:
            return None
        total += usd
    return total


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
