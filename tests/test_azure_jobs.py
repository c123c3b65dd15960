"""Jobs at Azure: found by a key that lies in two places, said with a tier, refused before the upload where there is no room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.backend import JobStatus, OutcomeUnknown
from ftkit.errors import CapabilityError, LifecycleError
from ftkit.ledger import Phase
from ftkit_azure import preflight
from tests.azure_desk import (
    BASE,
    CREATE,
    LIST,
    MODEL,
    READ,
    ROWS,
    UPLOAD,
    configure,
    opened,
    sent,
    submit,
    tuned,
)
from tests.emulators.azure import AzureEmulator

pytest_plugins = ("tests.azure_fixtures",)


# --- what is sent ---


@pytest.mark.parametrize(
    ("tier", "said"),
    [
        (None, "GlobalStandard"),
        ("global", "GlobalStandard"),
        ("standard", "Standard"),
        ("standard-swedencentral", "Standard"),
        ("developer", "Developer"),
    ],
)
def test_every_create_says_its_training_type(
    tier: str | None,
    said: str,
    azure: AzureEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(tmp_path, monkeypatch, azure, tier=tier)
    assert tuned().status is JobStatus.SUCCEEDED
    assert sent(azure)["trainingType"] == said


def test_another_word_for_it_can_be_set(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, azure, training_type="developerTier")
    request = submit(dry_run=True).request  # type: ignore[attr-defined]
    assert request["json"]["trainingType"] == "developerTier"


def test_a_plan_in_another_tier_is_carried_out_in_that_tier(azure: AzureEmulator) -> None:
    """What was compared and quoted is what is bought, whatever tier the instance is set to."""
    quotes = [one.quote for one in ftkit.compare(ftkit.load(ROWS), models=[MODEL]).candidates]
    plan = next(one for one in quotes if one.resolved.tier == "developer")
    job = ftkit.submit(ROWS, plan=plan).wait(3600)
    assert sent(azure)["trainingType"] == "Developer"
    assert job.cost_usd is not None and plan.usd is not None and job.cost_usd <= plan.usd
    assert submit().id != job.id  # the same rows in the usual tier are other work


def test_the_key_lies_in_metadata_and_in_the_suffix(azure: AzureEmulator) -> None:
    job = submit(name="router")
    body = sent(azure)
    assert body["metadata"]["ftkit_key"] == job.id
    assert body["suffix"] == f"router-{job.id}"
    assert body["model"] == BASE


def test_preference_pairs_and_rows_with_tools_are_trained(azure: AzureEmulator) -> None:
    pairs = [
        {"prompt": f"where is {n}?", "chosen": f"here {n}", "rejected": "nowhere"}
        for n in range(12)
    ]
    assert submit(pairs, method="dpo").wait(60).status is JobStatus.SUCCEEDED
    body = sent(azure)
    assert body["method"]["type"] == "dpo" and body["method"]["dpo"]["hyperparameters"]["beta"]
    assert body["trainingType"] == "GlobalStandard"


# --- how it is found ---


@pytest.mark.parametrize(
    "kept",
    [
        {"keeps_metadata": True},
        {"keeps_metadata": True, "filters_metadata": True},
        {"keeps_metadata": False, "echoes_suffix": True},
        {"keeps_metadata": False, "echoes_suffix": False},  # then the tuned model's name has it
    ],
)
def test_a_job_is_found_whatever_azure_keeps_of_its_marks(
    kept: dict[str, bool], azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.set(**kept)
    azure.fault(CREATE, "close", process=True)
    job = submit()
    assert job.wait(60).status is JobStatus.SUCCEEDED
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "another"))
    assert submit().id == job.id
    assert azure.counts()["jobs"] == 1


def test_a_job_whose_marks_are_all_dropped_is_unsettled_until_its_model_has_a_name(
    azure: AzureEmulator,
) -> None:
    azure.set(keeps_metadata=False, echoes_suffix=False, run_s=3600)
    azure.fault(CREATE, "close", process=True)
    with pytest.raises(OutcomeUnknown, match="may be billed"):
        submit()
    (job,) = ftkit.jobs()
    assert job.phase is Phase.UNSETTLED
    ftkit.clock.sleep(2 * 3600)
    assert job.settle().phase is not Phase.UNSETTLED
    assert azure.counts()["jobs"] == 1


def test_an_answer_without_a_mark_is_known_by_its_rows(azure: AzureEmulator) -> None:
    """The job can be followed by its id at least."""
    azure.set(keeps_metadata=False, echoes_suffix=False, run_s=60)
    assert submit().wait(3600).status is JobStatus.SUCCEEDED


def test_a_job_is_found_on_every_page_and_the_list_is_not_filtered(
    azure: AzureEmulator,
) -> None:
    job = submit()
    azure.plant(150)
    training = opened().training
    assert training is not None
    assert [one.key for one in training.find(job.id)] == [job.id]
    asked = [one["query"] for one in azure.log() if one["route"] == LIST]
    assert len(asked) > 2 and not any("metadata" in query for query in asked)


# --- what it says of itself ---


@pytest.mark.parametrize("statuses", ["v1", "dated"])
def test_a_life_in_the_words_of_either_api(statuses: str, azure: AzureEmulator) -> None:
    azure.set(statuses=statuses, run_s=600, pausing_s=30, canceling_s=30)
    job = submit()
    ftkit.clock.sleep(120)
    assert job.status in (JobStatus.QUEUED, JobStatus.RUNNING)
    job.pause()
    assert job.status in (JobStatus.RUNNING, JobStatus.PAUSED)
    ftkit.clock.sleep(60)
    assert job.status is JobStatus.PAUSED and not job.status.final
    job.resume()
    ftkit.clock.sleep(30)
    job.cancel()
    assert not job.status.final or job.status is JobStatus.CANCELLED
    assert job.wait(3600).status is JobStatus.CANCELLED


def test_what_is_null_at_azure_is_no_error(azure: AzureEmulator) -> None:
    job = tuned()
    shown = [one for one in azure.log() if one["route"] == READ]
    assert shown and job.status is JobStatus.SUCCEEDED
    azure.fault(READ, "patch", fields={"organization_id": None, "result_files": None})
    training = opened().training
    assert training is not None
    remote = job.last_seen.remote_id
    assert training.told(remote).files[0].role == "training"  # type: ignore[attr-defined]


def test_a_tuned_model_is_named_without_ft_and_its_base_is_known(azure: AzureEmulator) -> None:
    model = tuned(name="router").model()
    assert model.record.native.startswith(f"{BASE}.ft-")
    assert (model.record.base, model.base.record.native) == (BASE, BASE)
    assert ftkit.model(model.id).record.base == BASE


def test_checkpoints_are_models_of_their_own(azure: AzureEmulator) -> None:
    job = tuned(hyperparameters={"epochs": 3})
    kept = job.checkpoints()
    assert len(kept) == 3
    for one in kept:
        record = ftkit.model(f"azure/{one.id}").record
        assert (record.tuned, record.base) == (True, BASE)


def test_the_bill_of_a_job_is_that_of_its_tier(azure: AzureEmulator) -> None:
    job = tuned()
    assert job.cost_usd is not None
    assert str(job.cost_usd) == azure.counts()["training_usd"]


# --- what is refused before anything is sent ---


def refused_early(azure: AzureEmulator, error: type[Exception], words: str, **given: Any) -> None:
    with pytest.raises(error, match=words):
        submit(**given)
    requests = azure.counts()["requests"]
    assert (requests.get(UPLOAD, 0), requests.get(CREATE, 0)) == (0, 0)


def test_a_base_that_is_not_trained_any_more_is_refused_by_azures_own_date(
    azure: AzureEmulator,
) -> None:
    azure.shift(BASE, closed_from="2026-11-01")
    refused_early(azure, LifecycleError, r"trains no gpt-4\.1-mini.*2026-11-01")


def test_a_full_queue_is_told_before_the_upload(
    azure: AzureEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (preflight.MOST_QUEUED, preflight.MOST_JOBS) == (20, 100)
    monkeypatch.setattr(preflight, "MOST_QUEUED", 2)
    azure.set(run_s=36_000)
    for seed in range(5):  # three run, two wait
        submit(hyperparameters={"seed": seed})
    before = azure.counts()["requests"][CREATE]
    with pytest.raises(CapabilityError, match="2 jobs wait"):
        submit(hyperparameters={"seed": 99})
    assert azure.counts()["requests"][CREATE] == before


def test_a_hundred_jobs_are_all_that_a_resource_keeps(azure: AzureEmulator) -> None:
    azure.plant(100)
    refused_early(azure, CapabilityError, "keeps 100 jobs.*ended ones too")


@pytest.mark.parametrize(
    "native", ["gpt-4.1-mini-2025-04-14.ft-1", "gpt-41-mini", "o4-mini-2025-04-16"]
)
def test_what_cannot_be_a_base_is_refused_by_name(native: str, azure: AzureEmulator) -> None:
    with pytest.raises(ftkit.errors.FtkitError, match="gpt-4.1-mini|reinforcement"):
        submit(model=f"azure/{native}")
    assert azure.counts()["requests"] == {}
