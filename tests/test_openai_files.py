"""Training files at OpenAI: in one request up to a limit, in parts above it, used again, and refusals with what is left there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.backend import Refused, Unavailable, Upload
from ftkit.errors import CapabilityError, LifecycleError, NotFound, ProviderError, StorageError
from ftkit_openai import OpenAISettings, uploading
from ftkit_openai.client import Client
from ftkit_openai.uploading import Uploading
from tests.emulators.openai import OpenAIEmulator
from tests.emulators.openai.driving import ask
from tests.openai_desk import CREATE, UPLOAD, submit

pytest_plugins = ("tests.openai_fixtures",)

PARTS = "POST /v1/uploads/ID/parts"
COMPLETE = "POST /v1/uploads/ID/complete"
CANCEL = "POST /v1/uploads/ID/cancel"


def files(**settings: Any) -> Uploading:
    chosen = OpenAISettings(**settings)
    return Uploading(Client(chosen), chosen)


def written(folder: Path, size: int) -> tuple[Path, str]:
    """A file of so many bytes, no two parts of which are the same, and its SHA-256."""
    content = b"".join(b"%07d\n" % number for number in range(size // 8 + 1))[:size]
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / sha256
    path.write_bytes(content)
    return path, sha256


def held(server: OpenAIEmulator, id: str) -> bytes:
    return ask(server, "GET", f"/v1/files/{id}/content").body


def test_the_limits_are_those_that_openai_states() -> None:
    """Decimal: whether 512 MB means 2**29 or less, this fits."""
    settings = OpenAISettings()
    assert (settings.max_file_bytes, settings.part_bytes) == (512_000_000, 64_000_000)
    with pytest.raises(ValueError):
        OpenAISettings(max_file_bytes=512_000_001)


@pytest.mark.parametrize(("size", "in_parts"), [(999, False), (1000, False), (1001, True)])
def test_a_file_of_the_limit_goes_at_once_and_one_byte_more_in_parts(
    size: int, in_parts: bool, emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    file, sha256 = written(tmp_path, size)
    sent = files(max_file_bytes=1000, part_bytes=300).upload(file, sha256)
    requests = emulator.counts()["requests"]
    assert (requests.get(UPLOAD, 0), requests.get(PARTS, 0)) == ((0, 4) if in_parts else (1, 0))
    assert held(emulator, sent.id) == file.read_bytes()
    assert sent == Upload(sent.id, sha256, size)


def test_both_ways_give_a_file_that_is_found_again(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    file, sha256 = written(tmp_path, 1000)
    for limit in (1000, 999):
        ours = files(max_file_bytes=limit, part_bytes=400)
        sent = ours.upload(file, sha256)
        assert ours.still_there(sent)
        assert not ours.still_there(Upload(sent.id, "0" * 64, 1000))
        emulator.lose_file(sent.id)
        assert not ours.still_there(sent)


def test_parts_that_fail_leave_no_upload_open(emulator: OpenAIEmulator, tmp_path: Path) -> None:
    file, sha256 = written(tmp_path, 1000)
    emulator.refuse(PARTS, "server_is_overloaded", retry_after=3, skip=2)
    with pytest.raises(Unavailable):
        files(max_file_bytes=100, part_bytes=100).upload(file, sha256)
    counts = emulator.counts()
    assert (counts["requests"][CANCEL], counts["files"]) == (1, 0)


def test_a_file_that_arrives_cut_is_not_trained_on(
    emulator: OpenAIEmulator, tmp_path: Path
) -> None:
    file, sha256 = written(tmp_path, 1000)
    emulator.fault(UPLOAD, "patch", fields={"bytes": 998})
    with pytest.raises(ProviderError, match="OpenAI has 998 bytes"):
        files().upload(file, sha256)


def test_a_file_that_openai_cannot_take_is_refused_here(
    emulator: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "MAX_UPLOAD_BYTES", 999)
    file, sha256 = written(tmp_path, 1000)
    with pytest.raises(CapabilityError, match="split the data"):
        files().upload(file, sha256)
    with pytest.raises(StorageError, match="No such file"):
        files().upload(tmp_path / "nowhere", sha256)
    assert emulator.counts()["requests"] == {}


def test_a_second_job_on_the_same_rows_uploads_nothing(emulator: OpenAIEmulator) -> None:
    submit(hyperparameters={"seed": 1})
    submit(hyperparameters={"seed": 2})
    assert emulator.counts()["requests"][UPLOAD] == 1


def test_a_file_of_any_size_is_taken_home_as_it_comes_and_is_whole_or_an_error(
    emulator: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Client(OpenAISettings())
    own = Client._client
    monkeypatch.setattr(Client, "_client", lambda self, most=1000: own(self, most))
    file, sha256 = written(tmp_path, 5000)
    id = files().upload(file, sha256).id

    def content(sdk: Any) -> Any:
        return sdk.files.with_streaming_response.content(id)

    ours.save("GET /files/ID/content", content, tmp_path / "home")
    assert (tmp_path / "home").read_bytes() == file.read_bytes()
    with pytest.raises(StorageError, match="cannot write"):
        ours.save("GET /files/ID/content", content, tmp_path / "no" / "folder")
    emulator.fault("GET /v1/files/ID/content", "half")
    with pytest.raises(Unavailable):
        ours.save("GET /files/ID/content", content, tmp_path / "home")
    emulator.lose_file(id)
    with pytest.raises(NotFound):
        ours.save("GET /files/ID/content", content, tmp_path / "home")


# --- refusals, each with what to do and what lies at OpenAI ---

REFUSED = {
    "daily_rate_limit_exceeded": "of today are used up.*tomorrow",
    "rate_limit_exceeded": "wait for one of the running jobs",
    "insufficient_quota": "no credit left.*billing",
    "slow_down": "fewer requests",
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_refused_create_says_what_to_do_and_which_file_stays(
    code: str, emulator: OpenAIEmulator
) -> None:
    emulator.refuse(CREATE, code)
    with pytest.raises(Refused, match=REFUSED[code]) as refused:
        submit()
    assert refused.value.code == code
    (file,) = [one["id"] for one in ask(emulator, "GET", "/v1/files").json["data"]]
    assert f"the file {file} stays at OpenAI" in str(refused.value)
    counts = emulator.counts()
    assert (counts["jobs"], counts["requests"][CREATE], counts["files"]) == (0, 1, 1)


def test_an_organisation_that_is_shut_out_learns_it_after_the_upload_and_what_to_do(
    emulator: OpenAIEmulator,
) -> None:
    """There is no way to ask before, and the file stays."""
    emulator.set(training_closed=True)
    with pytest.raises(LifecycleError, match="from this organisation.*another provider") as refused:
        submit()
    assert "the file file-" in str(refused.value) and "stays at OpenAI" in str(refused.value)
    (job,) = ftkit.jobs()
    assert (job.last_seen.raw_status, emulator.counts()["jobs"]) == ("refused", 0)


def test_after_a_refusal_the_same_call_uses_the_file_that_is_there(
    emulator: OpenAIEmulator,
) -> None:
    emulator.refuse(CREATE, "daily_rate_limit_exceeded")
    with pytest.raises(Refused):
        submit()
    assert submit().wait(60).status == "succeeded"
    counts = emulator.counts()
    assert (counts["files"], counts["jobs"]) == (1, 1)


def test_a_validation_file_goes_along_and_is_named(emulator: OpenAIEmulator) -> None:
    held_out = [{"prompt": f"held {n}", "completion": f"out {n}"} for n in range(3)]
    emulator.refuse(CREATE, "slow_down")
    with pytest.raises(Refused, match="the files file-.* and file-.* stay at OpenAI"):
        submit(validation=held_out)
    job = submit(validation=held_out).wait(60)
    (sent,) = [one["json"] for one in emulator.log() if one["route"] == CREATE][-1:]
    assert sent["validation_file"] != sent["training_file"]
    assert any("valid_loss" in event.data for event in job.events())


@pytest.mark.parametrize("code", ["insufficient_quota", "daily_rate_limit_exceeded"])
def test_a_read_that_waiting_does_not_mend_is_not_repeated(
    code: str, emulator: OpenAIEmulator
) -> None:
    route = "GET /v1/models/ID"
    emulator.refuse(route, code, times=None)
    with pytest.raises(Refused):
        submit()
    assert emulator.counts()["requests"][route] == 1


def test_a_wrong_key_is_said_before_anything_else(
    emulator: OpenAIEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-0123456789abcdef")
    with pytest.raises(ftkit.errors.AuthError, match="check the key"):
        submit()
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ftkit.errors.AuthError, match="OPENAI_API_KEY is not set"):
        submit()
    assert emulator.counts()["files"] == 0
