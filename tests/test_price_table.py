"""What tuning costs everywhere: ranked by the money of the whole horizon, with what is unknown and what is closed apart."""

from __future__ import annotations

import csv
import io
import json
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ftkit
from ftkit.errors import CapabilityError, ConfigError, NotFound
from ftkit.types import Candidate, PriceTable

ROWS = [
    {"prompt": f"Where is parcel {number}?", "completion": "on its way"} for number in range(200)
]
TODAY = "2026-11-24T12:00:00Z"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    def refused(*_: Any) -> None:
        raise AssertionError("a comparison needs no network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FTKIT_NOW", TODAY)
    yield


def compared(models: Any = "all", calls: int = 200_000, **more: Any) -> PriceTable:
    return ftkit.compare(ROWS, models, calls_per_month=calls, **more)


def named(table: PriceTable) -> list[str]:
    return [one.model for one in table.ranked]


def counted(one: Candidate, months: int) -> Decimal:
    """Every line added up month by month."""
    total = one.quote.usd_expected or Decimal(0)
    for _ in range(months):
        total += sum((line.usd or Decimal(0) for line in one.monthly), Decimal(0))
    return total


def test_there_are_many_models_of_many_providers() -> None:
    table = compared()
    assert len({one.name for one in table.ranked}) >= 12
    offered = {one.quote.instance for one in (*table.ranked, *table.unpriced)}
    assert {"azure", "bedrock", "fireworks", "google", "nebius", "tinker", "together"} <= offered


def test_the_total_is_the_sum_of_all_lines_and_the_cheapest_comes_first() -> None:
    table = compared()
    totals = [counted(one, 12) for one in table.ranked]
    assert totals == sorted(totals)
    for one, total in zip(table.ranked, totals, strict=True):
        assert abs((table.total(one) or 0) - total) < Decimal("0.000001"), one.model


def test_the_least_the_expected_and_the_most_never_cross() -> None:
    for one in compared().ranked:
        low, expected, most = one.quote.usd_low, one.quote.usd_expected, one.quote.usd
        assert low is not None and expected is not None and most is not None
        assert low <= expected <= most, one.model


def test_hosting_is_paid_for_at_all_hours_asked_or_not() -> None:
    (one,) = compared(["fireworks/qwen3-8b"], calls=0).ranked
    assert one.monthly[0].quantity == 730
    assert one.monthly[0].usd == 730 * 8


def test_a_price_that_nobody_knows_is_apart_and_never_first() -> None:
    table = compared()
    apart = {one.model for one in table.unpriced}
    assert "google/gemini-3.5-flash-lite" in apart and apart.isdisjoint(named(table))
    assert all(table.total(one) is None for one in table.unpriced)
    assert "google/gemini-3.5-flash-lite: training" in str(table)


def test_what_cannot_be_trained_today_is_named_with_reason_and_day() -> None:
    table = compared()
    passed = {one.model: one for one in table.passed_over}
    assert "no Claude model" in passed["anthropic/claude-haiku-5-5"].reason
    openai = passed["openai/gpt-4.1-mini-2025-04-14"]
    assert str(openai.until) == "2027-01-05" and "2027-01-14" in openai.reason
    assert str(passed["google/gemini-2.5-flash"].until) == "2026-10-20"
    assert "no price" in passed["local"].reason


@pytest.mark.parametrize(
    ("day", "trained", "closed"),
    [
        ("2026-10-10", ["openai/gpt-4.1-2025-04-14", "google/gemini-2.5-flash", "azure/gpt-4o-2024-08-06"], []),
        ("2026-11-24", ["azure/gpt-4o-2024-08-06", "azure/gpt-4.1-2025-04-14"], ["openai/gpt-4.1-2025-04-14", "google/gemini-2.5-flash"]),
        ("2027-01-06", ["azure/gpt-4o-2024-08-06"], ["openai/gpt-4.1-2025-04-14"]),
        ("2027-01-15", ["azure/gpt-4o-2024-08-06"], ["openai/gpt-4.1-2025-04-14"]),
        ("2027-10-15", ["together/Qwen/Qwen3-8B"], ["azure/gpt-4o-2024-08-06", "azure/gpt-4.1-2025-04-14", "openai/gpt-4.1-2025-04-14"]),
    ],
)  # fmt: skip
def test_what_can_be_trained_changes_with_the_day(
    monkeypatch: pytest.MonkeyPatch, day: str, trained: list[str], closed: list[str]
) -> None:
    monkeypatch.setenv("FTKIT_NOW", f"{day}T12:00:00Z")
    table = compared()
    found = {f"{one.quote.instance}/{one.name}" for one in table.ranked}
    gone = {one.model.partition(" (")[0] for one in table.passed_over}
    assert set(trained) <= found and set(closed) <= gone
    assert found.isdisjoint(closed)


