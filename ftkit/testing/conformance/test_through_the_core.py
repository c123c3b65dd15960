"""The backend behind the verbs: what a user does with it."""

from __future__ import annotations

import pytest

import ftkit
import ftkit.types
from ftkit.backend import Backend
from ftkit.config import Settings
from ftkit.errors import CapabilityError
from ftkit.testing.conformance.subject import Subject
from ftkit.testing.conformance.work import SYSTEM

NAME = "conformance"


@pytest.fixture(scope="session")
def rows(subject: Subject) -> ftkit.types.Dataset:
    """A small data set with one system prompt."""
    return ftkit.load(
        [
            {"prompt": f"Where is parcel {n}?", "completion": ("shipping", "billing")[n % 2]}
            for n in range(subject.rows)
        ],
        system=SYSTEM,
    )


@pytest.fixture(scope="session")
def job(
    subject: Subject, settings: Settings, backend: Backend, rows: ftkit.types.Dataset
) -> ftkit.types.Job:
    """A job that was submitted under a name."""
    if backend.training is None:
        pytest.skip(f"training: {backend.lacks.get('training')}")
    if backend.pricing is None:
        pytest.skip(f"pricing: {backend.lacks.get('pricing')}")
    return _submit(subject, rows)


@pytest.mark.judges("training", "pricing")
def test_a_quote_names_the_model_and_every_setting(
    subject: Subject, rows: ftkit.types.Dataset, settings: Settings
) -> None:
    """A plan that can be printed and carried out."""
    quote = ftkit.estimate(rows, _model(subject), hyperparameters=dict(subject.hyperparameters))
    assert quote.model.startswith(f"{subject.instance}/")
    assert quote.resolved.steps >= (quote.resolved.hyperparameters.batch_size is not None)
    assert str(quote) and quote.to_dict()["hyperparameters"]


@pytest.mark.judges("training", "pricing")
def test_the_same_work_is_one_job(
    subject: Subject, job: ftkit.types.Job, rows: ftkit.types.Dataset
) -> None:
    """The second submission attaches to the first, by the ledger and by the provider's count."""
    assert _submit(subject, rows).id == job.id
    assert ftkit.job(NAME).id == job.id
    if subject.witness is not None:
        assert subject.witness.jobs()[job.id] == 1


@pytest.mark.judges("training", "pricing")
def test_a_job_ends_in_a_handle_that_answers(subject: Subject, job: ftkit.types.Job) -> None:
    """Waited for, opened by name, deployed where it has to be, asked under the system prompt that was frozen with it."""
    job.wait(subject.timeout_s)
    assert job.status == "succeeded", job.error
    model = ftkit.model(NAME)
    assert model.tuned and model.system == SYSTEM
    assert model.id.startswith(f"{subject.instance}/")
    with model.deployed(max_cost_usd=1000, allow_unpriced=True) as there:
        reply = there.chat("Where is parcel 1?", max_tokens=4)
    assert reply.usage.input_tokens > 0
    assert [event for event in job.events()]


@pytest.mark.judges("training", "pricing", "preview")
def test_a_dry_run_shows_the_request_and_starts_nothing(
    subject: Subject, rows: ftkit.types.Dataset, settings: Settings
) -> None:
    """Nothing is written into the ledger either."""
    before = [known.id for known in ftkit.jobs()]
    shown = ftkit.submit(
        rows[1:],
        _model(subject),
        hyperparameters=dict(subject.hyperparameters),
        allow_unpriced=True,
        dry_run=True,
    )
    assert shown.request
    assert [known.id for known in ftkit.jobs()] == before


def test_what_is_lacking_is_refused_with_its_reason(
    subject: Subject, backend: Backend, rows: ftkit.types.Dataset, settings: Settings
) -> None:
    """A provider that trains nothing says so before anything else happens."""
    if backend.training is not None:
        pytest.skip("the backend trains")
    with pytest.raises(CapabilityError) as refused:
        ftkit.submit(rows, _model(subject))
    facts = backend.catalogue.model(subject.base)
    reason = None if facts is None else facts.untunable  # of a base that nobody tunes
    said = " ".join(str(refused.value).split())
    assert (reason or backend.lacks["training"]) in said


@pytest.mark.judges("inference")
def test_a_base_answers_through_a_handle(subject: Subject, settings: Settings) -> None:
    """`ftkit.model("instance/base")`, asked and streamed."""
    model = ftkit.model(_model(subject))
    reply = model.chat("Where is parcel 1?", max_tokens=4)
    assert reply.model == model.id
    stream = model.stream("Where is parcel 1?", max_tokens=4)
    assert "".join(stream) == reply.text
    assert stream.reply is not None and stream.reply.usage == reply.usage
    assert reply.cost_usd is None or reply.cost_usd >= 0


def _model(subject: Subject) -> str:
    return f"{subject.instance}/{subject.base}"


def _submit(subject: Subject, rows: ftkit.types.Dataset) -> ftkit.types.Job:
    return ftkit.submit(
        rows,
        _model(subject),
        hyperparameters=dict(subject.hyperparameters),
        name=NAME,
        max_cost_usd=1000,
        allow_unpriced=True,
    )
