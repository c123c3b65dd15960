"""Deployments: started once, found by their key, seen while they cost money, stopped for good."""

from __future__ import annotations

from datetime import datetime

import pytest

from ftkit.backend import Hosting, Inference
from ftkit.errors import NotDeployed
from ftkit.testing.conformance.subject import Subject
from ftkit.testing.conformance.work import Work, question


@pytest.mark.judges("start", "hosting.find", "stop", "running")
def test_a_deployment_runs_until_it_is_stopped(
    work: Work, subject: Subject, hosting: Hosting, inference: Inference
) -> None:
    """What costs money is listed with its price and its beginning; stopping a stopped one is fine."""
    record = inference.record(subject.dedicated or subject.base)
    key = work.key("deployed")
    assert hosting.find(key) == []
    made = hosting.start(record, key)
    try:
        found = work.listed(hosting.listing_lag_s, lambda: hosting.find(key))
        assert [each.id for each in found] == [made.id]
        running = {each.id: each for each in hosting.running()}[made.id]
        assert running.model == record.native
        assert running.key in (None, key)
        assert running.usd_per_hour is None or running.usd_per_hour >= 0
        assert datetime.fromisoformat(running.since).tzinfo is not None
        assert running.until is None or datetime.fromisoformat(running.until).tzinfo is not None
        if subject.witness is not None:
            assert subject.witness.deployments()[key] == 1
    finally:
        hosting.stop(made.id)
    hosting.stop(made.id)
    assert hosting.find(key) == []
    assert made.id not in [each.id for each in hosting.running()]


@pytest.mark.judges("start", "chat")
def test_a_model_that_needs_a_deployment_answers_only_with_one(
    work: Work, subject: Subject, hosting: Hosting, inference: Inference
) -> None:
    """NotDeployed before and after; nothing is deployed because somebody asked."""
    if subject.dedicated is None:
        pytest.skip("the subject names no model that needs a deployment")
    record = inference.record(subject.dedicated)
    with pytest.raises(NotDeployed):
        inference.chat(record, question())
    made = hosting.start(record, work.key("answering"))
    try:
        assert inference.chat(record, question()).text
    finally:
        hosting.stop(made.id)
    with pytest.raises(NotDeployed):
        inference.chat(record, question())
