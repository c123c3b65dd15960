"""What is drawn on the page of a price table are the table's own numbers and dates, in proportion."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ftkit.cost.break_even import Course, break_even
from ftkit.cost.page import cumulated, lifecycle_bars, money_bars
from ftkit.cost.price_lines import usd_text
from ftkit.pages.svg import EDGE
from ftkit.types import Candidate, PriceTable
from tests.price_pages import NOW, TODAY, compared, text_of, written

ROOM = 100 - 2 * EDGE  # per cent that a drawing has


@pytest.fixture(autouse=True)
def the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_NOW", NOW)


def drawn_bars(page: str) -> list[tuple[str, str, list[float]]]:
    """(model, total as it is said, shares of the width by part) of every stacked bar, in the order of the page."""
    found = []
    for drawing in re.findall(r'<svg [^>]*aria-label="[^"]*: [\d,.]+ USD">.*?</svg>', page):
        label = unescape(re.search(r'aria-label="([^"]*)"', drawing).group(1))  # type: ignore[union-attr]
        model, _, total = label.removesuffix(" USD").rpartition(": ")
        widths = dict.fromkeys(("train", "fixed", "calls"), 0.0)
        for style, width in re.findall(r'class="part (\w+)"><rect [^>]*width="([\d.]+)%"', drawing):
            widths[style] = float(width) / ROOM
        found.append((model, total, list(widths.values())))
    return found


def parts_of(table: PriceTable, one: Candidate) -> list[Decimal]:
    """Training, fixed and calls over the horizon, added up line by line from the table."""
    usd = {"fixed": Decimal(0), "calls": Decimal(0)}
    for _ in range(table.horizon_months):
        for line in one.monthly:
            usd["fixed" if line.label in ("hosting", "storage") else "calls"] += line.usd or 0
    return [one.quote.usd_expected or Decimal(0), usd["fixed"], usd["calls"]]


def judge_bars(table: PriceTable, page: str) -> None:
    """Every bar is its model's money in proportion, on the scale of its group, and the groups follow each other."""
    bars = drawn_bars(page)
    models = table.cheapest_tiers[: money_bars.DRAWN]
    assert [model for model, _, _ in bars] == [one.model for one in models]
    groups: list[list[int]] = [[0]]
    for index in range(1, len(models)):
        # a bar is shorter than the one before only where another scale begins
        if sum(bars[index][2]) < sum(bars[index - 1][2]) - 1e-4:
            groups.append([])
        groups[-1].append(index)
    for group in groups:
        most = max(table.total(models[index]) or Decimal(0) for index in group)
        for index in group:
            total = table.total(models[index]) or Decimal(0)
            assert bars[index][1] == usd_text(total)
            for share, usd in zip(bars[index][2], parts_of(table, models[index]), strict=True):
                assert share == pytest.approx(float(usd / most), abs=3e-5), models[index].model
            assert sum(bars[index][2]) >= 1 / money_bars.WIDEST - 1e-4
    assert page.count("another scale: the same length is") == len(groups) - 1


# --- money -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("calls", "months"), [(200_000, 12), (0, 1), (50, 36), (5_000_000, 3)])
def test_what_is_drawn_is_the_money_of_the_table(tmp_path: Path, calls: int, months: int) -> None:
    table = compared(calls=calls, horizon_months=months)
    judge_bars(table, written(table, tmp_path))


def test_a_drawing_that_leaves_hosting_out_would_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = money_bars.costs

    def lame(*given: Any) -> Any:
        return tuple(
            replace(one, parts=(one.parts[0], Decimal(0), one.parts[2])) for one in whole(*given)
        )

    table = compared()
    monkeypatch.setattr(money_bars, "costs", lame)
    page = written(table, tmp_path)
    with pytest.raises(AssertionError):
        judge_bars(table, page)