def test_the_region_and_the_weights_can_be_demanded() -> None:
    table = compared(must={"region": "eu"})
    assert table.must == table.to_dict()["must"] == {"region": "eu"}
    assert "200,000 calls a month; region eu" in str(table)
    assert {"google/gemini-3.5-flash", "azure/gpt-4.1-2025-04-14 (standard-swedencentral)"} <= set(
        named(table)
    )
    assert not [name for name in named(table) if "(global)" in name]
    home = compared(must={"weights": "downloadable"})
    assert home.ranked and all(one.facts.weights_leave for one in home.ranked)
    with pytest.raises(ConfigError, match="must= knows region and weights"):
        compared(must={"regoin": "eu"})


def test_best_is_the_cheapest_that_can_be_submitted_and_runs() -> None:
    table = compared(["together/Qwen/Qwen3-8B", "fake/small", "fake/dedicated"])
    assert table.best().model == "fake/small"
    assert table.best().data_sha256 == ftkit.load(ROWS).sha256  # a plan, and no drawing
    with pytest.raises(CapabilityError, match="cannot submit to Together yet"):
        compared(["together/Qwen/Qwen3-8B"]).best()


def test_a_named_model_that_nobody_has_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="did you mean 'gpt-4.1-mini"):
        compared(["azure/gpt-41-mini"])


def test_a_base_that_ends_soon_is_ranked_only_where_that_is_allowed() -> None:
    model = "openai/gpt-4.1-mini-2025-04-14"
    assert compared([model]).ranked == ()
    (one,) = compared([model], allow_retiring=True).ranked
    assert str(one.facts.training_until) == "2027-01-05" and one.quote.not_submittable is None
    assert compared([model], allow_retiring=True).best().model == model


def test_every_model_is_quoted_with_the_same_epochs() -> None:
    table = compared()
    assert {one.quote.resolved.hyperparameters.epochs for one in table.ranked} == {3}
    twice = compared(hyperparameters={"epochs": 1})
    assert {one.quote.resolved.hyperparameters.epochs for one in twice.ranked} == {1}


def test_the_order_of_the_models_changes_nothing() -> None:
    names = [
        "together/Qwen/Qwen3-8B",
        "azure/gpt-4.1-mini",
        "google/gemini-3.5-flash",
        "fake/small",
    ]
    first = compared(names)
    for seed in range(5):
        assert named(compared(random.Random(seed).sample(names, len(names)))) == named(first)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(20, 60),
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(0, 5),
    st.integers(0, 10**6),
)
def test_more_rows_epochs_months_or_calls_never_cost_less(
    rows: int, more_rows: int, epochs: int, more_epochs: int, calls: int
) -> None:
    names = ["together/Qwen/Qwen3-8B", "azure/gpt-4.1-mini", "google/gemini-3.5-flash"]

    def totals(count: int, epochs: int, months: int, calls: int) -> dict[str, Decimal]:
        table = ftkit.compare(
            ROWS[:count], names, calls_per_month=calls, horizon_months=months,
            hyperparameters={"epochs": epochs}, examples=0,
        )  # fmt: skip
        return {one.model: table.total(one) or Decimal(0) for one in table.ranked}

    small = totals(rows, epochs, 3, calls)
    for larger in (
        totals(rows, epochs + more_epochs, 3, calls),
        totals(rows, epochs, 4, calls),
        totals(rows, epochs, 3, calls + 1_000),
    ):
        assert all(larger[name] >= usd for name, usd in small.items())
    once = {name: usd for name, usd in totals(rows, epochs, 1, 0).items()}
    more = totals(rows + more_rows, epochs, 1, 0)
    assert all(more[name] >= usd for name, usd in once.items())


def test_from_each_number_of_calls_on_the_named_model_is_the_cheapest() -> None:
    switches = compared().switches()
    assert switches[0][0] == 0
    for calls, model in switches:
        assert named(compared(calls=calls))[0] == model
        if calls:
            assert named(compared(calls=calls - 1))[0] != model


def test_a_prompt_with_more_examples_costs_more_and_tuning_pays_off_sooner() -> None:
    few, many = (
        compared(["google/gemini-3.5-flash"], examples=2),
        compared(["google/gemini-3.5-flash"], examples=40),
    )
    (one,) = few.ranked
    against = few.against_prompt(one), many.against_prompt(many.ranked[0])
    assert against[0] is not None and against[1] is not None
    assert against[0][0].model == against[1][0].model == "google/gemini-3.5-flash"
    soon, late = against[1][1].months, against[0][1].months
    assert soon is not None and (late is None or soon < late)


