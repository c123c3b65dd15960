"""OpenAI closes its tuning: what is refused, allowed and said on which day, and that a refusal costs no request."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import ftkit
from ftkit.backend import Call
from ftkit.data.example import Message
from ftkit.errors import LifecycleError
from ftkit.models import lifecycle
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import BASE, CREATE, MODEL, ROWS, UPLOAD, it_is, opened, submit, tuned

pytest_plugins = ("tests.openai_fixtures",)

NOVEMBER = "2026-11-24T12:00:00+00:00"
CLOSED = "2027-01-06T12:00:00+00:00"
GONE = "2027-01-15T12:00:00+00:00"


def test_seven_weeks_before_the_end_a_job_must_be_allowed_and_the_days_are_told(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    it_is(NOVEMBER, tmp_path)
    with pytest.raises(LifecycleError, match="2027-01-14, in 51 days.*allow_retiring=True"):
        ftkit.submit(ROWS, MODEL)
    assert emulator.counts()["requests"] == {}


def test_one_that_is_allowed_is_trained_with_a_warning(
    emulator: OpenAIEmulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    it_is(NOVEMBER, tmp_path)
    with caplog.at_level(logging.WARNING, "ftkit"):
        assert submit().wait(60).status == "succeeded"
    assert f"{BASE} is switched off on 2027-01-14, in 51 days" in caplog.text


@pytest.mark.parametrize("day", [CLOSED, "2027-01-13T23:00:00+00:00"])
def test_once_new_jobs_are_closed_nothing_allows_one(
    day: str, emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    it_is(day, tmp_path)
    with pytest.raises(LifecycleError, match="no new training jobs since 2027-01-06") as refused:
        submit()
    assert "gpt-6-luna" in str(refused.value) and "deprecations page" in str(refused.value)
    assert emulator.counts()["requests"] == {}


def test_the_last_safe_day_still_trains(emulator: OpenAIEmulator, tmp_path: Path) -> None:
    it_is("2027-01-05T12:00:00+00:00", tmp_path)
    assert submit().wait(60).status == "succeeded"


@pytest.mark.parametrize("base", ["gpt-4.1-nano", "gpt-3.5-turbo-0125", "davinci-002"])
def test_a_base_that_is_gone_is_refused_with_its_date(base: str, emulator: OpenAIEmulator) -> None:
    with pytest.raises(LifecycleError, match="since 2026-10-23"):
        submit(model=f"openai/{base}")
    assert emulator.counts()["requests"] == {}


def test_a_tuned_model_says_on_the_day_after_that_it_is_gone(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    model = tuned().model()
    assert model.chat("question 1").text == "answer 1"
    it_is(GONE, tmp_path)
    with pytest.raises(LifecycleError, match="switched off on 2027-01-14.*gpt-6-luna"):
        model.chat("question 1")
    with pytest.raises(LifecycleError, match="does not answer any more"):
        ftkit.model(model.id)


def test_a_model_that_openai_lets_go_while_it_is_asked_says_the_same(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    """The day can change between the look at the calendar and the question."""
    record = tuned().model().record
    it_is(GONE, tmp_path)
    inference = opened().inference
    assert inference is not None
    with pytest.raises(LifecycleError, match="switched off on 2027-01-14.*gpt-6-luna"):
        inference.chat(record, Call((Message("user", "question 1"),)))


def test_a_plain_base_that_is_gone_says_so_too(emulator: OpenAIEmulator, tmp_path: Path) -> None:
    it_is(GONE, tmp_path)
    with pytest.raises(LifecycleError, match="switched off on 2027-01-14"):
        ftkit.model(MODEL).chat("question 1")


def test_a_base_that_openai_does_not_offer_any_more_is_refused_before_the_upload(
    emulator: OpenAIEmulator,
) -> None:
    """OpenAI moves its dates; the catalogue of an old installation does not know."""
    gone = '{"error": {"message": "has been deprecated", "code": "model_not_found"}}'
    emulator.fault("GET /v1/models/ID", "reply", status=404, body=gone)
    with pytest.raises(LifecycleError, match=f"does not offer {BASE}.*gpt-6-luna"):
        submit()
    _nothing_sent(emulator)


def test_a_date_that_openai_has_moved_forward_is_believed(emulator: OpenAIEmulator) -> None:
    emulator.fault("GET /v1/models/ID", "patch", fields={"shutdown_date": "2026-11-20"})
    with pytest.raises(
        LifecycleError,
        match="was switched off on 2026-11-20.*as openai says today; the catalogue says 2027-01-14",
    ):
        submit()
    _nothing_sent(emulator)


def test_a_date_that_openai_has_moved_back_is_told(
    emulator: OpenAIEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.fault("GET /v1/models/ID", "patch", fields={"shutdown_date": "2027-02-14"})
    with caplog.at_level(logging.WARNING, "ftkit"):
        submit()
    assert "2027-02-14, in 82 days" in caplog.text
    assert "the catalogue says 2027-01-14" in caplog.text


SEPTEMBER = "2026-09-15T12:00:00+00:00"  # the catalogue's date is 121 days away
SHOWN = "GET /v1/models/ID"


def test_a_date_that_openai_alone_has_so_near_must_be_allowed_too(
    emulator: OpenAIEmulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    it_is(SEPTEMBER, tmp_path)
    emulator.fault(SHOWN, "patch", fields={"shutdown_date": "2026-11-30"}, times=None)
    with pytest.raises(LifecycleError, match="2026-11-30, in 76 days.*allow_retiring=True") as no:
        ftkit.submit(ROWS, MODEL)
    assert "as openai says today; the catalogue says 2027-01-14" in str(no.value)
    assert "gpt-6-luna" in str(no.value)
    _nothing_sent(emulator)
    with caplog.at_level(logging.WARNING, "ftkit"):
        assert submit().wait(60).status == "succeeded"
    assert "2026-11-30, in 76 days" in caplog.text


@pytest.mark.parametrize(("day", "allowed"), [("2026-12-14", False), ("2026-12-15", True)])
def test_ninety_days_are_near_and_ninety_one_are_not(
    day: str, allowed: bool, emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    it_is(SEPTEMBER, tmp_path)
    emulator.fault(SHOWN, "patch", fields={"shutdown_date": day})
    if allowed:
        assert ftkit.submit(ROWS, MODEL).id
    else:
        with pytest.raises(LifecycleError, match="in 90 days"):
            ftkit.submit(ROWS, MODEL)


def test_a_day_that_has_come_is_refused_whatever_is_set(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    it_is(SEPTEMBER, tmp_path)
    emulator.fault(SHOWN, "patch", fields={"shutdown_date": "2026-09-15"}, times=None)
    for allow in (False, True):
        with pytest.raises(LifecycleError, match="was switched off on 2026-09-15"):
            ftkit.submit(ROWS, MODEL, allow_retiring=allow)
    _nothing_sent(emulator)


def test_a_near_end_does_not_stand_in_the_way_of_a_job_that_is_there(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    it_is(SEPTEMBER, tmp_path)
    job = ftkit.submit(ROWS, MODEL)
    emulator.fault(SHOWN, "patch", fields={"shutdown_date": "2026-10-01"}, times=None)
    assert ftkit.submit(ROWS, MODEL).id == job.id


def test_without_a_date_of_openai_the_catalogues_counts(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    it_is(SEPTEMBER, tmp_path)
    emulator.fault(SHOWN, "patch", fields={"shutdown_date": None})
    assert ftkit.submit(ROWS, MODEL).id


def test_a_tuned_model_warns_in_its_last_sixty_days_and_once(
    emulator: OpenAIEmulator,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lifecycle, "_warned", set())
    it_is(SEPTEMBER, tmp_path)
    model = tuned().model()
    assert str(model.ends_on) == "2027-01-14"
    for moment, days in (("2026-11-14", None), ("2026-11-15", 60), ("2027-01-13", None)):
        caplog.clear()
        it_is(f"{moment}T12:00:00+00:00", tmp_path)
        assert model.chat("question 1").text == "answer 1"
        said = [r.getMessage() for r in caplog.records if "answers until" in r.getMessage()]
        assert len(said) == (days is not None), moment
        if days is not None:
            assert f"answers until 2027-01-13, {days} more days" in said[0]


def test_a_full_account_is_refused_before_the_upload(emulator: OpenAIEmulator) -> None:
    emulator.set(max_active_jobs=1, run_s=600.0)
    submit(hyperparameters={"seed": 1})
    before = emulator.counts()["requests"]
    with pytest.raises(ftkit.errors.CapabilityError, match="1 jobs on .* allows 1"):
        submit(hyperparameters={"seed": 2})
    after = emulator.counts()["requests"]
    assert (after[CREATE], after[UPLOAD]) == (before[CREATE], before[UPLOAD])


@pytest.mark.parametrize("status", [403, 404])
def test_a_key_that_may_not_read_models_or_limits_can_still_train(
    status: int, emulator: OpenAIEmulator
) -> None:
    """Keys can be restricted to parts of the API, and the limits' address is in no reference."""
    words = '{"error": {"message": "You have insufficient permissions", "code": null}}'
    if status == 403:
        emulator.fault("GET /v1/models/ID", "reply", status=403, body=words)
    emulator.fault("GET /v1/fine_tuning/model_limits", "reply", status=status, body=words)
    assert submit().id


def test_every_base_that_lives_has_an_end_and_a_last_day_for_jobs() -> None:
    facts = opened().catalogue.models
    assert len(facts) == 9
    for name, one in facts.items():
        assert one.shutdown is not None and one.training_until is not None, name
        assert one.training_until < one.shutdown and one.replacements, name


def _nothing_sent(server: OpenAIEmulator) -> None:
    requests = server.counts()["requests"]
    assert requests.get(CREATE, 0) == requests.get(UPLOAD, 0) == 0
