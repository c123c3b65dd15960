"""Rows in the bucket: named by their content, sent once, gone on with after a break, whole or an error."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from ftkit.backend import FileRole, RemoteFile, Unavailable
from ftkit.errors import AuthError, CapabilityError, ConfigError, NotFound, ProviderError
from ftkit_google.training import GoogleTraining
from tests.emulators.google import GoogleEmulator
from tests.google_desk import PART, UPLOAD, configure, opened, submit, tuned

pytest_plugins = ("tests.google_fixtures",)
MIB = 1024**2


def training() -> GoogleTraining:
    part = opened().training
    assert isinstance(part, GoogleTraining)
    return part


def rows(folder: Path, size: int = 1000) -> tuple[Path, str]:
    content = (b"0123456789" * (size // 10 + 1))[:size]
    path = folder / "rows"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def test_a_file_bears_the_hash_of_its_content_and_is_sent_once(
    google: GoogleEmulator, tmp_path: Path
) -> None:
    ours, (file, sha256) = training(), rows(tmp_path)
    first, second = ours.upload(file, sha256), ours.upload(file, sha256)
    assert first == second
    assert first.id == f"gs://acme-bucket/ftkit/{sha256}.jsonl"
    assert google.counts()["uploads"] == 1


def test_a_large_file_goes_in_parts(
    google: GoogleEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, part_bytes=MIB // 4)
    file, sha256 = rows(tmp_path, MIB)
    training().upload(file, sha256)
    assert google.counts()["requests"][PART] == 4


@pytest.mark.parametrize("kept", [0, 1024 * 256, 1024 * 300])
@pytest.mark.parametrize("dropped", [False, True])
def test_an_upload_that_breaks_goes_on_where_it_was(
    kept: int,
    dropped: bool,
    google: GoogleEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(tmp_path, monkeypatch, part_bytes=MIB // 2)
    file, sha256 = rows(tmp_path, MIB)
    google.cut_upload(kept)
    if dropped:
        google.fault(PART, "reset", process=True)
    upload = training().upload(file, sha256)
    assert training().still_there(upload)
    counts = google.counts()
    assert (counts["uploads"], counts["objects"]) == (1, 1)
    assert counts["uploaded_bytes"] <= MIB + MIB // 2


def test_an_upload_that_never_goes_on_is_an_error_and_goes_on_at_the_next_call(
    google: GoogleEmulator, tmp_path: Path
) -> None:
    ours, (file, sha256) = training(), rows(tmp_path, MIB)
    google.refuse(PART, "UNAVAILABLE", times=20)
    with pytest.raises(Unavailable):
        ours.upload(file, sha256)
    google.clear_faults()
    assert ours.still_there(ours.upload(file, sha256))
    assert google.counts()["requests"][UPLOAD] == 1


def test_a_session_that_is_gone_is_begun_anew(google: GoogleEmulator, tmp_path: Path) -> None:
    ours, (file, sha256) = training(), rows(tmp_path, MIB)
    google.refuse(PART, "UNAVAILABLE", times=20)
    with pytest.raises(Unavailable):
        ours.upload(file, sha256)
    google.clear_faults()
    google.refuse(PART, "NOT_FOUND", times=1)
    assert ours.still_there(ours.upload(file, sha256))


def test_two_machines_that_send_the_same_file_send_one_object(
    google: GoogleEmulator, tmp_path: Path
) -> None:
    """The second one finds nothing, begins, and by then it is there: ifGenerationMatch=0 keeps the first."""
    file, sha256 = rows(tmp_path)
    training().upload(file, sha256)
    google.refuse("GET objects/ID", "NOT_FOUND")
    training().upload(file, sha256)
    assert google.counts()["objects"] == 1


def test_an_object_of_that_name_with_other_content_is_not_trained_on(
    google: GoogleEmulator, tmp_path: Path
) -> None:
    file, sha256 = rows(tmp_path)
    google.put_object(f"ftkit/{sha256}.jsonl", "something else")
    with pytest.raises(ProviderError, match="with another content"):
        training().upload(file, sha256)


def test_a_file_that_is_deleted_in_the_bucket_is_sent_again(google: GoogleEmulator) -> None:
    submit().wait(7200)
    (held,) = google.objects()
    google.lose_object(held["name"])
    submit(force_new=True)
    assert google.counts()["uploads"] == 2


def test_rows_come_back_whole_or_not_at_all(google: GoogleEmulator, tmp_path: Path) -> None:
    ours, (file, sha256) = training(), rows(tmp_path)
    upload = ours.upload(file, sha256)
    ours.fetch(RemoteFile(upload.id, FileRole.TRAINING), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.read_bytes()
    google.fault("GET download/ID", "reply", status=200, body="short")
    with pytest.raises(Unavailable, match="came damaged"):
        ours.fetch(RemoteFile(upload.id, FileRole.TRAINING), tmp_path / "back")


def test_a_bucket_that_is_not_there_is_told_before_anything_is_sent(
    google: GoogleEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTKIT_GOOGLE_BUCKET", "no-such-bucket")
    with pytest.raises(CapabilityError, match="gcloud storage buckets create gs://no-such-bucket"):
        submit()
    monkeypatch.setenv("FTKIT_GOOGLE_BUCKET", google.other_bucket)
    with pytest.raises(AuthError, match="Storage Object Admin"):
        submit()
    monkeypatch.delenv("FTKIT_GOOGLE_BUCKET")
    with pytest.raises(ConfigError, match="no bucket is named"):
        submit()
    assert google.counts()["uploads"] == 0


def test_what_is_no_address_of_an_object_is_not_looked_for(
    google: GoogleEmulator, tmp_path: Path
) -> None:
    ours, (file, sha256) = training(), rows(tmp_path)
    upload = ours.upload(file, sha256)
    before = google.counts()["requests"]
    assert not ours.still_there(replace(upload, id="file-1"))
    with pytest.raises(NotFound):
        ours.fetch(RemoteFile("file-1", FileRole.TRAINING), tmp_path / "back")
    assert google.counts()["requests"] == before


# --- open models ---

GEMMA = "google/gemma-4-e4b-it"


def test_the_weights_of_an_open_model_come_home(google: GoogleEmulator, tmp_path: Path) -> None:
    done = tuned(model=GEMMA, hyperparameters={"lora_rank": 8, "learning_rate": 0.0002})
    folder = done.download(tmp_path / "weights")
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found and all("safetensors" in name or name.endswith(".json") for name in found)
    assert all((folder / name).stat().st_size for name in found)


def test_an_open_model_answers_nowhere_and_says_where_its_weights_lie(
    google: GoogleEmulator,
) -> None:
    model = tuned(model=GEMMA, name="gemma").model()
    with pytest.raises(
        CapabilityError, match=r"weights lie in gs://acme-bucket/.*download\(folder\)"
    ):
        model.chat("hello")


def test_an_open_model_reads_messages(google: GoogleEmulator, tmp_path: Path) -> None:
    submit(model=GEMMA)
    (rows_of,) = [one for one in google.objects() if one["name"].endswith(".jsonl")]
    uri = f"gs://{rows_of['bucket']}/{rows_of['name']}"
    training().fetch(RemoteFile(uri, FileRole.TRAINING), tmp_path / "sent")
    assert all('"messages"' in line for line in (tmp_path / "sent").read_text().splitlines())


def test_weights_with_a_name_that_leads_out_of_the_folder_are_not_written(
    google: GoogleEmulator, tmp_path: Path
) -> None:
    done = tuned(model=GEMMA)
    google.put_object(f"ftkit/{done.id}/postprocess/node-0/checkpoints/final/../../out", "x")
    with pytest.raises(ProviderError, match="leads out of the folder"):
        done.download(tmp_path / "weights")