def test_beside_each_bar_stand_its_numbers_and_the_rest_is_counted(tmp_path: Path) -> None:
    table = compared()
    page = written(table, tmp_path)
    text = text_of(page)
    for one in table.cheapest_tiers[: money_bars.DRAWN]:
        train, fixed, calls = map(usd_text, parts_of(table, one))
        assert f"{usd_text(table.total(one))}{train} + {fixed} + {calls}" in text, one.model
    dearer = len(table.cheapest_tiers) - money_bars.DRAWN
    assert dearer > 0 and f"{dearer} dearer models are not drawn" in text
    assert f"All {len(table.ranked)} ways in figures" in text
    for one in table.ranked:  # those that are not drawn too
        assert f"{one.model}</span>" in page and usd_text(table.total(one)) in text


def test_groups_are_as_few_as_the_rule_allows_and_lose_nobody() -> None:
    models = money_bars.costs(compared().ranked, 12, 200_000)
    groups = money_bars.grouped(models)
    assert [one for group in groups for one in group] == list(models)
    for group, following in pairwise(groups):
        assert group[-1].total <= money_bars.WIDEST * group[0].total < following[0].total
    free = replace(models[0], parts=(Decimal(0), Decimal(0), Decimal(0)))
    assert money_bars.grouped([free, free, *models])[0][:3] == (free, free, models[0])
    assert money_bars.grouped([]) == []


# --- over time ---------------------------------------------------------------------------------------------------


def crossings(page: str) -> list[tuple[float, float, str]]:
    """(share of the months and height in pixels where it is drawn, month that is said) of every ring."""
    return [
        ((float(x) - EDGE) / ROOM, float(y), words)
        for x, y, words in re.findall(
            r'class="crossing [^"]*">.*?<circle cx="([\d.]+)%" cy="([\d.]+)".*?>([\d.,]+) months</text>',
            page,
        )
    ]


def courses(page: str) -> dict[str, tuple[float, float]]:
    """Where each line begins and ends, in pixels from the top, by its style."""
    drawn = r'class="course ([\w-]+)"><line x1="[\d.]+%" y1="([\d.]+)" x2="[\d.]+%" y2="([\d.]+)"'
    return {style: (float(first), float(last)) for style, first, last in re.findall(drawn, page)}


def test_where_a_model_has_cost_no_more_than_the_cheapest_prompt_is_marked(tmp_path: Path) -> None:
    names = ["google/gemini-3.1-flash-lite", "nebius/meta-llama/Llama-3.1-8B-Instruct"]
    table = compared(names, calls=200, horizon_months=24, examples=80)
    found = cumulated.lines(table)
    assert found[0].name == table.prompts[0].model
    expected = [
        line.even.months for line in found if line.even is not None and line.even.months is not None
    ]
    assert len(expected) == 2 and max(expected) > 10
    page = written(table, tmp_path)
    first, last = courses(page)["prompt"]
    for (drawn, height, said), months in zip(crossings(page), sorted(expected), strict=True):
        assert drawn * table.horizon_months == pytest.approx(float(months), abs=0.01)
        assert height == pytest.approx(
            first + drawn * (last - first), abs=0.2
        )  # on the dashed line
        assert said == f"{months:,.1f}"
        # both have cost the same then
        line = next(one for one in found if one.even is not None and one.even.months == months)
        prompt = table.prompts[0].course.after(months, table.calls_per_month)
        assert line.course.after(months, table.calls_per_month) == pytest.approx(prompt)


def test_the_words_of_crossings_stand_in_the_order_of_time() -> None:
    prompt = Course(Decimal(0), Decimal(0), Decimal("0.001"))
    courses = (
        Course(Decimal(6), Decimal(0), Decimal("0.0001")),  # the cheapest, after 6.7 months
        Course(Decimal(1), Decimal(0), Decimal("0.00065")),  # after 2.9
    )
    found = [
        cumulated.Line(f"model {n}", f"{n}", f"line-{n}", course, course.after(12, 1_000), break_even(course, prompt, 1_000, 12))
        for n, course in enumerate(courses)
    ]  # fmt: skip
    drawing = cumulated.drawing(found, 12, 1_000)
    words = re.findall(r'y="(\d+)" text-anchor="\w+">([\d.]+) months', drawing)
    assert words == [("12", "2.9"), ("26", "6.7")]


