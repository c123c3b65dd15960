"""Files at Azure: marked as its documentation wants them, waited for, within the room of the resource, by the right route."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ftkit import clock
from ftkit.backend import RemoteFile, Upload
from ftkit.backend.jobs import FileRole
from ftkit.errors import CapabilityError, ProviderError
from ftkit_azure import AzureSettings, uploading
from ftkit_azure.client import AzureClient
from ftkit_azure.uploading import BOM, AzureUploading
from tests.azure_desk import FILE, UPLOAD, opened, submit
from tests.emulators.azure import AzureEmulator
from tests.emulators.azure.driving import ask

pytest_plugins = ("tests.azure_fixtures",)

PARTS = "POST /openai/v1/uploads/ID/parts"


def files(azure: AzureEmulator, **settings: object) -> AzureUploading:
    given = AzureSettings.model_validate({"base_url": azure.base_url, "poll_s": 5.0, **settings})
    return AzureUploading(AzureClient(given), given)


def written(folder: Path, size: int) -> tuple[Path, str]:
    """Rows of that size in all."""
    row = b'{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "%s"}]}\n'
    content = b""
    while len(content) < size:
        content += row % (b"y" * min(400, max(1, size - len(content) - len(row) + 2)))
    path = folder / "rows.jsonl"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def held(azure: AzureEmulator, id: str) -> bytes:
    return ask(azure, "GET", f"/openai/v1/files/{id}/content").body


@pytest.mark.parametrize("at_once", [True, False])
def test_a_file_arrives_whole_with_its_mark_in_one_request_or_in_parts(
    at_once: bool, azure: AzureEmulator, tmp_path: Path
) -> None:
    file, sha256 = written(tmp_path, 2000)
    ours = files(azure, max_file_bytes=10_000 if at_once else 1000, part_bytes=700)
    sent = ours.upload(file, sha256)
    assert held(azure, sent.id) == BOM + file.read_bytes()
    assert sent == Upload(sent.id, sha256, file.stat().st_size)
    requests = azure.counts()["requests"]
    assert (requests.get(UPLOAD, 0), requests.get(PARTS, 0) > 1) == (
        (1, False) if at_once else (0, True)
    )
    assert ours.still_there(sent)
    assert not ours.still_there(Upload(sent.id, "0" * 64, sent.size))


def test_the_mark_stays_behind_when_rows_come_home(azure: AzureEmulator, tmp_path: Path) -> None:
    file, sha256 = written(tmp_path, 3000)
    sent = files(azure).upload(file, sha256)
    training = opened().training
    assert training is not None
    back = tmp_path / "back.jsonl"
    training.fetch(RemoteFile(sent.id, FileRole.TRAINING), back)  # type: ignore[attr-defined]
    assert back.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("piece", [1, 2, 7, 10**6])
def test_taking_off_the_mark_keeps_every_byte_behind_it(
    piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "_PIECE", piece)
    path = tmp_path / "file"
    for content in (b"", b"a", BOM, b"rows\n" * 9, BOM[:2]):
        path.write_bytes(BOM + content)
        uploading.unmarked(path)
        assert path.read_bytes() == content
    path.write_bytes(b"no mark")
    uploading.unmarked(path)
    assert path.read_bytes() == b"no mark"


def test_a_file_is_waited_for_until_azure_has_taken_it_in(azure: AzureEmulator) -> None:
    azure.set(file_pending_s=90.0)
    before = clock.now()
    submit()
    assert 90 <= (clock.now() - before).total_seconds() < 130
    assert azure.counts()["requests"][FILE] < 15


def test_a_file_that_azure_does_not_take_in_is_told_and_no_job_is_made(
    azure: AzureEmulator,
) -> None:
    azure.set(file_error=True)
    with pytest.raises(ProviderError, match="has not taken in the file"):
        submit()
    assert azure.counts()["jobs"] == 0


def test_a_gigabyte_is_all_that_a_resource_holds(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, sha256 = written(tmp_path, 2000)
    monkeypatch.setattr(uploading, "_MOST_BYTES_IN_ALL", file.stat().st_size + 100)
    files(azure).upload(file, sha256)
    with pytest.raises(CapabilityError, match="holds .* already.*ftkit job delete-files"):
        files(azure).upload(file, sha256)
    assert azure.counts()["files"] == 1


def test_a_hundred_files_are_all_that_a_resource_holds(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "_MOST_FILES", 1)
    file, sha256 = written(tmp_path, 500)
    files(azure).upload(file, sha256)
    with pytest.raises(CapabilityError, match="holds 1 files"):
        files(azure).upload(file, sha256)


def test_the_limits_are_those_that_azure_states() -> None:
    assert AzureSettings().max_file_bytes == 100_000_000
    assert uploading._MOST_AT_ONCE == 512_000_000
    assert uploading._MOST_BYTES_IN_ALL == 1_000_000_000
    assert uploading._MOST_FILES == 100


def test_a_projects_route_has_no_uploads_so_that_a_file_goes_whole_or_not_at_all(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the uploads API answers 404."""
    azure.set(uploads=False)
    monkeypatch.setattr(AzureClient, "project", "acme")
    file, sha256 = written(tmp_path, 2000)
    sent = files(azure, max_file_bytes=1000).upload(file, sha256)
    assert held(azure, sent.id) == BOM + file.read_bytes()
    monkeypatch.setattr(uploading, "_MOST_AT_ONCE", 1000)
    with pytest.raises(CapabilityError, match="1,000; split the data"):
        files(azure, max_file_bytes=1000).upload(file, sha256)


@pytest.mark.parametrize(
    ("endpoint", "project"),
    [
        ("https://acme.openai.azure.com", None),
        ("https://acme.services.ai.azure.com/api/projects/router", "router"),
    ],
)
def test_the_route_is_told_by_the_address(endpoint: str, project: str | None) -> None:
    client = AzureClient(AzureSettings(endpoint=endpoint))
    assert client.project == project
    assert client.scope() == f"azure|acme|{project or '-'}"
    assert client.address == f"{endpoint}/openai/v1"
