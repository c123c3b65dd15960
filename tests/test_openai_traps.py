"""Traps of OpenAI's API, each with the test that springs it; those that no other file tests are tested here.

A trap is something that looks right, works on the first day, and costs money or a job on another one.
"""

from __future__ import annotations

import logging
from importlib import import_module

import pytest

import ftkit
from ftkit.backend import JobStatus
from ftkit.errors import CapabilityError, TrainingError
from tests.at_terminal import as_json
from tests.at_terminal import ftkit as command
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import CREATE, READ, submit, tuned

pytest_plugins = ("tests.openai_fixtures",)

# what the trap is: the tests that show that it is not stepped into
SPRUNG_BY = {
    "tiktoken takes cl100k_base for ft:gpt-4.1 names": (
        "test_openai_tokens.test_the_trap_is_still_there",
        "test_openai_tokens.test_a_tuned_model_has_the_vocabulary_of_its_base",
    ),
    "a healthy job has an error, all of whose fields are null": (
        "test_openai_jobs.test_an_error_whose_fields_are_all_null_is_none",
        "test_openai_jobs.test_only_an_error_that_says_something_is_one",
    ),
    "epochs of 'auto' cannot be quoted": (
        "test_openai_pricing.test_the_request_names_every_setting_and_never_auto",
        "test_openai_pricing.test_every_setting_that_openai_would_decide_is_decided_before",
    ),
    "512 MB may mean two numbers, and above it files go in parts": (
        "test_openai_files.test_the_limits_are_those_that_openai_states",
        "test_openai_files.test_a_file_of_the_limit_goes_at_once_and_one_byte_more_in_parts",
    ),
    "a result file comes as CSV or as base64 of it": (
        "test_rescue_openai.test_results_in_base64_are_kept_as_the_csv_that_they_are",
        "test_rescue_openai.test_a_metrics_file_that_is_no_csv_is_not_taken_for_one",
    ),
    "403 is said after the upload, and the file stays": (
        "test_openai_files.test_an_organisation_that_is_shut_out_learns_it_after_the_upload_and_what_to_do",
        "test_openai_failures.test_a_refusal_says_what_to_do_and_the_command_that_deletes_what_lies_there",
    ),
    "metadata has 16 pairs, keys of 64 and values of 512 characters": (
        "test_openai_traps.test_our_metadata_fits_whatever_the_job_is_called",
    ),
    "a suffix has 1 to 64 characters": (
        "test_openai_traps.test_a_name_of_any_length_and_script_is_accepted",
    ),
    "a seed is 0 to 2,147,483,647": (
        "test_openai_traps.test_a_seed_that_openai_would_refuse_is_refused_here",
        "test_openai_traps.test_the_ends_of_the_range_of_seeds_are_accepted",
    ),
    "the model has no name before the job has succeeded": (
        "test_openai_traps.test_a_model_that_is_asked_for_too_early_says_what_the_job_does",
        "test_openai_loading.test_a_model_that_still_loads_is_waited_for",
    ),
    "trained_tokens can be others than were counted": (
        "test_openai_pricing.test_the_quote_is_what_openai_bills",
        "test_openai_traps.test_a_bill_over_the_quote_is_told",
        "test_openai_traps.test_a_bill_under_the_quote_stands_in_the_history",
    ),
    "one code means a bad row, a special token and moderation": (
        "test_openai_failures.test_one_code_of_openai_means_many_things",
    ),
    "a job can be paused, and no list of statuses says so": (
        "test_openai_jobs.test_a_status_is_kept_as_it_was_said",
        "test_openai_checkpoints.test_a_job_pauses_and_goes_on",
    ),
}


@pytest.mark.parametrize("trap", SPRUNG_BY)
def test_the_tests_of_a_trap_are_there(trap: str) -> None:
    for name in SPRUNG_BY[trap]:
        module, _, test = name.partition(".")
        assert callable(getattr(import_module(f"tests.{module}"), test, None)), name


def sent(emulator: OpenAIEmulator) -> dict[str, object]:
    """The body of the last create."""
    found: dict[str, object] = [one["json"] for one in emulator.log() if one["route"] == CREATE][-1]
    return found


# --- what the create may hold ---


@pytest.mark.parametrize("name", ["a", "x" * 5000, "\N{SNOWMAN}" * 700, "a b/c\n" * 30])
def test_our_metadata_fits_whatever_the_job_is_called(name: str, emulator: OpenAIEmulator) -> None:
    job = submit(name=name)
    marks = sent(emulator)["metadata"]
    assert marks == {"ftkit_key": job.id}
    assert len(job.id) <= 18


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a", "a"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 64),
        ("Router für Tickets", "Router-f-r-Tickets"),
        ("\N{SNOWMAN}" * 100, "-"),
        (None, None),
    ],
)
def test_a_name_of_any_length_and_script_is_accepted(
    name: str | None, suffix: str | None, emulator: OpenAIEmulator
) -> None:
    job = submit(name=name).wait(60)
    assert sent(emulator).get("suffix") == suffix
    assert job.status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_that_openai_would_refuse_is_refused_here(
    seed: int, emulator: OpenAIEmulator
) -> None:
    with pytest.raises((CapabilityError, ftkit.errors.ConfigError), match="seed"):
        submit(hyperparameters={"seed": seed})
    assert emulator.counts()["requests"] == {}


@pytest.mark.parametrize("seed", [0, 2**31 - 1])
def test_the_ends_of_the_range_of_seeds_are_accepted(seed: int, emulator: OpenAIEmulator) -> None:
    assert submit(hyperparameters={"seed": seed}).wait(60).status is JobStatus.SUCCEEDED
    assert sent(emulator)["seed"] == seed


# --- what comes of it ---


def test_a_model_that_is_asked_for_too_early_says_what_the_job_does(
    emulator: OpenAIEmulator,
) -> None:
    emulator.set(run_s=600.0)
    job = submit()
    with pytest.raises(TrainingError, match=f"job {job.id} has no model: running"):
        job.model()
    assert job.wait(3600).model().chat("question 1").text == "answer 1"


def test_a_bill_over_the_quote_is_told(
    emulator: OpenAIEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.set(run_s=600.0)
    job = submit()
    emulator.fault(READ, "patch", fields={"trained_tokens": 5_000_000, "status": "succeeded"})
    with caplog.at_level(logging.WARNING, "ftkit"):
        assert job.status is JobStatus.SUCCEEDED
    assert f"job {job.id} cost 15 USD, more than the" in caplog.text
    (line,) = [one for one in job.history() if one.what == "billed otherwise"]
    assert line.usd == 15 and "USD were quoted" in line.detail


def test_a_bill_under_the_quote_stands_in_the_history(
    emulator: OpenAIEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The emulator counts words, which are fewer than tokens."""
    with caplog.at_level(logging.WARNING, "ftkit"):
        job = tuned()
    assert "more than the" not in caplog.text
    assert "billed otherwise" in [one.what for one in job.history()]
    shown = as_json("job", "show", job.id)
    assert float(shown["cost_usd"]) < float(shown["quoted_usd"])
    assert f"{shown['quoted_usd']} USD were quoted" in command("job", "show", job.id)
