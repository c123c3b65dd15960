"""What a job leaves at its provider: said where it ended badly, deleted where nothing can still be made from it."""

from __future__ import annotations

from pathlib import Path

import pytest

import ftkit
from ftkit.backend import JobStatus
from ftkit.errors import CapabilityError, FtkitError, OutcomeUnknown, ProviderError, TrainingError
from ftkit.ledger import JobRow, Ledger
from ftkit.testing import HostedProvider
from tests.at_terminal import as_json
from tests.at_terminal import ftkit as command
from tests.hosted import CREATE, ROWS, configure, virtual

DELETE = "DELETE /v1/files/ID"
SEND = "POST /v1/files"
REFUSAL = '{"error": {"code": "no_more", "message": "no more today"}}'


@pytest.fixture
def in_virtual_time(
    provider: HostedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> HostedProvider:
    configure(tmp_path, monkeypatch, poll_s=60.0)
    virtual(tmp_path, monkeypatch, provider)
    provider.set(run_seconds=600)
    return provider


def submitted(seed: int = 0, **options: object) -> ftkit.types.Job:
    return ftkit.submit(ROWS, "fake/small", hyperparameters={"seed": seed}, **options)


def refused(provider: HostedProvider, seed: int = 0) -> ftkit.types.Job:
    """A job that the provider refused after its file was sent."""
    provider.fault(CREATE, "reply", status=400, body=REFUSAL)
    with pytest.raises(ProviderError):
        submitted(seed)
    return ftkit.jobs()[0]


def asked(provider: HostedProvider, route: str) -> int:
    count: int = provider.counts()["requests"].get(route, 0)
    return count


def test_files_of_a_refused_job_are_deleted_forgotten_and_sent_again(
    in_virtual_time: HostedProvider,
) -> None:
    job = refused(in_virtual_time)
    (file,) = job.files()
    assert job.delete_files() == [file]
    assert job.files() == [] and asked(in_virtual_time, DELETE) == 1
    assert submitted().wait(3600).status is JobStatus.SUCCEEDED
    assert asked(in_virtual_time, SEND) == 2
    assert f"{file.id}, {file.size:,} bytes" in str([line.detail for line in job.history()])


@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled"])
def test_files_of_an_ended_job_can_go(end: str, in_virtual_time: HostedProvider) -> None:
    job = submitted()
    in_virtual_time.patch_job(job.last_seen.remote_id or "", status=end)
    assert len(job.delete_files()) == 1


def test_train_and_validation_rows_go_together(in_virtual_time: HostedProvider) -> None:
    held_out = [{"prompt": f"held {n}", "completion": "out"} for n in range(3)]
    job = submitted(validation=held_out)
    job.cancel()
    assert len(job.delete_files()) == 2


def test_a_job_that_lives_keeps_its_files(in_virtual_time: HostedProvider) -> None:
    job = submitted()
    for _ in range(2):
        with pytest.raises(CapabilityError, match=f"made from its files.*job cancel {job.id}"):
            job.delete_files()
        job.pause()
    assert asked(in_virtual_time, DELETE) == 0 and len(job.files()) == 1


def test_a_job_that_may_live_keeps_its_files(in_virtual_time: HostedProvider) -> None:
    in_virtual_time.set(unlisted=True)
    in_virtual_time.fault(CREATE, "close", process=True)
    with pytest.raises(OutcomeUnknown):
        submitted()
    (job,) = ftkit.jobs()
    with pytest.raises(OutcomeUnknown, match=f"nothing was deleted.*job settle {job.id}"):
        job.delete_files()
    assert asked(in_virtual_time, DELETE) == 0 and len(job.files()) == 1


def test_a_file_that_another_job_is_made_from_stays(in_virtual_time: HostedProvider) -> None:
    lives = submitted(seed=1)
    job = refused(in_virtual_time, seed=2)
    with pytest.raises(CapabilityError, match=f"used by job {lives.id} too.*nothing was deleted"):
        job.delete_files()
    assert asked(in_virtual_time, DELETE) == 0 and len(job.files()) == 1
    lives.wait(3600)
    assert len(job.delete_files()) == 1


def test_a_file_that_another_job_may_be_made_from_stays(in_virtual_time: HostedProvider) -> None:
    job = refused(in_virtual_time, seed=1)
    in_virtual_time.set(unlisted=True)
    in_virtual_time.fault(CREATE, "close", process=True)
    with pytest.raises(OutcomeUnknown):
        submitted(seed=2)
    with pytest.raises(CapabilityError, match="used by job .* unsettled"):
        job.delete_files()
    assert asked(in_virtual_time, DELETE) == 0


def test_whoever_submits_while_a_file_is_deleted_sends_one_of_their_own(
    in_virtual_time: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger forgets before it looks: no job can be made from a file that is on its way out."""
    job = refused(in_virtual_time, seed=1)
    (file,) = job.files()
    jobs = Ledger.jobs
    came: list[str] = []

    def meanwhile(self: Ledger) -> list[JobRow]:
        found = jobs(self)
        if not came:
            came.append("")
            came.append(submitted(seed=2).id)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "jobs", meanwhile)
        assert job.delete_files() == [file]
    assert asked(in_virtual_time, SEND) == 2
    (own,) = ftkit.job(came[1]).files()
    assert own.id != file.id


def test_a_delete_that_fails_is_not_forgotten(in_virtual_time: HostedProvider) -> None:
    job = refused(in_virtual_time)
    in_virtual_time.fault(DELETE, "close", times=None)
    with pytest.raises(FtkitError):
        job.delete_files()
    assert len(job.files()) == 1
    in_virtual_time.clear_faults()
    assert len(job.delete_files()) == 1


def test_a_file_that_is_gone_already_is_forgotten(in_virtual_time: HostedProvider) -> None:
    job = refused(in_virtual_time)
    in_virtual_time.lose_file(job.files()[0].id)
    assert len(job.delete_files()) == 1 and job.files() == []


def test_a_job_without_files_deletes_nothing(in_virtual_time: HostedProvider) -> None:
    in_virtual_time.foreign(jobs=1)
    (job,) = ftkit.import_jobs("fake")
    assert job.delete_files() == [] and asked(in_virtual_time, DELETE) == 0
    assert "has no file at fake" in command("job", "delete-files", job.id)


def test_a_job_taken_up_that_may_use_any_file_keeps_them_all(
    in_virtual_time: HostedProvider,
) -> None:
    """A ledger that was lost knows neither the rows of a job nor, from this provider, its files."""
    lives = submitted(seed=1)
    remote = lives.last_seen.remote_id
    job = refused(in_virtual_time, seed=2)
    Ledger(job._settings.home).change(lives.id, request="{}")
    with pytest.raises(CapabilityError, match=f"used by job {lives.id}"):
        job.delete_files()
    assert remote is not None


def test_a_backend_without_files_refuses_by_name() -> None:
    job = ftkit.submit(ROWS, "fake-runs/tiny", hyperparameters={"max_steps": 3}).wait(60)
    with pytest.raises(CapabilityError, match="fake-runs cannot do 'delete_upload': rows are read"):
        job.delete_files()


def test_a_job_that_failed_says_what_lies_there_and_how_to_delete_it(
    in_virtual_time: HostedProvider,
) -> None:
    job = submitted()
    in_virtual_time.patch_job(job.last_seen.remote_id or "", status="failed", error="rows are odd")
    (file,) = job.files()
    tail = f"the file {file.id} stays at fake, and `ftkit job delete-files {job.id}` deletes it"
    with pytest.raises(TrainingError, match=f"rows are odd; {tail}"):
        job.model()
    assert tail in command("job", "wait", job.id, code=1)
    assert f"files   {file.id} at the provider" in command("job", "show", job.id)
    assert as_json("job", "show", job.id)["files"] == [{"id": file.id, "bytes": file.size}]
    assert f"{file.id} " in command("job", "delete-files", job.id)
    with pytest.raises(TrainingError) as said:
        job.model()
    assert "stays at" not in str(said.value)
