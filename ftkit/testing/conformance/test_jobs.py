"""A job's life: created once under its key, found by it, followed by its events, ended for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ftkit.backend import (
    Backend,
    Checkpoints,
    DeletesUploads,
    Download,
    JobStatus,
    Listing,
    OwnEstimate,
    Pause,
    Preflight,
    Pricing,
    Refused,
    Remote,
    Resume,
    Training,
    Upload,
    Uploads,
)
from ftkit.errors import CapabilityError, NotFound, TrainingError
from ftkit.testing.conformance.subject import Subject
from ftkit.testing.conformance.work import Work

UNKNOWN = "there-is-no-such-thing"
CROWD = 250


@pytest.mark.judges("submit", "find")
def test_a_job_is_found_by_its_key_and_nothing_else_is(
    work: Work, subject: Subject, training: Training, finished: Remote
) -> None:
    """Within the listing lag `find` gives exactly the job that was created under a key."""
    key = work.key("finished")
    found = work.listed(training.listing_lag_s, lambda: training.find(key))
    assert [remote.id for remote in found] == [finished.id]
    assert found[0].key in (None, key)
    if subject.witness is not None:
        assert subject.witness.jobs()[key] == 1


@pytest.mark.judges("find")
def test_a_key_that_was_never_used_finds_nothing(work: Work, training: Training) -> None:
    """An empty list, not an error: the first look of every submission."""
    assert training.find(work.key("never used")) == []


@pytest.mark.judges("find")
def test_a_job_is_found_behind_many_others(
    work: Work, subject: Subject, training: Training, finished: Remote
) -> None:
    """All pages are looked through: a busy account must not hide a job that is paid for."""
    if subject.crowd is None:
        pytest.skip("the subject makes no jobs of others")
    key = work.key("finished")
    assert work.listed(training.listing_lag_s, lambda: training.find(key))
    subject.crowd(CROWD)
    assert [remote.id for remote in training.find(key)] == [finished.id]


@pytest.mark.judges("submit")
def test_a_repeated_create_makes_no_second_job_where_that_is_claimed(
    work: Work, subject: Subject, pricing: Pricing, training: Training, finished: Remote
) -> None:
    """`idempotent_create` lets the core repeat a create: it must hold."""
    if not training.idempotent_create:
        pytest.skip("the backend does not claim it")
    again = training.submit(work.request("finished", pricing, training))
    assert (again.id, again.status) == (finished.id, finished.status)
    assert [remote.id for remote in training.find(work.key("finished"))] == [finished.id]
    if subject.witness is not None:
        assert subject.witness.jobs()[work.key("finished")] == 1


@pytest.mark.judges("get")
def test_a_finished_job_says_how_it_ended(training: Training, finished: Remote) -> None:
    """Status, the provider's own word, all steps done, and the same at every look."""
    now = training.get(finished.id)
    assert now.status is JobStatus.SUCCEEDED and now.raw_status
    assert now.id == finished.id
    if now.progress is not None:
        assert now.progress[0] == now.progress[1] > 0
    assert now.usd is None or (now.usd.is_finite() and now.usd >= 0)
    assert training.get(finished.id) == now


@pytest.mark.judges("get")
def test_an_unknown_job_is_not_found(training: Training) -> None:
    """NotFound, by which the core tells a lost job from a failed read."""
    with pytest.raises(NotFound):
        training.get(UNKNOWN)


@pytest.mark.judges("get")
def test_an_unknown_status_is_kept_and_is_not_final(
    work: Work, subject: Subject, pricing: Pricing, training: Training
) -> None:
    """Providers invent words; one that nobody knows ends no job."""
    if subject.say_status is None:
        pytest.skip("the subject's provider says no unknown status")
    remote = work.long_job("strange", pricing, training)
    subject.say_status(remote.id, "pondering")
    seen = training.get(remote.id)
    assert (seen.status, seen.raw_status) == (JobStatus.OTHER, "pondering")
    assert not seen.status.final
    training.cancel(remote.id)


