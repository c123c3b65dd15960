"""What the template of the price table is given. Names, reasons and sources come from catalogues and configurations: each goes
through `shown`, bounded and made visible. What may repeat a row or a path goes through `masked`; names do not, since a long one
looks like a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ftkit.cost.candidates import Candidate
from ftkit.cost.page import cumulated, lifecycle_bars, money_bars
from ftkit.cost.page.sources import figures
from ftkit.cost.price_lines import (
    by_reason,
    factor_text,
    monthly,
    oldest,
    own_line,
    pays_off,
    unknown,
    usd_text,
)
from ftkit.cost.price_table import PriceTable
from ftkit.cost.prompting import Prompted
from ftkit.data.checks.masking import excerpt
from ftkit.pages.html import page, visible, write_page
from ftkit.pages.visible_text import one_line

PROMPTS = 10  # shown at once; the others are folded
_TEXT = 1_200  # characters of one text
_PROMPT_PARTS = ("examples, cached", "input", "output")
_NAMES = 12  # models of one figure that are named


def write_table(table: PriceTable, path: Path, title: str | None) -> Path:
    """Write the page and return its path; raises StorageError where that fails."""
    return write_page(render(table, title), path)


def render(table: PriceTable, title: str | None = None) -> str:
    """The page as text; the same table gives the same bytes."""
    file = Path(excerpt(table.source, _TEXT)).name  # masked first: half a secret looks like none
    name = excerpt(title or f"What tuning on {file} costs", 160)
    models = table.cheapest_tiers
    found = cumulated.lines(table)
    dated, undated = lifecycle_bars.lives(table)
    return page(
        "ftkit.cost.page/price_table.html.j2",
        {"shown": shown, "masked": masked, "usd": usd_text, "plural": _plural, "named": _named},
        title=one_line(name, 180),
        name=name,
        table=table,
        facts=_facts(table),
        tiles=_tiles(table),
        groups=_groups(table, models[: money_bars.DRAWN]),
        models=models,
        left_out=max(0, len(models) - money_bars.DRAWN),
        every=[_row(table, one) for one in table.ranked],
        lines=found,
        courses=cumulated.drawing(found, table.horizon_months, table.calls_per_month)
        if models
        else None,
        drawn=sum(line.style != "prompt" for line in found),
        crossed=any(line.crossing(table.horizon_months) is not None for line in found),
        ahead=any(line.even is not None and line.even.months == 0 for line in found),
        switches=_switches(table),
        lives=_lives(table, dated[: lifecycle_bars.DRAWN]),
        lives_axis=lifecycle_bars.date_axis(
            table.today, lifecycle_bars.scale_from(table.today, dated[: lifecycle_bars.DRAWN])
        ),
        lives_left_out=dated[lifecycle_bars.DRAWN :],
        undated=undated,
        closed=by_reason([one for one in table.passed_over if not one.own]),
        own=[own_line(table, one).strip() for one in table.own]
        + [one.reason for one in table.passed_over if one.own],
        turns=[(one, factor_text(one.factor)) for one in table.turns()],
        close=list(table.too_close()),
        prompts=[_prompt(table, one) for one in table.prompts],
        PROMPTS=PROMPTS,
        unpriced=_unpriced(table),
        notes=_notes(table),
        figures=figures(table),
    )


def shown(text: object, most: int = _TEXT) -> Markup:
    """A text that may be a stranger's, as the page shows it."""
    plain = str(text)
    return visible(plain if len(plain) <= most else plain[:most] + "…")


def masked(text: object) -> Markup:
    """The same without what looks like a secret."""
    return visible(excerpt(str(text), _TEXT))


def _facts(table: PriceTable) -> list[tuple[str, str]]:
    epochs = "" if table.epochs is None else f", {_epochs(table.epochs)}"
    facts = [
        ("rows", f"{table.rows:,} of {table.source}"),
        ("training", f"{table.method}{epochs}"),
        (
            "use",
            f"{table.calls_per_month:,} calls a month, {_plural(table.horizon_months, 'month')}",
        ),
    ]
    if table.must:
        facts.append(("must", ", ".join(f"{name} {value}" for name, value in table.must.items())))
    if table.candidates:
        calls = table.candidates[0].calls
        facts.append(
            (
                "one call",
                f"about {calls.input_tokens:,.0f} tokens in and {calls.output_tokens:,.0f} out, as the rows have them",
            )
        )
    return [*facts, ("priced on", f"{table.today}")]


def _epochs(number: float) -> str:
    return f"{number:g} epoch" + ("" if number == 1 else "s")


