"""Traps of Azure's two planes, each with the test that springs it; those that no other file tests are tested here.

A trap is something that looks right, works on the first day, and costs money or a job on another one.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import clock
from ftkit.backend import Refused, Unavailable
from ftkit.errors import AuthError, ConfigError, NotDeployed
from ftkit_azure import AzureSettings
from ftkit_azure.client import AzureClient
from ftkit_azure.training import AzureTraining
from tests.azure_desk import CREATE, PUT, configure, opened, sent, served, submit, tuned
from tests.emulators.azure import AzureEmulator

pytest_plugins = ("tests.azure_fixtures",)

# what the trap is: the tests that show that it is not stepped into
SPRUNG_BY = {
    "trainingType left out gives 'base model does not support fine-tuning'": (
        "test_azure_jobs.test_every_create_says_its_training_type",
        "test_azure_traps.test_a_create_without_its_training_type_is_seen_to_be_refused",
    ),
    "whether metadata is kept or filtered is not verified": (
        "test_azure_jobs.test_a_job_is_found_whatever_azure_keeps_of_its_marks",
        "test_azure_jobs.test_a_job_is_found_on_every_page_and_the_list_is_not_filtered",
    ),
    "a suffix has 40 characters and no dots": (
        "test_azure_wire.test_a_suffix_is_short_without_dots_and_ends_in_the_key",
        "test_azure_traps.test_a_name_of_any_length_and_script_is_accepted",
    ),
    "a tuned model has no ft: prefix": (
        "test_azure_jobs.test_a_tuned_model_is_named_without_ft_and_its_base_is_known",
    ),
    "two APIs have two sets of states": (
        "test_azure_jobs.test_a_life_in_the_words_of_either_api",
        "test_azure_wire.test_each_word_of_both_apis_is_a_status",
    ),
    "organization_id and result_files may be null": (
        "test_azure_jobs.test_what_is_null_at_azure_is_no_error",
    ),
    "a file is pending after its upload": (
        "test_azure_files.test_a_file_is_waited_for_until_azure_has_taken_it_in",
        "test_azure_files.test_a_file_that_azure_does_not_take_in_is_told_and_no_job_is_made",
    ),
    "files want a byte order mark, by the documentation": (
        "test_azure_files.test_a_file_arrives_whole_with_its_mark_in_one_request_or_in_parts",
        "test_azure_files.test_the_mark_stays_behind_when_rows_come_home",
    ),
    "a plain upload above 150 MB fails later inside the job": (
        "test_azure_files.test_the_limits_are_those_that_azure_states",
        "test_azure_files.test_a_file_arrives_whole_with_its_mark_in_one_request_or_in_parts",
    ),
    "the uploads API is 404 on a project's route": (
        "test_azure_files.test_a_projects_route_has_no_uploads_so_that_a_file_goes_whole_or_not_at_all",
    ),
    "1 GB and 100 files in all": (
        "test_azure_files.test_a_gigabyte_is_all_that_a_resource_holds",
        "test_azure_files.test_a_hundred_files_are_all_that_a_resource_holds",
    ),
    "20 jobs wait, 100 are kept": (
        "test_azure_jobs.test_a_full_queue_is_told_before_the_upload",
        "test_azure_jobs.test_a_hundred_jobs_are_all_that_a_resource_keeps",
    ),
    "the dates moved twice in a year": (
        "test_azure_jobs.test_a_base_that_is_not_trained_any_more_is_refused_by_azures_own_date",
    ),
    "tokens times epochs have an end": (
        "test_azure_pricing.test_more_than_two_billion_tokens_times_epochs_are_refused",
    ),
    "a wrong model.format is HTTP 500": (
        "test_azure_wire.test_a_model_has_the_control_planes_format_name_and_version",
        "test_azure_hosting.test_an_open_model_has_the_format_of_its_publisher",
        "test_azure_traps.test_a_wrong_format_is_seen_to_be_a_server_error",
    ),
    "ARM says Succeeded before the deployment answers": (
        "test_azure_hosting.test_every_way_to_ask_waits_for_a_new_deployment",
        "test_azure_hosting.test_a_deployment_that_succeeded_and_never_gets_ready_is_told_with_what_to_do",
    ),
    "the model of a question is the name of a deployment": (
        "test_azure_hosting.test_a_deployment_that_somebody_made_is_found_by_its_model",
        "test_azure_hosting.test_settings_name_a_deployment_and_then_nothing_is_started",
    ),
    "a deployment costs by the hour, asked or not": (
        "test_azure_hosting.test_the_hour_is_budgeted_before_anything_starts",
        "test_azure_hosting.test_what_was_forgotten_is_listed_with_its_cost_and_stopped",
    ),
    "a developer deployment is gone after 24 hours": (
        "test_azure_hosting.test_a_developer_deployment_is_gone_after_a_day",
        "test_azure_hosting.test_each_deployment_is_listed_with_its_price",
    ),
    "an idle deployment is deleted after 15 days": (
        "test_azure_traps.test_a_deployment_that_azure_removed_for_being_idle_is_told_and_started_anew",
    ),
    "capacity 1 is one request a minute": (
        "test_azure_traps.test_the_capacity_of_a_deployment_is_enough_for_an_evaluation",
        "test_azure_traps.test_a_deployment_that_is_too_small_is_waited_for_within_the_timeout",
    ),
    "quota of a deleted deployment is free seconds later": (
        "test_azure_traps.test_a_deployment_right_after_another_is_refused_with_the_reason",
    ),
    "cancelling a training does not stop a deployment": (
        "test_azure_traps.test_cancelling_a_job_leaves_deployments_alone_and_they_are_listed",
    ),
    "an address with an api-version is 400 on v1": (
        "test_azure_traps.test_an_address_that_is_not_of_v1_is_refused_by_name",
    ),
    "a job runs on another resource and is invisible": (
        "test_azure_traps.test_another_resource_is_another_account",
    ),
    "the token of one plane is none for the other": (
        "test_azure_secrets.test_both_planes_take_a_token_that_is_fetched_and_it_is_kept_by_nobody_of_ours",
    ),
}


@pytest.mark.parametrize("trap", SPRUNG_BY)
def test_the_tests_of_a_trap_are_there(trap: str) -> None:
    for name in SPRUNG_BY[trap]:
        module, _, test = name.partition(".")
        assert callable(getattr(import_module(f"tests.{module}"), test, None)), name


# --- jobs ---


def test_a_create_without_its_training_type_is_seen_to_be_refused(
    azure: AzureEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = AzureTraining._body

    def without(self: AzureTraining, request: Any) -> dict[str, Any]:
        body = whole(self, request)
        del body["trainingType"]
        return body

    monkeypatch.setattr(AzureTraining, "_body", without)
    with pytest.raises(Refused, match="(?i)does not support fine-?tuning"):
        submit()
    assert azure.counts()["jobs"] == 0


@pytest.mark.parametrize("name", ["a", "x" * 64, "Router für Tickets", "v1.2.3", None])
def test_a_name_of_any_length_and_script_is_accepted(
    name: str | None, azure: AzureEmulator
) -> None:
    job = submit(name=name).wait(60)
    assert str(sent(azure)["suffix"]).endswith(job.id)
    assert job.model().record.native.endswith(job.id)


def test_cancelling_a_job_leaves_deployments_alone_and_they_are_listed(
    azure: AzureEmulator,
) -> None:
    model = tuned().model()
    azure.set(run_s=3600)
    with served(model):
        submit(hyperparameters={"seed": 1}).cancel()
        assert len(ftkit.hosting("azure")) == 1


# --- deployments ---


def test_a_wrong_format_is_seen_to_be_a_server_error(
    azure: AzureEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tuned().model()
    monkeypatch.setattr("ftkit_azure.tiers._FORMATS", (("gpt-", "openai"),))
    with pytest.raises(ftkit.errors.OutcomeUnknown, match="500"), served(model):
        pass
    assert azure.counts()["deployments"] == 0


def test_a_deployment_that_azure_removed_for_being_idle_is_told_and_started_anew(
    azure: AzureEmulator,
) -> None:
    model = tuned().model()
    with served(model):
        clock.sleep(16 * 24 * 3600)
        with pytest.raises(NotDeployed):
            model.chat("question 1")
        assert [one.status for one in ftkit.hosting("azure")] == ["unlisted"]
    with served(model) as there:
        assert there.chat("question 1").text
    assert azure.counts()["deployments"] == 2


def test_the_capacity_of_a_deployment_is_enough_for_an_evaluation(azure: AzureEmulator) -> None:
    assert AzureSettings().capacity == 100
    with served(tuned().model()) as there:
        replies = there.map([f"question {n}" for n in range(30)])
    assert [one.text for one in replies] == [f"answer {n}" for n in range(12)] + [
        one.text for one in replies[12:]
    ]
    assert sent(azure, PUT)["sku"]["capacity"] == 100


def test_a_deployment_that_is_too_small_is_waited_for_within_the_timeout(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, azure, capacity=1)
    with served(tuned().model()) as there:
        before = clock.now()
        assert there.chat("question 1").text and there.chat("question 2").text
        assert (clock.now() - before).total_seconds() > 10
        with pytest.raises(Unavailable, match="429"):
            there.chat("question 3", timeout_s=1)


def test_a_deployment_right_after_another_is_refused_with_the_reason(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.set(capacity_quota=100)
    model = tuned().model()
    with served(model):
        pass
    with pytest.raises(Refused, match="free after some 20 seconds"), served(model):
        pass
    clock.sleep(20)
    with served(model) as there:
        assert there.chat("question 1").text


# --- addresses ---


@pytest.mark.parametrize(
    "given",
    [
        {"base_url": "https://acme.openai.azure.com/openai/deployments/mini"},
        {"base_url": "https://acme.openai.azure.com"},
        {"endpoint": "https://acme.openai.azure.com/openai/v1?api-version=2025-04-01-preview"},
    ],
)
def test_an_address_that_is_not_of_v1_is_refused_by_name(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="v1|query"):
        _ = AzureClient(AzureSettings.model_validate(given)).address


def test_without_an_address_it_is_said_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AuthError, match="AZURE_OPENAI_ENDPOINT is not set"):
        opened().scope()


def test_another_resource_is_another_account() -> None:
    """What one of them trains is not looked for at the other."""
    scopes = {
        AzureClient(AzureSettings(endpoint=f"https://{where}")).scope()
        for where in (
            "acme.openai.azure.com",
            "ACME.openai.azure.com/",
            "other.openai.azure.com",
            "acme.services.ai.azure.com/api/projects/one",
            "gateway.example.com:8443",
        )
    }
    assert scopes == {
        "azure|acme|-",
        "azure|other|-",
        "azure|acme|one",
        "azure|gateway.example.com:8443|-",
    }
    assert CREATE.endswith("/openai/v1/fine_tuning/jobs")