@pytest.mark.judges("events")
def test_events_are_numbered_upward_and_can_be_resumed(
    training: Training, finished: Remote
) -> None:
    """Ids grow strictly; `after` gives what comes behind it and nothing twice; a finished job's events stay."""
    events = list(training.events(finished.id, 0))
    ids = [event.id for event in events]
    assert ids, "a job that ran has something to tell"
    assert ids == sorted(set(ids)) and ids[0] > 0
    for after in (ids[0], ids[len(ids) // 2], ids[-1]):
        assert list(training.events(finished.id, after)) == [e for e in events if e.id > after]
    for event in events:
        assert datetime.fromisoformat(event.at).tzinfo is not None, event
        assert event.type and event.message, event


@pytest.mark.judges("events")
def test_steps_tell_their_number_and_count(training: Training, finished: Remote) -> None:
    """A progress bar is drawn from `step` and `steps` of events of the type "step"."""
    steps = [event for event in training.events(finished.id, 0) if event.type == "step"]
    if not steps:
        pytest.skip("the provider tells no single steps")
    numbers = [int(event.data["step"]) for event in steps]
    assert numbers == sorted(numbers)
    assert all(0 < int(event.data["step"]) <= int(event.data["steps"]) for event in steps)


@pytest.mark.judges("result")
def test_the_result_is_a_tuned_model_of_the_base(
    subject: Subject, training: Training, finished: Remote
) -> None:
    """The record names the base that was tuned and the model that `get` named."""
    record = training.result(finished.id)
    assert record.tuned
    assert record.base == training.base(subject.base).id
    assert record.native
    if finished.model is not None and record.adapter is None:
        assert record.native == finished.model


@pytest.mark.judges("cancel", "result")
def test_a_running_job_that_is_cancelled_ends_without_a_model(
    work: Work, pricing: Pricing, training: Training
) -> None:
    """`cancel` asks and returns; the job then ends as cancelled, and its result is a TrainingError."""
    remote = work.long_job("cancelled", pricing, training)
    training.cancel(remote.id)
    assert work.settled(training, remote.id).status is JobStatus.CANCELLED
    training.cancel(remote.id)
    with pytest.raises(TrainingError):
        training.result(remote.id)


@pytest.mark.judges("time_limit")
def test_a_job_ends_with_a_model_when_its_time_is_up(
    work: Work, pricing: Pricing, training: Training, subject: Subject
) -> None:
    """`stop_after_s` ends the trainer before its last step; what is trained by then is a model like any other."""
    ready = work.request("limited", pricing, training, **subject.long_run)
    remote = training.submit(replace(ready, stop_after_s=0.2))
    ended = work.settled(training, remote.id)
    assert ended.status is JobStatus.SUCCEEDED
    assert ended.progress is not None and 0 < ended.progress[0] < ended.progress[1]
    assert training.result(remote.id).tuned


@pytest.mark.judges("cancel")
def test_cancelling_a_finished_job_changes_nothing(training: Training, finished: Remote) -> None:
    """A cancel that comes too late is no error."""
    training.cancel(finished.id)
    assert training.get(finished.id).status is JobStatus.SUCCEEDED


@pytest.mark.judges("pause")
def test_a_job_that_is_paused_stands_still_and_goes_on(
    work: Work, subject: Subject, pricing: Pricing, training: Training
) -> None:
    """Paused and not final, twice asked is once paused; then it goes on under the same id and comes to its end.

    A provider may refuse a pause before the first step; once there is one it may not.
    """
    assert isinstance(training, Pause)

    def taken() -> bool:
        try:
            training.pause(remote.id)
        except Refused:
            return False
        return True

    remote = work.long_job("paused", pricing, training)
    training.unpause(remote.id)
    assert training.get(remote.id).status is not JobStatus.PAUSED, "a running job was not paused"
    work.until("a pause to be taken", taken, bool, subject.timeout_s, training.poll_s)
    seen = work.until(
        f"job {remote.id} to pause",
        lambda: training.get(remote.id),
        lambda now: now.status is JobStatus.PAUSED,
        subject.timeout_s,
        training.poll_s,
    )
    assert not seen.status.final
    training.pause(remote.id)
    later = training.get(remote.id)
    assert (later.status, later.progress) == (JobStatus.PAUSED, seen.progress)
    training.unpause(remote.id)
    assert work.settled(training, remote.id).status is JobStatus.SUCCEEDED


@pytest.mark.judges("pause")
def test_pausing_a_finished_job_changes_nothing(training: Training, finished: Remote) -> None:
    """Neither a pause that comes too late nor its end is an error."""
    assert isinstance(training, Pause)
    training.pause(finished.id)
    training.unpause(finished.id)
    assert training.get(finished.id).status is JobStatus.SUCCEEDED


@pytest.mark.judges("listing")
def test_the_list_has_the_job_with_its_key(
    work: Work, training: Training, finished: Remote
) -> None:
    """A ledger that was lost is rebuilt from this list: every job, with the key that it carries."""
    assert isinstance(training, Listing)
    work.listed(training.listing_lag_s, lambda: training.find(work.key("finished")))
    listed = {remote.id: remote for remote in training.listing()}
    assert listed[finished.id].key == work.key("finished")
    assert listed[finished.id].status is JobStatus.SUCCEEDED


@pytest.mark.judges("upload")
def test_a_file_can_be_sent_twice_and_looked_for(work: Work, training: Training) -> None:
    """An upload knows what it holds; one that is there is said to be there, and no other."""
    assert isinstance(training, Uploads)
    file = work.file(training)
    first, second = training.upload(file, file.name), training.upload(file, file.name)
    for upload in (first, second):
        assert (upload.sha256, upload.size) == (file.name, file.stat().st_size)
        assert training.still_there(upload)
    assert not training.still_there(Upload(UNKNOWN, file.name, first.size))
    assert not training.still_there(replace(first, sha256="0" * 64)), (
        "a file of that id with other content would be trained on"
    )


@pytest.mark.judges("delete_upload")
def test_a_file_that_is_deleted_is_gone(
    work: Work, pricing: Pricing, training: Training, finished: Remote
) -> None:
    """Deleted at the provider, also a second time, and only that one; the job that was made from another goes on.

    Where a file is named by its content both uploads are one file.
    """
    assert isinstance(training, Uploads) and isinstance(training, DeletesUploads)
    file = work.file(training)
    kept, deleted = training.upload(file, file.name), training.upload(file, file.name)
    training.delete_upload(deleted)
    assert not training.still_there(deleted)
    assert training.still_there(kept) == (kept.id != deleted.id)
    training.delete_upload(deleted)
    assert training.get(finished.id) == finished


@pytest.mark.judges("preflight")
def test_an_account_in_order_passes(work: Work, pricing: Pricing, training: Training) -> None:
    """`preflight` raises where a create would fail, and only there; a day on which the base goes is told, not judged."""
    assert isinstance(training, Preflight)
    resolved = work.resolved(pricing, training)
    day = training.preflight(resolved)
    assert day is None or type(day) is date


@pytest.mark.judges("estimate_usd")
def test_the_providers_own_estimate_creates_nothing(
    work: Work, subject: Subject, pricing: Pricing, training: Training
) -> None:
    """USD or None, and no job."""
    assert isinstance(training, OwnEstimate)
    ready = work.request("estimated", pricing, training)
    usd = training.estimate_usd(ready)
    assert usd is None or (isinstance(usd, Decimal) and usd.is_finite() and usd >= 0)
    assert training.find(ready.key) == []
    if subject.witness is not None:
        assert subject.witness.jobs().get(ready.key, 0) == 0


@pytest.mark.judges("checkpoints")
def test_checkpoints_come_oldest_first(training: Training, finished: Remote) -> None:
    """Each with a model id and the step it was taken at."""
    assert isinstance(training, Checkpoints)
    kept = training.checkpoints(finished.id)
    assert [each.step for each in kept] == sorted(each.step for each in kept)
    assert all(each.id and each.step > 0 for each in kept)
    assert all(isinstance(value, int | float) for each in kept for value in each.metrics.values())


@pytest.mark.judges("download")
def test_the_weights_are_written_where_they_were_asked_for(
    subject: Subject, backend: Backend, training: Training, finished: Remote, tmp_path: Path
) -> None:
    """Into the folder and nowhere else; where only some models' weights leave, the others' are refused."""
    assert isinstance(training, Download)
    facts = backend.catalogue.model(subject.base)
    if facts is not None and facts.weights_leave is False:
        with pytest.raises(CapabilityError):
            training.download(finished.id, tmp_path)
        return
    written = training.download(finished.id, tmp_path)
    assert written.exists() and written.resolve().is_relative_to(tmp_path.resolve())


@pytest.mark.judges("resume")
def test_a_run_that_is_not_dead_is_not_resumed(training: Training, finished: Remote) -> None:
    """False, and nothing is started."""
    assert isinstance(training, Resume)
    assert training.resume(finished.id) is False
    assert training.get(finished.id).status is JobStatus.SUCCEEDED


@pytest.mark.judges("resume")
def test_a_dead_run_goes_on_under_the_same_id(
    work: Work, subject: Subject, pricing: Pricing, training: Training
) -> None:
    """It fails once its process is gone, is resumed by the first who asks, and keeps its events."""
    assert isinstance(training, Resume)
    if subject.kill is None:
        pytest.skip("the subject kills no process")
    remote = work.long_job("dead", pricing, training)
    subject.kill(remote.id)
    assert work.settled(training, remote.id).status is JobStatus.FAILED
    before = list(training.events(remote.id, 0))
    assert training.resume(remote.id) is True
    assert training.resume(remote.id) is False, "somebody has the run already"
    assert not training.get(remote.id).status.final
    assert list(training.events(remote.id, 0))[: len(before)] == before
    training.cancel(remote.id)
    assert work.settled(training, remote.id).status is JobStatus.CANCELLED