def test_what_never_pays_off_or_does_from_the_start_is_said_and_not_marked(tmp_path: Path) -> None:
    dear = compared(["together/Qwen/Qwen3-8B", "google/gemini-3.5-flash-lite"])
    assert [line.style for line in cumulated.lines(dear)] == ["prompt", "line-1"]
    page = written(dear, tmp_path)
    assert not crossings(page)
    assert "None of these models has cost no more within 12 months" in text_of(page)
    (one,) = dear.ranked
    free = replace(one, quote=replace(one.quote, lines=()), monthly=())
    page = written(replace(dear, ranked=(free,)), tmp_path)
    assert not crossings(page)
    assert "from the start" in text_of(page) and "None of these models" not in text_of(page)


def test_lines_end_where_the_table_does_and_each_has_its_name_beside_it(tmp_path: Path) -> None:
    table = compared()
    found = cumulated.lines(table)
    assert 2 <= len(found) <= cumulated.LINES + 1
    totals = {one.model: table.total(one) for one in table.cheapest_tiers}
    page = written(table, tmp_path)
    ends = courses(page)
    most = max(line.total for line in found)
    zero, top = 266.0, min(last for _, last in ends.values())
    for line in found:
        if line.style != "prompt":
            assert line.total == totals[line.name]
        first, last = ends[line.style]
        for place, usd in ((first, line.course.once), (last, line.total)):
            assert (zero - place) / (zero - top) == pytest.approx(float(usd / most), abs=1e-3)
        assert f'<g class="name {line.style}">' in page
        assert f">{usd_text(line.total)} USD" in page


def test_names_at_the_ends_of_lines_never_lie_on_each_other() -> None:
    found = cumulated.lines(compared())
    places = sorted(
        float(place)
        for place in re.findall(
            r'y="([\d.-]+)" class="total"',
            cumulated.drawing([replace(line, total=Decimal(5)) for line in found], 12, 200_000),
        )
    )
    assert len(places) == len(found)
    assert all(low - high >= 26 for high, low in pairwise(places))
    assert places[0] >= 10


def test_from_how_many_calls_on_which_model_is_the_cheapest(tmp_path: Path) -> None:
    table = compared()
    text = text_of(written(table, tmp_path))
    assert len(table.switches()) > 1
    for calls, model in table.switches():
        assert f"{calls:,} {model}" in text
    assert f"{table.ranked[0].model} here, with 200,000" in text


# --- dates -----------------------------------------------------------------------------------


def test_lifecycles_are_drawn_in_proportion_from_today_on(tmp_path: Path) -> None:
    table = compared()
    found, undated = lifecycle_bars.lives(table)
    assert found and undated
    scale = lifecycle_bars.scale_from(TODAY, found)
    page = written(table, tmp_path)
    text = text_of(page)
    styles = set()
    for one in found:
        drawn = lifecycle_bars.life_bar(one, TODAY, scale)
        assert drawn in page
        reached, facts = EDGE, one.facts
        ends = {"trained": facts.training_until, "asked": facts.shutdown, "safe": facts.not_before}
        for style, left, width in re.findall(r'class="life (\w+)" x="([\d.]+)%" y="5" width="([\d.]+)%"', drawn):  # fmt: skip
            styles.add(style)
            day = ends[style]
            assert day is not None and float(left) == pytest.approx(reached, abs=0.01)
            reached = float(left) + float(width)
            days = (reached - EDGE) / ROOM * scale.high
            assert days == pytest.approx((day - TODAY).days, abs=0.1)
        for what, day in one.dates:
            assert f"{what} {day}" in text and f"{what} {day}" in drawn
    assert styles == {"trained", "asked", "safe"}
    assert f"{undated} models that can be trained today have no announced date" in text


def test_a_date_in_a_hundred_years_presses_no_other_onto_today() -> None:
    (one,) = compared(["azure/gpt-4.1-mini"]).cheapest_tiers
    far = one.facts.model_copy(update={"not_before": date(9999, 12, 31)})
    found = (
        lifecycle_bars.Life("azure", "a", one.facts),
        lifecycle_bars.Life("azure", "b", far),
    )
    scale = lifecycle_bars.scale_from(TODAY, found)
    assert scale.high < 2_000
    assert "9999-12-31" in lifecycle_bars.life_bar(found[1], TODAY, scale)
    assert "2030-01" in lifecycle_bars.date_axis(TODAY, scale)
