"""The price table as text: for people on a terminal or in a log, and as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from ftkit.cost.candidates import Candidate, PassedOver
from ftkit.cost.quote import QuoteLine

if TYPE_CHECKING:
    from ftkit.cost.price_table import PriceTable

_PROMPTS = 3
_NAMED = 3  # models of one reason


def as_text(table: PriceTable) -> str:
    """Ranked, then what has no price, what cannot be trained today, and what not tuning costs."""
    return "\n".join(_lines(table))


def explained(table: PriceTable) -> str:
    """Every line of every candidate: how much, at what rate, from where and when."""
    return "\n".join(line for one in table.candidates for line in _explained(table, one))


def as_csv(table: PriceTable) -> str:
    """A row a candidate, ranked first, then one's own machine; USD without a currency sign, nothing where a price is unknown."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    months = f"total_{table.horizon_months}_months_usd"
    write.writerow(
        ("model", "method", "train_usd", "fixed_usd_per_month", "calls_usd_per_month", months)
        + ("last_training_day", "shutdown", "oldest_price", "submittable")
    )
    for one in table.candidates:
        fixed, calls = monthly(one)
        total = table.total(one)
        money = (one.quote.usd_expected, fixed, calls, total)
        dates = (one.facts.training_until, one.facts.shutdown, oldest(one))
        write.writerow(
            [one.model, one.quote.resolved.method]
            + ["" if usd is None else f"{usd:.6f}" for usd in money]
            + ["" if day is None else day.isoformat() for day in dates]
            + ["no" if one.quote.not_submittable else "yes"]
        )
    return out.getvalue()


def _lines(table: PriceTable) -> Iterator[str]:
    epochs = (
        ""
        if table.epochs is None
        else f", {table.epochs:g} epoch{'' if table.epochs == 1 else 's'}"
    )
    must = "".join(f"; {name} {value}" for name, value in table.must.items())
    yield f"{table.source}: {table.rows:,} rows, {table.method}{epochs}; {table.calls_per_month:,} calls a month{must}"
    if table.candidates:
        calls = table.candidates[0].calls
        yield f"one call: about {calls.input_tokens:,.0f} tokens in and {calls.output_tokens:,.0f} out, as the rows have them"
    if table.ranked:
        yield ""
        yield from _ranked(table)
    if len(switches := table.switches()) > 1:
        yield ""
        yield f"the cheapest over {table.horizon_months} months"
        yield from (f"  from {calls:>12,} calls a month  {model}" for calls, model in switches)
    if len(table.ranked) > 1:
        yield ""
        yield from _turns(table)
    if table.right_answers:
        yield ""
        yield f"what a right answer costs over {table.horizon_months} months, by the evaluation"
        yield from _right_answers(table)
    if table.prompts:
        yield ""
        yield f"not tuning: a prompt with {table.prompts[0].examples} examples, a month; how good it is, this does not say"
        for prompt in table.prompts[:_PROMPTS]:
            month = prompt.course.after(1, table.calls_per_month)
            yield f"  {usd_text(month):>12}  {prompt.model}"
    if table.unpriced:
        yield ""
        yield "without a known price"
        yield from (f"  {one.model}: {', '.join(unknown(one))}" for one in table.unpriced)
    unpriced_own = [one for one in table.passed_over if one.own]
    if table.own or unpriced_own:
        yield ""
        yield "on your own machine, where nobody sends a bill"
        yield from (own_line(table, one) for one in table.own)
        yield from (f"  {one.reason}" for one in unpriced_own)
    if closed := [one for one in table.passed_over if not one.own]:
        yield ""
        yield "not today"
        yield from _passed(closed)


def _ranked(table: PriceTable) -> Iterator[str]:
    shown = table.cheapest_tiers
    wide = max(len(one.model) for one in shown)
    months = f"{table.horizon_months} months"
    yield f"{'USD':<{wide}}  {'train':>9}  {'fixed/mo':>10}  {'calls/mo':>10}  {months:>12}  {'pays off':>11}  last day"
    for one in shown:
        fixed, calls = monthly(one)
        stale = "*" if table.stale(oldest(one)) else " "
        last = one.facts.training_until or one.facts.shutdown
        here = "+" if one.quote.not_submittable is None else " "
        yield (
            f"{one.model:<{wide}}{here} {usd_text(one.quote.usd_expected):>9}  {usd_text(fixed):>10}  {usd_text(calls):>10}  "
            f"{usd_text(table.total(one)):>12}{stale} {pays_off(table, one):>11}  {'' if last is None else last.isoformat()}"
        ).rstrip()
    yield from _legend(table, shown)


def own_line(table: PriceTable, one: Candidate) -> str:
    """What training on one's own machine takes and costs."""
    forecast = one.quote.resolved.forecast
    takes = "" if forecast is None else f"; about {forecast.seconds / 3600:,.1f} hours of training"
    fixed, _ = monthly(one)
    if table.total(one) is None:
        return f"  {one.model}  not priced{takes}"
    kept = f"{usd_text(fixed)} a month for {table.hosting_hours.normalize():,f} hours on"
    return (
        f"  {one.model}  {usd_text(table.total(one))} USD over {table.horizon_months} months: "
        f"{usd_text(one.quote.usd_expected)} to train, {kept}{takes}"
    )


