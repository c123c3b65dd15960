"""Facts in the catalogue: each with a source and a date, each price known or None, each rate there."""

from __future__ import annotations

import pytest

from ftkit.backend import Backend, Hosting, Inference, Pricing, Training
from ftkit.testing.conformance.subject import Subject
from ftkit.testing.conformance.work import Work


def test_every_fact_has_a_source_and_a_date(backend: Backend) -> None:
    """A figure that nobody can look up is not a fact."""
    facts = {**backend.catalogue.models, **backend.catalogue.rates}
    assert [name for name, fact in facts.items() if not fact.source.strip() or not fact.as_of] == []


def test_every_price_is_known_or_none(backend: Backend) -> None:
    """USD, 0 or more, per a unit; what is not known is None, never 0 by mistake and never a negative placeholder."""
    for name, rate in backend.catalogue.rates.items():
        assert rate.usd is None or (rate.usd.is_finite() and rate.usd >= 0), name
        assert rate.unit.strip(), name


@pytest.mark.judges("bill")
def test_every_line_of_a_bill_has_its_rate(
    work: Work, backend: Backend, pricing: Pricing, training: Training
) -> None:
    """The core multiplies by the rate that a line names: it has to be in the catalogue, in the line's unit."""
    lines = pricing.bill(work.resolved(pricing, training))
    for line in lines:
        assert line.rate_key in backend.catalogue.rates, line
        assert line.unit == backend.catalogue.rates[line.rate_key].unit, line
        assert line.amount.is_finite() and line.amount >= 0, line
        assert line.label.strip(), line


@pytest.mark.judges("call_rates")
def test_the_rates_of_an_answer_are_in_the_catalogue(
    subject: Subject, backend: Backend, pricing: Pricing, inference: Inference
) -> None:
    """An answer is priced by rates of the catalogue, or free of charge."""
    rates = pricing.call_rates(inference.record(subject.base))
    if rates is not None:
        named = {rates.input, rates.output, rates.cached, rates.cache_write, rates.long_cache_write}
        assert named - {None} <= set(backend.catalogue.rates)


@pytest.mark.judges("rate_key")
def test_the_rate_of_a_deployment_is_in_the_catalogue(
    subject: Subject, backend: Backend, hosting: Hosting, inference: Inference
) -> None:
    """An hour of a deployment is priced by a rate of the catalogue."""
    rate = hosting.rate_key(inference.record(subject.dedicated or subject.base))
    assert rate is None or rate in backend.catalogue.rates
    if subject.dedicated is not None:
        assert rate is not None, f"{subject.dedicated} answers only while deployed, and has no rate"
