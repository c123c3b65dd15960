"""Where the time of a card is charged: the cheapest card that holds the run, and a width that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

import ftkit
from ftkit.errors import CapabilityError
from ftkit.types import Quote

ROWS = [
    {"prompt": f"Where is parcel {number}?", "completion": "on its way"} for number in range(400)
]
SMALL, MIDDLE, LARGE = "modal/Qwen/Qwen3-0.6B", "modal/Qwen/Qwen3-8B", "modal/Qwen/Qwen3-32B"


@pytest.fixture(autouse=True)
def a_day(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FTKIT_NOW", "2026-11-24T12:00:00Z")
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path))


def quoted(model: str = MIDDLE, rows: int = 400, **more: object) -> Quote:
    return ftkit.estimate(ROWS[:rows], model, **more)  # type: ignore[arg-type]


def three(quote: Quote) -> tuple[float, float, float]:
    assert quote.usd is not None and quote.usd_expected is not None and quote.usd_low is not None
    return float(quote.usd_low), float(quote.usd_expected), float(quote.usd)


def test_the_card_its_processors_and_its_memory_are_lines_of_their_own() -> None:
    assert [line.label for line in quoted().lines] == ["L4", "processor cores", "GiB of memory"]
    assert quoted("replicate/Qwen/Qwen3-8B").lines[0].label == "L40S"


@pytest.mark.parametrize("model", [SMALL, MIDDLE, LARGE])
def test_the_least_the_expected_and_the_most_are_in_this_order_and_the_reason_is_told(
    model: str,
) -> None:
    quote = quoted(model)
    low, expected, high = three(quote)
    assert 0 < low < expected < high
    assert "12% to 50% of the" in str(quote) and quote.at_most


def test_a_larger_model_needs_a_larger_card_and_four_bits_a_smaller_one() -> None:
    cards = [quoted(model).lines[0].label for model in (SMALL, MIDDLE, LARGE)]
    assert cards == ["L4", "L4", "A100-80GB"]
    assert quoted(LARGE, method="qlora").lines[0].label == "L40S"


def test_what_no_card_holds_is_refused_with_what_to_take() -> None:
    with pytest.raises(CapabilityError, match="full needs about .* GiB.* B200, has 178"):
        quoted(LARGE, method="full")


def test_more_rows_or_epochs_cost_more_and_the_start_is_paid_for_once() -> None:
    _, once, _ = three(quoted(hyperparameters={"epochs": 1}))
    _, twice, _ = three(quoted(hyperparameters={"epochs": 2}))
    _, half, _ = three(quoted(rows=200, hyperparameters={"epochs": 2}))
    assert once < twice < 2 * once
    assert half == pytest.approx(once, rel=0.02)


def test_starting_a_machine_and_reading_the_weights_is_paid_for() -> None:
    """Two minutes until the trainer runs, and 16 GB of weights at half a GiB a second, before the first row."""
    hours = quoted(rows=1).lines[0].quantity
    assert float(hours) * 3600 == pytest.approx(120 + 8.19e9 * 2 / 2**30 / 0.5, rel=0.02)


def test_of_a_mixture_of_experts_the_active_weights_are_reckoned_with() -> None:
    """Hours go with the weights that a token meets, the card with all of them."""

    def quote() -> Quote:
        return quoted(MIDDLE, hyperparameters={"epochs": 10_000})

    dense = quote()
    Path("ftkit.toml").write_text(
        '[catalogue.modal.models."Qwen/Qwen3-8B"]\nactive_parameters = 819_000_000\n'
    )
    sparse = quote()
    assert sparse.lines[0].label == dense.lines[0].label
    ratio = float(sparse.lines[0].quantity / dense.lines[0].quantity)
    assert ratio == pytest.approx(0.1, rel=0.02)


def test_a_run_that_trains_all_weights_takes_half_as_long_again() -> None:
    def work(method: str) -> float:
        """Hours of the rows alone: ten thousand epochs make the start small."""
        many = quoted(SMALL, method=method, hyperparameters={"epochs": 10_000})
        return float(many.lines[0].expected or 0)

    assert work("full") / work("lora") == pytest.approx(1.5, rel=0.05)


def test_a_deployment_is_the_card_at_all_hours() -> None:
    table = ftkit.compare(ROWS, [MIDDLE], calls_per_month=1_000)
    (one,) = table.ranked
    assert one.model == f"{MIDDLE} (L4)"
    assert [line.label for line in one.monthly] == ["hosting"]
    assert float(one.monthly[0].usd or 0) == pytest.approx(730 * 0.7992)