def _turns(table: PriceTable) -> Iterator[str]:
    if found := table.turns():
        yield "what changes the order, each alone and up to ten times off"
        yield from (
            f"  {one.assumption:<20}  {factor_text(one.factor):>17}  place {one.place}: {one.model} before {one.over}"
            for one in found
        )
    if all(one.place > 1 for one in found):
        yield f"no assumption alone takes the first place from {table.ranked[0].model}"
    if close := table.too_close():
        more = f" and {len(close) - _NAMED} more" if len(close) > _NAMED else ""
        yield f"the widths of their quotes alone decide between {', '.join(close[:_NAMED])}{more}"


def factor_text(factor: Decimal) -> str:
    """A factor of an assumption in words."""
    if factor == 1:
        return "as it is"
    if factor > 1:
        return f"from {factor:,.2f} times on"
    return f"below {factor:,.2f} times"


def _right_answers(table: PriceTable) -> Iterator[str]:
    wide = max(len(one.model) for one in table.right_answers)
    for one in table.right_answers:
        what = "tuned" if one.tuned else "as it is"
        right = f"{one.share:.1%} right ({one.low:.1%} to {one.high:.1%})"
        if one.usd is None:
            yield f"  {one.model:<{wide}}  {what:<8}  never right"
            continue
        most = "any" if one.usd_high is None else f"{one.usd_high:.6f}"
        yield f"  {one.model:<{wide}}  {what:<8}  {one.usd:.6f} USD ({one.usd_low:.6f} to {most})  {right}"


def _legend(table: PriceTable, shown: Sequence[Candidate]) -> Iterator[str]:
    here = [one for one in shown if one.quote.not_submittable is None]
    yield (
        "+ can be submitted to by ftkit; the others are priced only"
        if here
        else "ftkit cannot submit to any of these yet"
    )
    if any(table.stale(oldest(one)) for one in shown):
        yield f"* rests on a price that is older than {table.stale_after_days} days"
    if len(shown) < len(table.ranked):
        yield f"of {len(table.ranked) - len(shown)} dearer tiers and places --csv and --json tell"
    if table.prompts:
        yield "pays off: months until it has cost no more than a prompt with its own base, or else with the cheapest one"


def pays_off(table: PriceTable, one: Candidate) -> str:
    """Months until it has cost no more than the prompt that it is held against; "" where there is none."""
    found = table.against_prompt(one)
    if found is None:
        return ""
    months = found[1].months
    return "never" if months is None else "at once" if months == 0 else f"{months:,.1f} mo"


def _explained(table: PriceTable, one: Candidate) -> Iterator[str]:
    total = table.total(one)
    shown = (
        "not priced"
        if total is None
        else f"{usd_text(total)} USD over {table.horizon_months} months"
    )
    yield f"{one.model}  {shown}"
    lines: Sequence[tuple[str, QuoteLine]] = [
        *(("once", line) for line in one.quote.lines),
        *(("a month", line) for line in one.monthly),
    ]
    for when, line in lines:
        money = "unknown" if line.usd is None else f"{line.usd:.4f} USD"
        rate = "no known rate" if line.rate is None else f"{line.rate} per {line.unit}"
        stale = f", older than {table.stale_after_days} days" if table.stale(line.as_of) else ""
        note = f"; {line.note}" if line.note else ""
        yield f"  {when:<8} {line.label}: {line.quantity:,.4f} x {rate} = {money}  [{line.source}, {line.as_of}{stale}{note}]"
    yield from (f"  note     {note}" for note in one.quote.notes)


def monthly(one: Candidate) -> tuple[Decimal | None, Decimal | None]:
    """(fixed, calls) of a month; None where a price is unknown."""
    sums: list[Decimal | None] = []
    for fixed in (True, False):
        found = [
            line.usd for line in one.monthly if (line.label in ("hosting", "storage")) is fixed
        ]
        sums.append(None if None in found else sum((usd for usd in found if usd), Decimal(0)))
    return sums[0], sums[1]


def unknown(one: Candidate) -> list[str]:
    """The lines whose price nobody knows."""
    return [line.label for line in (*one.quote.lines, *one.monthly) if line.usd is None]


def by_reason(passed: Sequence[PassedOver]) -> list[tuple[str, list[PassedOver]]]:
    """(reason, models) of one provider each; a reason says "it" for the model."""
    found: dict[tuple[str, str], list[PassedOver]] = {}
    for one in passed:
        instance, _, native = one.model.partition("/")
        name = re.escape(native.rpartition(" (")[0] or native)
        reason = (
            re.sub(rf"(?<!\S)(?:\S*[/@])?{name}(?=[\s,:;]|$)", "it", one.reason)
            if name
            else one.reason
        )
        found.setdefault((instance, reason), []).append(one)
    return [(reason, those) for (_, reason), those in found.items()]


def _passed(passed: Sequence[PassedOver]) -> Iterator[str]:
    for reason, those in by_reason(passed):
        names = ", ".join(one.model for one in those[:_NAMED])
        more = f" and {len(those) - _NAMED} more" if len(those) > _NAMED else ""
        until = f" (last day {those[0].until})" if those[0].until else ""
        yield f"  {names}{more}{until}: {reason}"


def oldest(one: Candidate) -> date:
    """When the price was seen that nobody has looked at for longest."""
    lines = (*one.quote.lines, *one.monthly)
    return min((line.as_of for line in lines), default=one.facts.as_of)


def usd_text(usd: Decimal | None) -> str:
    """Dollars and cents, "?" where nobody knows them."""
    return "?" if usd is None else f"{usd:,.2f}"
