"""What a job at OpenAI will cost: explicit settings, ranges checked before anything is sent, tokens times epochs."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

import ftkit
from ftkit.backend import Backend, ModelRecord, Resolved
from ftkit.data.tokens import Counts
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit_openai.pricing import default_epochs
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import BASE, CREATE, MODEL, ROWS, opened, submit

pytest_plugins = ("tests.openai_fixtures",)

FOUR = ("gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini")


@pytest.fixture
def backend() -> Backend:
    return opened()


def resolve(backend: Backend, rows: int = 100, base: str = BASE, **settings: Any) -> Resolved:
    counts = Counts(rows, 50 * rows, 20 * rows, (50,) * rows)
    assert backend.pricing is not None and backend.training is not None
    return backend.pricing.resolve(
        backend.training.base(base), Method.LORA, Hyperparameters(**settings), counts
    )


# --- nothing is "auto" ---


@pytest.mark.parametrize(
    ("rows", "epochs"),
    [(10, 10), (11, 9), (20, 5), (25, 4), (33, 3), (34, 3), (8333, 3), (8334, 2), (12500, 2)]
    + [(12501, 1), (100_000, 1), (4, 25), (1, 25)],
)
def test_epochs_are_those_of_the_cookbook_where_none_are_given(rows: int, epochs: int) -> None:
    assert default_epochs(rows) == epochs


def test_every_setting_that_openai_would_decide_is_decided_before(backend: Backend) -> None:
    decided = resolve(backend, rows=1200).hyperparameters
    assert (decided.epochs, decided.batch_size, decided.seed) == (3, 3, 0)
    assert decided.learning_rate_multiplier == 1.8
    assert resolve(backend, base="gpt-4.1-mini").hyperparameters.learning_rate_multiplier == 2.0


def test_the_request_names_every_setting_and_never_auto(emulator: OpenAIEmulator) -> None:
    submit(name="my router", hyperparameters={"seed": 7})
    (sent,) = [one["json"] for one in emulator.log() if one["route"] == CREATE]
    assert sent["method"] == {
        "type": "supervised",
        "supervised": {
            "hyperparameters": {"n_epochs": 8, "batch_size": 1, "learning_rate_multiplier": 1.8}
        },
    }
    assert (sent["model"], sent["seed"], sent["suffix"]) == (BASE, 7, "my-router")
    assert "auto" not in json.dumps(sent)


def test_the_steps_are_those_that_openai_counts(emulator: OpenAIEmulator) -> None:
    job = submit(hyperparameters={"epochs": 2, "batch_size": 5}).wait(60)
    (last,) = [event for event in job.events() if event.type == "step"][-1:]
    assert last.data["steps"] == job.plan["steps"] == 6


@pytest.mark.parametrize("alias", FOUR)
def test_an_alias_is_priced_and_sent_as_the_dated_model_that_it_means_today(
    alias: str, backend: Backend
) -> None:
    assert backend.training is not None
    base = backend.training.base(alias)
    assert base.id == base.snapshot and base.id.startswith(f"{alias}-202")


# --- ranges ---


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 51), ("epochs", 0.5), ("epochs", 2.5), ("batch_size", 257)]
    + [("lora_rank", 8), ("learning_rate", 1e-4), ("beta", 0.1), ("train_on", "last")],
)
def test_a_setting_out_of_range_is_refused_by_its_name_before_anything_is_sent(
    name: str, value: object, emulator: OpenAIEmulator
) -> None:
    with pytest.raises(CapabilityError, match=name):
        submit(hyperparameters={name: value})
    assert emulator.counts()["requests"] == {}


@pytest.mark.parametrize("settings", [{"epochs": 50}, {"epochs": 1}, {"batch_size": 256}])
def test_the_ends_of_a_range_belong_to_it(settings: dict[str, int], backend: Backend) -> None:
    resolve(backend, **settings)


def test_nine_rows_are_refused_before_anything_is_sent(emulator: OpenAIEmulator) -> None:
    with pytest.raises(CapabilityError, match="at least 10 rows, these are 9"):
        submit(ROWS[:9])
    assert emulator.counts()["requests"] == {}


# --- the bill ---


@pytest.mark.parametrize(
    ("base", "usd"), [("gpt-4.1", "25"), ("gpt-4.1-mini", "5"), ("gpt-4o", "25"), (BASE, "3")]
)
def test_tokens_times_epochs_times_the_listed_price(base: str, usd: str, backend: Backend) -> None:
    assert backend.pricing is not None
    (line,) = backend.pricing.bill(resolve(backend, rows=100, base=base, epochs=4))
    assert line.amount == Decimal("0.02")
    assert backend.catalogue.rates[line.rate_key].usd == Decimal(usd)


def test_what_is_cut_off_a_long_row_is_not_charged(backend: Backend) -> None:
    assert backend.pricing is not None and backend.training is not None
    base = backend.training.base(BASE)
    counts = Counts(10, 700_000, 1, (70_000,) * 10)
    plan = backend.pricing.resolve(base, Method.LORA, Hyperparameters(epochs=1), counts)
    (line,) = backend.pricing.bill(plan)
    assert line.amount == Decimal("0.65536")


def test_how_a_long_pair_is_cut_is_not_stated_so_all_of_it_is_quoted(backend: Backend) -> None:
    assert backend.pricing is not None and backend.training is not None
    base = backend.training.base("gpt-4.1-mini")
    counts = Counts(10, 700_000, 1, (70_000,) * 10)
    plan = backend.pricing.resolve(base, Method.DPO, Hyperparameters(epochs=1), counts)
    (line,) = backend.pricing.bill(plan)
    assert line.amount == Decimal("0.7")


def test_the_quote_is_what_openai_bills(emulator: OpenAIEmulator) -> None:
    emulator.set(tokens="o200k")
    job = submit().wait(60)
    quoted = Decimal(job.plan["usd"])
    assert quoted == job.cost_usd == Decimal(emulator.counts()["training_usd"])


def test_a_tuned_model_has_a_price_of_its_own(backend: Backend) -> None:
    plain = ModelRecord("openai", BASE, BASE)
    tuned = ModelRecord("openai", f"ft:{BASE}:org::1", BASE, tuned=True)
    assert backend.pricing is not None
    found = [backend.pricing.call_rates(record) for record in (plain, tuned)]
    usd = [
        (backend.catalogue.rates[one.input].usd, backend.catalogue.rates[one.output].usd)
        for one in found
        if one is not None
    ]
    assert usd == [
        (Decimal("0.15"), Decimal("0.6")),
        (Decimal("0.3"), Decimal("1.2")),
    ]


def test_a_model_that_nobody_has_listed_has_no_known_price(backend: Backend) -> None:
    assert backend.pricing is not None
    rates = backend.pricing.call_rates(ModelRecord("openai", "gpt-6-luna", "gpt-6-luna"))
    assert rates is not None and backend.catalogue.rates[rates.input].usd is None


def test_a_budget_that_is_too_small_sends_nothing(emulator: OpenAIEmulator) -> None:
    with pytest.raises(ftkit.errors.BudgetError):
        submit(max_cost_usd="0.000001")
    assert emulator.counts()["requests"] == {}


# --- without the SDK ---

QUOTES = """
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("openai", "httpx2", "torch", "transformers"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import ftkit
rows = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(12)]
for base in sys.argv[1:]:
    print(ftkit.estimate(rows, f"openai/{base}").usd)