def test_examples_are_read_from_the_cache_once_they_are_long_enough() -> None:
    def lines(model: str, examples: int) -> dict[str, Decimal]:
        prompts = compared(["google/gemini-3.5-flash", model], examples=examples).prompts
        (one,) = (prompt for prompt in prompts if prompt.model == model)
        return {line.label: line.quantity for line in one.monthly}

    for model, needed in (
        ("anthropic/claude-sonnet-5-5", 512),
        ("openai/gpt-4.1-mini-2025-04-14", 1_024),
    ):
        plain = lines(model, 0)["input"]
        one = lines(model, 1)["input"] - plain  # millions of tokens of an example in all calls
        enough = -(-Decimal(needed * 200_000) / 1_000_000 // one)
        short, long = lines(model, int(enough) - 2), lines(model, int(enough) + 2)
        assert "examples, cached" not in short and short["input"] > plain
        assert long["input"] == plain and long["examples, cached"] == one * (enough + 2)


def test_claude_is_a_prompt_with_a_price_and_no_model_to_tune() -> None:
    table = compared()
    asked = {one.model for one in table.prompts if one.model.startswith("anthropic/")}
    closed = {one.model for one in table.passed_over if one.model.startswith("anthropic/")}
    assert asked == closed and len(asked) == 3


def test_an_old_price_is_marked_in_every_output() -> None:
    table = compared(["nebius/meta-llama/Llama-3.1-8B-Instruct"])
    assert "*" in str(table) and "older than 90 days" in str(table)
    assert table.to_dict()["ranked"][0]["monthly"][0]["stale"] is True
    fresh = compared(["google/gemini-3.5-flash"])
    assert fresh.to_dict()["ranked"][0]["monthly"][0]["stale"] is False


def test_the_age_of_an_old_price_can_be_set() -> None:
    Path("ftkit.toml").write_text("stale_after_days = 1000\n")
    assert "is older than" not in str(compared())
    assert not any(one.stale for one in ftkit.prices("google"))
    Path("ftkit.toml").write_text("stale_after_days = 1\n")
    assert "* rests on a price that is older than 1 days" in str(compared())
    assert all(one.stale for one in ftkit.prices("google") if str(one.as_of) < "2026-11-23")


def test_a_quote_names_its_old_prices() -> None:
    (line,) = ftkit.estimate(ROWS, "google/gemma-4-31b-it").lines
    (note,) = (
        note for note in ftkit.estimate(ROWS, "google/gemma-4-31b-it").notes if "older" in note
    )
    assert note.startswith(f"the price of {line.label} is of {line.as_of}, older than 90 days")
    Path("ftkit.toml").write_text("stale_after_days = 1000\n")
    assert not [n for n in ftkit.estimate(ROWS, "google/gemma-4-31b-it").notes if "older" in n]


def command(*arguments: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return subprocess.run(
        [sys.executable, "-m", "ftkit.cli", "compare", str(rows), *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_command_prints_text_csv_and_json(tmp_path: Path) -> None:
    calls = ("--calls-per-month", "1000")
    text = command(*calls, "--explain", tmp_path=tmp_path)
    assert text.returncode == 0, text.stderr
    assert "not tuning: a prompt with 5 examples" in text.stdout
    assert "[Agent Platform pricing page" in text.stdout
    table = list(csv.DictReader(io.StringIO(command(*calls, "--csv", tmp_path=tmp_path).stdout)))
    value = json.loads(command(*calls, "--json", tmp_path=tmp_path).stdout)
    assert [row["model"] for row in table] == [
        one["model"] for one in (*value["ranked"], *value["unpriced"])
    ]
    assert value["schema_version"] == 1 and value["rows"] == 200


def test_a_demand_that_is_not_written_as_one_is_refused(tmp_path: Path) -> None:
    done = command("--must", "eu", tmp_path=tmp_path)
    assert done.returncode == 2 and "region=eu" in done.stderr


def test_no_sdk_and_no_torch_is_imported(tmp_path: Path) -> None:
    script = (
        "import sys, ftkit\n"
        "ftkit.compare([{'prompt': 'a b c', 'completion': 'd'}] * 30, calls_per_month=10)\n"
        "found = {'openai', 'google.genai', 'anthropic', 'boto3', 'torch', 'transformers', 'together'} & set(sys.modules)\n"
        "assert not found, found\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
