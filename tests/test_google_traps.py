"""Traps of Google's platform and of its SDK, each with the test that springs it; those that no other file tests are here.

A trap is something that looks right, works on the first day, and costs money or a job on another one.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.errors import CapabilityError, LifecycleError, NotFound
from tests.emulators.google import GoogleEmulator
from tests.google_desk import BASE, CREATE, ROWS, configure, opened, sent, submit, tuned

pytest_plugins = ("tests.google_fixtures",)

# what the trap is: the tests that show that it is not stepped into
SPRUNG_BY = {
    "the SDK takes the host from its client's location and the path from the name: 404": (
        "test_google_traps.test_a_tuned_model_is_asked_at_the_location_of_its_own_name",
        "test_google_traps.test_the_trap_of_locations_is_still_there",
        "test_google_jobs.test_a_job_of_another_location_is_read_there",
    ),
    "epochs left out are 40": (
        "test_google_traps.test_epochs_are_always_named",
        "test_google_traps.test_the_trap_of_epochs_is_still_there",
    ),
    "a configuration that is a dict loses the checkpoint to go on from": (
        "test_google_traps.test_the_trap_of_the_dict_is_still_there",
        "test_google_traps.test_the_create_is_asked_for_with_an_object",
    ),
    "JSON asked for while a tuned model thinks makes it forget": (
        "test_google_traps.test_a_tuned_model_answers_in_json_as_it_learned",
        "test_google_answers.test_thinking_is_as_little_as_the_model_can",
    ),
    "validation rows: 5,000, and above 1,000 at most 30% of the training rows": (
        "test_google_traps.test_too_many_validation_rows_are_refused_before_anything_is_sent",
        "test_google_traps.test_as_many_as_google_takes_pass",
    ),
    "validation rows of open models: 25% of the bytes": (
        "test_google_traps.test_a_validation_file_that_is_too_large_beside_an_open_models_rows_starts_nothing",
    ),
    "a tuned model is asked by its endpoint and not by its models/ name": (
        "test_google_traps.test_a_models_name_is_told_what_is_wanted_instead",
    ),
    "an API key answers 404 at tuned endpoints": (
        "test_google_secrets.test_an_api_key_alone_is_told_what_to_set_up",
        "test_google_traps.test_an_api_key_beside_credentials_is_not_sent",
    ),
    "nothing of Gemini is tuned in the location global": (
        "test_google_traps.test_global_is_refused_before_anything_is_sent",
        "test_google_traps.test_a_variable_that_says_global_is_passed_over",
    ),
    "the base must be asked on the Agent Platform: the Developer API answers with another model": (
        "test_google_traps.test_a_base_is_asked_on_the_platform",
    ),
    "models of the newest generations cannot be tuned whatever the SDK's own example says": (
        "test_google_traps.test_what_google_does_not_tune_is_not_found",
    ),
    "the 2.5 family is closed to new projects": (
        "test_google_traps.test_a_base_that_is_closed_is_refused_with_its_date",
    ),
    "the SDK's retries repeat a create": (
        "test_google_lost_replies.test_the_sdk_retries_nothing_by_itself",
        "test_google_lost_replies.test_the_count_sees_an_sdk_that_retries",
    ),
    "the SDK asks on by itself where an answer is cut": (
        "test_google_answers.test_an_answer_that_is_cut_is_not_gone_on_with_unasked",
    ),
    "the SDK knows no upload, and open models fail without output_uri": (
        "test_google_files.test_the_weights_of_an_open_model_come_home",
        "test_google_files.test_an_upload_that_breaks_goes_on_where_it_was",
    ),
    "a job waits for quota while its state says that it runs": (
        "test_google_jobs.test_waiting_for_quota_and_for_machines_are_evidence_of_life",
    ),
    "rows are dropped without an error": (
        "test_google_jobs.test_rows_that_were_left_out_are_told_by_our_numbers",
    ),
}


@pytest.mark.parametrize("trap", SPRUNG_BY)
def test_the_tests_of_a_trap_are_there(trap: str) -> None:
    for name in SPRUNG_BY[trap]:
        module, _, test = name.partition(".")
        assert callable(getattr(import_module(f"tests.{module}"), test, None)), name


# --- locations ---


def test_a_tuned_model_is_asked_at_the_location_of_its_own_name(google: GoogleEmulator) -> None:
    model = tuned().model()
    assert "/locations/us/endpoints/" in model.id
    assert model.chat("question 1").text == "answer 1"
    log = google.log()
    asked, created = log[-1], next(one for one in log if one["route"] == CREATE)
    assert asked["path"].startswith("/at/us/") and created["path"].startswith("/at/us-central1/")


def test_the_trap_of_locations_is_still_there(google: GoogleEmulator) -> None:
    """The client that has made the job, asked by the name of the model."""
    from ftkit_google.chat_wire import ChatWire
    from ftkit_google.client import Question
    from tests.google_ways import ASKED, client

    model = tuned().model()
    native = model.id.removeprefix("google/")
    wire = ChatWire("us-central1")
    record = ftkit.backend.ModelRecord("google", native, BASE, tuned=True)
    right = wire.whole_call(wire.body(record, ASKED), 10)
    ours = client()
    assert ours.ask(wire.WHAT, right)["candidates"]
    with pytest.raises(NotFound):
        ours.ask(wire.WHAT, Question("us-central1", right.call))


def test_global_is_refused_before_anything_is_sent(
    google: GoogleEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, location="global")
    with pytest.raises(CapabilityError, match="'global'; it is tuned in us-central1, europe-west4"):
        submit()
    assert google.counts()["requests"] == {}


def test_a_variable_that_says_global_is_passed_over(
    google: GoogleEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "global")
    assert opened().scope().endswith("|us-central1")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "europe-west4")
    assert opened().scope().endswith("|europe-west4")
    assert "/locations/eu/endpoints/" in tuned().model().id


def test_a_base_is_asked_on_the_platform(
    google: GoogleEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaSyA-not-a-key-0123456789abcdefghijkl")
    ftkit.model(f"google/{BASE}").chat("hello")
    asked = google.log()[-1]
    assert asked["path"].endswith(
        f"/locations/global/publishers/google/models/{BASE}:generateContent"
    )


def test_an_api_key_beside_credentials_is_not_sent(
    google: GoogleEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "AIzaSyA-not-a-key-0123456789abcdefghijkl")
    assert tuned().model().chat("question 1").text == "answer 1"
    assert "AIza" not in str(google.log())


# --- what the create holds ---


def test_epochs_are_always_named(google: GoogleEmulator) -> None:
    submit()
    assert sent(google)["supervisedTuningSpec"]["hyperParameters"]["epochCount"] == 3


def test_the_trap_of_epochs_is_still_there(google: GoogleEmulator) -> None:
    """At the witness; the service once chose 40 for 166 rows."""
    from tests.google_ways import client

    submit()
    spec = sent(google)["supervisedTuningSpec"]
    ours = client()

    def call(sdk: Any) -> Any:
        rows = {"gcs_uri": spec["trainingDatasetUri"]}
        return sdk.tunings.tune(base_model=BASE, training_dataset=rows)

    made = ours.create(CREATE, call)
    assert made["supervisedTuningSpec"].get("hyperParameters", {}).get("epochCount") in (None, "40")


def test_the_trap_of_the_dict_is_still_there() -> None:
    """In the SDK: of a dict it reads the checkpoint with getattr."""
    from google.genai import tunings

    asked: list[Any] = []

    class Deaf(tunings.Tunings):
        def _tune(self, **given: Any) -> Any:
            asked.append(given["pre_tuned_model"].checkpoint_id)
            raise LookupError

    class Api:
        vertexai = True

    config = {"pre_tuned_model_checkpoint_id": "2"}
    from ftkit_google.sdk import types

    for given in (config, types().CreateTuningJobConfig(**config)):
        with pytest.raises(LookupError):
            Deaf(Api()).tune(  # type: ignore[no-untyped-call]
                base_model="projects/p/locations/us/models/1@1",
                training_dataset={"gcs_uri": "gs://b/x"},
                config=given,
            )
    assert asked == [None, "2"]


def test_the_create_is_asked_for_with_an_object(
    google: GoogleEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.genai import tunings

    own, kinds = tunings.Tunings.tune, []

    def looked_at(self: Any, **given: Any) -> Any:
        kinds.append(type(given["config"]).__name__)
        return own(self, **given)

    monkeypatch.setattr(tunings.Tunings, "tune", looked_at)
    submit()
    assert kinds == ["CreateTuningJobConfig"]


# --- JSON ---


def test_a_tuned_model_answers_in_json_as_it_learned(google: GoogleEmulator) -> None:
    rows = [{"prompt": f"question {n}", "completion": f'{{"n": {n}}}'} for n in range(12)]
    model = tuned(rows=rows).model()
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert model.chat("question 4", schema=schema).parsed == {"n": 4}
    thinking = {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}}
    assert model.chat("question 4", schema=schema, extra=thinking).parsed != {"n": 4}


# --- validation ---


def resolved(trained: int, watched: int) -> Any:
    from ftkit.backend import Resolved
    from ftkit.data.tokens import Counts
    from ftkit.hyperparameters import Hyperparameters, Method

    backend = opened()
    assert backend.training is not None

    def counts(rows: int) -> Counts:
        return Counts(rows, rows, rows, (1,) * rows)

    return Resolved(
        backend.training.base(BASE),
        Method.LORA,
        Hyperparameters(),
        0,
        counts(trained),
        validation=counts(watched),
    )


@pytest.mark.parametrize(("trained", "watched"), [(3_000, 1_001), (100_000, 5_001)])
def test_too_many_validation_rows_are_refused_before_anything_is_sent(
    trained: int, watched: int, google: GoogleEmulator
) -> None:
    from ftkit_google.validation import check_rows

    with pytest.raises(CapabilityError, match=f"these are {watched:,}"):
        check_rows(resolved(trained, watched))
    rows = [{"prompt": f"q{n}", "completion": "a"} for n in range(1_200)]
    with pytest.raises(CapabilityError, match="at most 360 validation rows beside 1,200"):
        submit(rows, validation=[{**row, "prompt": f"v{n}"} for n, row in enumerate(rows[:1_100])])
    counts = google.counts()
    assert (counts["uploads"], counts["jobs"]) == (0, 0)


@pytest.mark.parametrize(("trained", "watched"), [(10, 1_000), (3_340, 1_002), (50_000, 5_000)])
def test_as_many_as_google_takes_pass(trained: int, watched: int) -> None:
    from ftkit_google.validation import check_rows

    check_rows(resolved(trained, watched))


def test_a_validation_file_that_is_too_large_beside_an_open_models_rows_starts_nothing(
    google: GoogleEmulator,
) -> None:
    from ftkit.backend import Refused

    with pytest.raises(Refused, match="up to 25% of the bytes.*hold back fewer rows"):
        submit(ROWS[:8], "google/gemma-4-e4b-it", validation=ROWS[8:])
    assert google.counts()["jobs"] == 0


# --- names and dates ---


def test_a_models_name_is_told_what_is_wanted_instead(google: GoogleEmulator) -> None:
    with pytest.raises(NotFound, match="asked by its endpoint, projects/PROJECT"):
        ftkit.model("google/projects/1/locations/us/models/7@1")


@pytest.mark.parametrize("name", ["gemini-3.8-flash", "gemini-3.1-pro-preview"])
def test_what_google_does_not_tune_is_not_found(name: str, google: GoogleEmulator) -> None:
    with pytest.raises((NotFound, CapabilityError)):
        submit(model=f"google/{name}")
    assert google.counts()["requests"] == {}


def test_a_base_that_is_closed_is_refused_with_its_date(google: GoogleEmulator) -> None:
    with pytest.raises(LifecycleError, match="no new training jobs since 2026-10-21"):
        submit(model="google/gemini-2.5-flash", allow_retiring=True)
    assert google.counts()["requests"] == {}