print(ftkit.submit(rows, "openai/gpt-4o", allow_retiring=True, dry_run=True).request["url"])
"""


def test_every_base_is_quoted_and_a_request_shown_where_the_sdk_cannot_be_imported(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FTKIT_NOW", "2026-11-24T12:00:00Z")
    bases = [name for name, one in backend.catalogue.models.items() if one.methods]
    done = subprocess.run(
        [sys.executable, "-c", QUOTES, *bases], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    *prices, url = done.stdout.split()
    assert len(prices) == 8 and all(Decimal(usd) > 0 for usd in prices)
    assert url == "https://api.openai.com/v1/fine_tuning/jobs"


def test_a_missing_package_is_named_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ftkit_openai import client, tokens

    monkeypatch.setattr(client, "find_spec", lambda name: None)
    monkeypatch.setattr(tokens, "find_spec", lambda name: None)
    tokens._encoding.cache_clear()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    backend = opened()
    for needed in (backend.scope, lambda: ftkit.estimate(ROWS, MODEL)):
        with pytest.raises(ftkit.errors.NotInstalled, match=r"pip install 'ftkit\[openai\]'"):
            needed()


def test_no_price_is_zero_by_mistake(backend: Backend) -> None:
    priced = {name: rate.usd for name, rate in backend.catalogue.rates.items()}
    assert [name for name, usd in priced.items() if usd is None] == ["unknown"]
    assert all(usd > 0 and math.isfinite(usd) for usd in priced.values() if usd is not None)
