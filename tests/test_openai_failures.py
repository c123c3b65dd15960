"""Each way in which OpenAI says no or gives up: what it was, which row, what to do now, and what lies there."""

from __future__ import annotations

import pytest

import ftkit
from ftkit.backend import JobStatus, Refused
from ftkit.errors import LifecycleError, TrainingError
from ftkit_openai import failures, wire
from tests.at_terminal import ftkit as command
from tests.emulators.openai import OpenAIEmulator
from tests.emulators.openai.driving import ask, connect, create, rows, upload
from tests.openai_desk import CREATE, ROWS, UPLOAD, submit

pytest_plugins = ("tests.openai_fixtures",)


def lies_there(emulator: OpenAIEmulator) -> list[str]:
    """Ids of the files that OpenAI has for us."""
    found = ask(emulator, "GET", "/v1/files").json["data"]
    return [one["id"] for one in found if one["purpose"] == "fine-tune"]


# --- refused at the create, after the upload ---


@pytest.mark.parametrize(
    ("code", "words", "error"),
    [
        ("training_not_available", "tune at another provider", LifecycleError),
        ("insufficient_quota", "no credit left; add some on OpenAI's billing page", Refused),
        ("daily_rate_limit_exceeded", "used up for this base; submit again tomorrow", Refused),
        ("rate_limit_exceeded", "wait for one of the running jobs to end", Refused),
        ("slow_down", "submit again in a few minutes", Refused),
    ],
)
def test_a_refusal_says_what_to_do_and_the_command_that_deletes_what_lies_there(
    code: str, words: str, error: type[Exception], emulator: OpenAIEmulator
) -> None:
    emulator.refuse(CREATE, code)
    with pytest.raises(error, match=words) as refused:
        submit()
    (file,), (job,) = lies_there(emulator), ftkit.jobs()
    said = f"the file {file} stays at OpenAI and would be used again; "
    assert f"{said}`ftkit job delete-files {job.id}` deletes it" in str(refused.value)
    assert f"{file} " in command("job", "delete-files", job.id)
    assert lies_there(emulator) == [] and job.files() == []


def test_after_the_deletion_the_same_call_sends_the_file_again(emulator: OpenAIEmulator) -> None:
    emulator.refuse(CREATE, "daily_rate_limit_exceeded")
    with pytest.raises(Refused):
        submit()
    ftkit.jobs()[0].delete_files()
    assert submit().wait(60).status is JobStatus.SUCCEEDED
    assert emulator.counts()["requests"][UPLOAD] == 2


def test_an_empty_account_that_refuses_the_upload_leaves_nothing(emulator: OpenAIEmulator) -> None:
    emulator.refuse(UPLOAD, "insufficient_quota")
    with pytest.raises(Refused, match="no credit left"):
        submit()
    assert lies_there(emulator) == [] and ftkit.jobs()[0].files() == []


# --- failed after it was created ---


def failed(emulator: OpenAIEmulator) -> tuple[ftkit.types.Job, str]:
    """A job that has failed, and what is said about it."""
    job = submit().wait(3600)
    assert job.status is JobStatus.FAILED
    with pytest.raises(TrainingError) as told:
        job.model()
    (file,) = lies_there(emulator)
    assert f"the file {file} stays at openai, and `ftkit job delete-files {job.id}`" in str(
        told.value
    )
    return job, str(told.value)


def test_a_quota_that_ends_a_job_is_raised_and_not_waited_for(emulator: OpenAIEmulator) -> None:
    emulator.set(quota="exceeded")
    job, said = failed(emulator)
    assert "exceeded_quota: " in said and "raise it on OpenAI's billing page" in said
    assert len(job.delete_files()) == 1 and lies_there(emulator) == []


def test_a_file_that_moderation_blocks_names_no_row_and_says_so(emulator: OpenAIEmulator) -> None:
    emulator.set(moderation="file")
    _, said = failed(emulator)
    assert "OpenAI's moderation blocked the training rows as a whole and names none" in said
    assert "holds" not in said


def test_a_model_that_moderation_blocks_names_the_categories_in_its_events(
    emulator: OpenAIEmulator,
) -> None:
    emulator.set(moderation="model")
    job, said = failed(emulator)
    assert "did not pass the checks" in said and "events of the job name the categories" in said
    (check,) = [one for one in job.events() if one.type == "moderation_checks"]
    assert check.message.endswith("What failed: hate. The model cannot be used.")
    assert "What failed: hate" in command("job", "events", job.id)


def test_a_model_that_passes_says_nothing_more(emulator: OpenAIEmulator) -> None:
    emulator.set(moderation_events=True)
    events = submit().wait(60).events()
    (check,) = [one for one in events if one.type == "moderation_checks"]
    assert check.message.endswith("passed.")


def test_a_special_token_is_named_with_its_row(emulator: OpenAIEmulator) -> None:
    """ftkit sees one before; a file that somebody else sent shows what OpenAI says then."""
    with connect(emulator) as sdk:
        good = rows(11)
        bad = good.replace(b"answer 6", b"answer <|fim_suffix|>")
        remote = create(sdk, upload(sdk, bad))
    job = ftkit.job(f"openai/{remote.id}").wait(60)
    assert job.error is not None
    assert "row 7 of the training rows holds <|fim_suffix|>" in job.error
    assert "take it out or spell it in another way" in job.error


def test_too_few_rows_say_how_many_are_wanted(emulator: OpenAIEmulator) -> None:
    with connect(emulator) as sdk:
        remote = create(sdk, upload(sdk, rows(9)))
    job = ftkit.job(f"openai/{remote.id}").wait(60)
    assert job.error is not None and "OpenAI wants 10 rows or more" in job.error
    with pytest.raises(ftkit.errors.CapabilityError, match="at least 10 rows, these are 9"):
        submit(ROWS[:9])


@pytest.mark.parametrize(
    ("code", "message", "mend"),
    [
        ("invalid_training_file", "Line 12 is not JSON.", "mend row 12 of the training rows"),
        ("invalid_validation_file", "Example 3 is odd.", "mend row 3 of the validation rows"),
        ("invalid_training_file", "It is odd.", "mend a row of the training rows"),
        (
            "invalid_training_file",
            "Invalid file format. Example 6174 message contains an invalid token: <|fim_suffix|>",
            "row 6174 of the training rows holds <|fim_suffix|>",
        ),
        (
            "invalid_validation_file",
            "This validation file was blocked by our moderation system",
            "moderation blocked the validation rows as a whole",
        ),
    ],
)
def test_one_code_of_openai_means_many_things(code: str, message: str, mend: str) -> None:
    said = wire.error_of({"error": {"code": code, "message": message}})
    assert said is not None and said.startswith(f"{code}: {message} (")
    assert mend in said


def test_a_code_that_nobody_knows_is_told_as_it_is() -> None:
    assert failures.explained("odd", "it went wrong") == "odd: it went wrong"
    assert failures.explained(None, "it went wrong") == "it went wrong"
    assert failures.explained("odd", None) == "odd"


@pytest.mark.parametrize("data", [{}, {"results": "odd"}, {"results": [None, {"flagged": False}]}])
def test_an_event_without_failed_checks_has_none(data: dict[str, object]) -> None:
    assert failures.failed_checks(data) == ""


def test_checks_that_failed_without_a_name_are_still_failed() -> None:
    assert failures.failed_checks({"blocked": True}) == "no category is named"
