"""Deciding the settings of a run: everything is decided, nothing is ignored, and what was decided stays so."""

from __future__ import annotations

from typing import Any

import pytest

from ftkit.backend import Backend, Pricing, Training
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.testing.conformance.subject import Subject
from ftkit.testing.conformance.work import Work

SAMPLES: dict[str, Any] = {
    "epochs": 2.0,
    "max_steps": 2,
    "max_time_s": 60.0,
    "learning_rate": 1e-4,
    "learning_rate_multiplier": 2.0,
    "schedule": "cosine",
    "warmup_ratio": 0.1,
    "batch_size": 4,
    "lora_rank": 8,
    "lora_alpha": 16.0,
    "target_modules": "all-linear",
    "train_on": "last",
    "max_length": 128,
    "beta": 0.1,
    "early_stopping_patience": 2,
    "precision": "fp32",
    "seed": 7,
}
_ADAPTERS = frozenset((Method.LORA, Method.QLORA))
_OF_METHOD = {
    "beta": frozenset((Method.DPO,)),
    "lora_rank": _ADAPTERS,
    "lora_alpha": _ADAPTERS,
    "target_modules": _ADAPTERS,
}


def test_there_is_a_sample_of_every_hyperparameter() -> None:
    """The suite itself must not fall behind the contract."""
    assert set(SAMPLES) == set(Hyperparameters.model_fields)


@pytest.mark.judges("resolve")
def test_a_run_can_be_priced_without_network_and_key(
    work: Work, pricing: Pricing, training: Training, blocked_network: None
) -> None:
    """Pricing is local: comparing providers needs no account with any of them."""
    assert pricing.bill(work.resolved(pricing, training)) is not None


@pytest.mark.judges("resolve")
def test_nothing_is_left_open(
    work: Work, subject: Subject, backend: Backend, pricing: Pricing, training: Training
) -> None:
    """No setting is "auto"; how long the run is, and every setting that the catalogue lists, is a value.

    Steps are 0 where the provider keeps the size of a batch to itself.
    """
    resolved = work.resolved(pricing, training)
    decided = resolved.hyperparameters.given()
    assert "auto" not in decided.values()
    assert resolved.steps >= ("batch_size" in decided)
    assert "epochs" in decided or "max_steps" in decided
    facts = backend.catalogue.model(subject.base)
    listed = {} if facts is None else facts.hyperparameters
    applying = {
        name for name in listed if resolved.method in _OF_METHOD.get(name, frozenset(Method))
    }
    assert sorted(applying - set(decided)) == []


@pytest.mark.judges("resolve")
def test_the_same_question_has_the_same_answer(
    work: Work, pricing: Pricing, training: Training
) -> None:
    """Two machines must arrive at the same job."""
    first, second = work.resolved(pricing, training), work.resolved(pricing, training)
    assert (first.hyperparameters, first.steps) == (second.hyperparameters, second.steps)


@pytest.mark.judges("resolve")
def test_resolving_what_is_resolved_changes_nothing(
    work: Work, pricing: Pricing, training: Training
) -> None:
    """What was decided can be passed in again, as every other setting of a run."""
    first = work.resolved(pricing, training)
    again = pricing.resolve(first.base, first.method, first.hyperparameters, first.counts)
    assert (again.hyperparameters, again.steps) == (first.hyperparameters, first.steps)


@pytest.mark.judges("resolve")
@pytest.mark.parametrize("name", SAMPLES)
def test_a_setting_is_honoured_or_refused_by_name(
    name: str, work: Work, pricing: Pricing, training: Training
) -> None:
    """A setting that the provider cannot honour is a CapabilityError that names it; it is never dropped or changed."""
    base = training.base(work.subject.base)
    counts = work.counts(training, base)
    wanted = Hyperparameters(**{name: SAMPLES[name]})
    try:
        resolved = pricing.resolve(base, Method.LORA, wanted, counts)
    except CapabilityError as error:
        assert name in str(error), f"the refusal does not name {name}: {error}"
    else:
        assert getattr(resolved.hyperparameters, name) == SAMPLES[name]


@pytest.mark.parametrize(
    "method", [pytest.param(m, marks=pytest.mark.judges(str(m))) for m in Method]
)
def test_a_method_that_is_not_declared_missing_can_be_planned(
    method: Method, work: Work, backend: Backend, pricing: Pricing, training: Training
) -> None:
    """A method stands in `lacks`, or is left out of the model's `methods`, or works."""
    base = work.base_for(method)
    facts = backend.catalogue.model(base)
    if facts is not None and facts.methods is not None and method not in facts.methods:
        pytest.skip(f"{base} takes only {', '.join(facts.methods) or 'no training'}")
    assert work.resolved(pricing, training, method).method is method