def _tiles(table: PriceTable) -> list[dict[str, Any]]:
    """The cheapest that ftkit can submit to, the cheapest of all, the cheapest prompt."""
    here = next((one for one in table.ranked if one.quote.not_submittable is None), None)
    first = table.ranked[0] if table.ranked else None
    prompt = table.prompts[0] if table.prompts else None
    calls, months = table.calls_per_month, table.horizon_months
    return [
        {
            "what": "cheapest that ftkit can submit to",
            "usd": None if here is None else table.total(here),
            "model": None if here is None else here.model,
            "none": "none of the priced models today",
            "why": None if first is None else first.quote.not_submittable,
        },
        {
            "what": "cheapest of all",
            "usd": None if first is None else table.total(first),
            "model": None if first is None else first.model,
            "none": "no model has a known price",
            "why": None,
        },
        {
            "what": "cheapest prompt, without tuning",
            "usd": None if prompt is None else prompt.course.after(months, calls),
            "model": None if prompt is None else prompt.model,
            "none": "no base has a known price" if calls else "without calls it costs nothing",
            "why": None,
        },
    ]


def _groups(table: PriceTable, models: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Bars of like length together; `times` is how much more money a length means than in the first group."""
    ranked = money_bars.costs(models, table.horizon_months, table.calls_per_month)
    groups = money_bars.grouped(ranked)
    scales = [money_bars.scale_of(group) for group in groups]
    return [
        {
            "least": group[0].total,
            "most": group[-1].total,
            "times": scale.high / scales[0].high,
            "axis": money_bars.money_axis(scale),
            "rows": [
                {
                    **_row(table, cost.one),
                    "parts": cost.parts,
                    "bar": money_bars.stacked(cost, scale),
                }
                for cost in group
            ],
        }
        for group, scale in zip(groups, scales, strict=True)
    ]


def _row(table: PriceTable, one: Candidate) -> dict[str, Any]:
    fixed, calls = monthly(one)
    dates = [line.as_of for line in (*one.quote.lines, *one.monthly)]
    return {
        "model": one.model,
        "provider": one.quote.instance,
        "name": one.name,
        "tier": one.quote.resolved.tier,
        "here": one.quote.not_submittable is None,
        "train": one.quote.usd_expected,
        "fixed": fixed,
        "calls": calls,
        "total": table.total(one),
        "pays_off": pays_off(table, one),
        "last_day": one.facts.training_until or one.facts.shutdown,
        "oldest": oldest(one) if dates else None,
        "stale": any(map(table.stale, dates)),
    }


def _switches(table: PriceTable) -> list[dict[str, Any]]:
    """`here` marks the row that holds for the calls of this table."""
    found = table.switches()
    reached = [calls for calls, _ in found if calls <= table.calls_per_month]
    return [
        {"calls": calls, "model": model, "here": bool(reached) and calls == reached[-1]}
        for calls, model in found
    ]


def _lives(table: PriceTable, dated: Sequence[lifecycle_bars.Life]) -> list[dict[str, Any]]:
    scale = lifecycle_bars.scale_from(table.today, dated)
    return [{"of": one, "bar": lifecycle_bars.life_bar(one, table.today, scale)} for one in dated]


def _prompt(table: PriceTable, one: Prompted) -> dict[str, Any]:
    usd = {line.label: line.usd for line in one.monthly}
    dates = [line.as_of for line in one.monthly]
    return {
        "model": one.model,
        "parts": [usd.get(label) for label in _PROMPT_PARTS],
        "month": one.course.after(1, table.calls_per_month),
        "total": one.course.after(table.horizon_months, table.calls_per_month),
        "oldest": min(dates),
        "stale": any(map(table.stale, dates)),
    }


def _unpriced(table: PriceTable) -> list[tuple[str, list[str]]]:
    """(what has no price, models) of one provider each."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in table.unpriced:
        found.setdefault((one.quote.instance, ", ".join(unknown(one))), []).append(one.model)
    return [(lacking, models) for (_, lacking), models in found.items()]


def _notes(table: PriceTable) -> list[tuple[str, tuple[str, ...]]]:
    """(provider, what is not settled about its bills)."""
    found: dict[str, dict[str, None]] = {}
    for one in table.candidates:
        said = found.setdefault(one.quote.instance, {})
        said.update(dict.fromkeys(one.quote.notes))
    return [(provider, tuple(said)) for provider, said in sorted(found.items()) if said]


def _named(models: Sequence[str]) -> Markup:
    """Names behind each other; of very many the rest is counted."""
    names = Markup(", ").join(
        Markup('<span class="id">{}</span>').format(shown(model, 200)) for model in models[:_NAMES]
    )
    more = len(models) - _NAMES
    return names + Markup(f" and {more:,} more") if more > 0 else names


def _plural(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
