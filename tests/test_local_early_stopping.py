"""Held-out rows decide which weights are published and, where that is asked for, when a run ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

import ftkit
from ftkit.backend import JobStatus, Refused
from ftkit.errors import CapabilityError, ConfigError
from ftkit.hyperparameters import Method, parse_hyperparameters
from ftkit_local import sizing
from ftkit_local.trainer import loop
from ftkit_local.trainer.__main__ import main
from tests import prepared_runs
from tests.local_runs import Home, conversation

base_folder, here, prepared = prepared_runs.base_folder, prepared_runs.here, prepared_runs.prepared
torch_as_before = prepared_runs.torch_as_before

HELD_OUT = [conversation(number) for number in (20, 21, 22)]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has validations find these losses; gives back the trained weights as they were at each."""

    def plan(*losses: float) -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        coming: Iterator[float] = iter(losses)

        def mean_loss(model: Any, rows: Any, work: Any) -> float:
            seen.append(
                {
                    name.replace(".default", ""): value.detach().clone()
                    for name, value in model.named_parameters()
                    if value.requires_grad
                }
            )
            return next(coming)

        monkeypatch.setattr(loop, "mean_loss", mean_loss)
        return seen

    return plan


def published(run: Any) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(Path(run.published()) / "adapter_model.safetensors"))


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) for name in one)


def test_the_weights_of_the_best_validation_are_published_and_named(
    prepared: Any, judged: Any
) -> None:
    seen = judged(3.0, 1.0, 2.0, 4.0)
    run = prepared(epochs=4, validation=HELD_OUT)
    assert main([str(run.path)]) == 0

    assert same(published(run), seen[1]) and not same(published(run), seen[3])
    facts = json.loads((run.published() / "ftkit.json").read_text())
    assert (facts["best_step"], facts["steps"], facts["losses"]["validation"]) == (6, 12, 1.0)
    finished = list(run.events())[-1]
    assert (finished.data["best_step"], finished.data["validation_loss"]) == (6, 1.0)
    assert "the weights behind step 6, the best on the held-out rows" in finished.message
    assert finished.data["stopped_early"] is None  # patience was not asked for


def test_equal_validations_keep_the_earlier_weights(prepared: Any, judged: Any) -> None:
    seen = judged(1.0, 1.0)
    run = prepared(epochs=2, validation=HELD_OUT)
    assert main([str(run.path)]) == 0
    assert same(published(run), seen[0])


def test_a_run_ends_after_so_many_validations_without_a_better_one(
    prepared: Any, judged: Any
) -> None:
    seen = judged(3.0, 2.0, 2.5, 1.5, 1.6, 1.7, 1.0)
    run = prepared(epochs=7, validation=HELD_OUT, early_stopping_patience=2)
    assert main([str(run.path)]) == 0

    assert run.state().status is JobStatus.SUCCEEDED
    finished = list(run.events())[-1].data
    assert len(seen) == 6 and finished["steps"] == 18  # one without a better one ended nothing
    assert finished["stopped_early"] == (
        "no better validation since step 12, early_stopping_patience 2 was reached after step 18"
    )
    assert finished["best_step"] == 12 and same(published(run), seen[3])


def test_without_validation_rows_the_last_weights_are_published(prepared: Any) -> None:
    run = prepared()
    assert main([str(run.path)]) == 0
    assert json.loads((run.published() / "ftkit.json").read_text())["best_step"] is None
    assert list(run.events())[-1].data["best_step"] is None


def test_the_best_of_full_tuning_is_published_too(prepared: Any, judged: Any) -> None:
    from transformers import AutoModelForCausalLM

    seen = judged(1.0, 2.0)
    run = prepared(method=Method.FULL, epochs=2, validation=HELD_OUT)
    assert main([str(run.path)]) == 0
    model = AutoModelForCausalLM.from_pretrained(run.published(), dtype=torch.float32)
    assert same(dict(model.named_parameters()), seen[0])


def test_patience_without_validation_rows_is_refused(here: Home, base_folder: Path) -> None:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"{n}?"},
                {"role": "assistant", "content": "yes"},
            ]
        }
        for n in range(12)
    ]
    settings = {"early_stopping_patience": 1}
    model = f"local/{base_folder}"
    with pytest.raises(CapabilityError, match="early_stopping_patience watches validation rows"):
        ftkit.estimate(rows, model, hyperparameters=settings)
    quote = ftkit.estimate(rows, model, hyperparameters=settings, validation=rows[:2])
    assert quote.resolved.hyperparameters.early_stopping_patience == 1
    with pytest.raises(Refused, match="early_stopping_patience"):
        here.training.submit(here.request("ftkblind", early_stopping_patience=1))
    with pytest.raises(ConfigError, match="early_stopping_patience = 0"):
        parse_hyperparameters({"early_stopping_patience": 0}, "arguments")


@pytest.mark.parametrize("model", ["openai/gpt-4.1-mini", "together/Qwen/Qwen3-8B"])
def test_a_provider_that_has_no_such_setting_refuses_it_by_name(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTKIT_NOW", "2026-11-27T12:00:00Z")
    row = {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}
    with pytest.raises(CapabilityError, match="cannot honour early_stopping_patience"):
        ftkit.estimate([row] * 12, model, hyperparameters={"early_stopping_patience": 1})


def test_the_kept_copy_is_counted(here: Home) -> None:
    plain = here.resolve([conversation(0)], Method.FULL).forecast
    kept = here.resolve([conversation(0)], Method.FULL, early_stopping_patience=1).forecast
    assert plain is not None and kept is not None
    assert kept.memory_needed - plain.memory_needed == 4 * plain.parameters
    assert sizing.Load.__dataclass_fields__["keeps_best"].default is False
