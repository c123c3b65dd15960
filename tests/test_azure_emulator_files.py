"""Files on Azure: a check that takes its time, a mark at their begin, room for so many, and parts where there are any."""

from __future__ import annotations

import hashlib
from pathlib import Path

import openai
import pytest

from tests.emulators.azure import AzureEmulator, driving
from tests.emulators.azure.driving import Time, create, rows, upload

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time


def test_a_file_is_pending_at_first_and_no_job_starts_on_it(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    emulator.set(file_pending_s=30)
    made = client.files.create(file=("a.jsonl", rows()), purpose="fine-tune").to_dict()
    assert made["status"] == "pending"
    id = str(made["id"])
    assert client.files.list().data[0].to_dict()["status"] == "pending"
    with pytest.raises(openai.BadRequestError, match="is pending"):
        create(client, id)
    time.pass_(30)
    assert client.files.retrieve(id).status == "processed"
    create(client, id)
    assert emulator.counts()["jobs"] == 1


def test_the_answer_to_an_upload_says_pending_however_fast_the_check_is(
    client: openai.OpenAI,
) -> None:
    made = client.files.create(file=("a.jsonl", rows()), purpose="fine-tune")
    assert made.to_dict()["status"] == "pending"
    assert client.files.wait_for_processing(made.id).status == "processed"


def test_a_file_may_fail_its_check(client: openai.OpenAI, emulator: AzureEmulator) -> None:
    emulator.set(file_error=True)
    id = upload(client)
    found = client.files.retrieve(id)
    assert (found.status, bool(found.status_details)) == ("error", True)
    with pytest.raises(openai.BadRequestError, match="is error"):
        create(client, id)


def test_a_byte_order_mark_is_taken_and_noted(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    marked = upload(client, b"\xef\xbb\xbf" + rows())
    plain = upload(client)
    tokens = [
        client.fine_tuning.jobs.retrieve(create(client, id).id).trained_tokens
        for id in (marked, plain)
    ]
    assert tokens[0] == tokens[1]
    assert emulator.counts()["bom_files"] == 1


def test_the_resource_has_room_for_so_many_files(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    emulator.set(max_files=2)
    first, _ = upload(client), upload(client)
    with pytest.raises(openai.BadRequestError, match="2 files already"):
        upload(client)
    client.files.delete(first)
    upload(client)


def test_the_resource_has_room_for_so_many_bytes(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    emulator.set(max_total_bytes=2 * len(rows()))
    upload(client)
    upload(client)
    with pytest.raises(openai.BadRequestError, match="All files together"):
        upload(client, b"x")


def test_a_large_file_goes_up_in_parts_and_is_pending_too(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time, tmp_path: Path
) -> None:
    emulator.set(file_pending_s=30)
    content, path = rows(40), tmp_path / "large.jsonl"
    path.write_bytes(content)
    made = client.uploads.upload_file_chunked(
        file=path,
        mime_type="text/jsonl",
        purpose="fine-tune",
        part_size=1000,
        md5=hashlib.md5(content).hexdigest(),
    )
    assert made.file is not None
    assert made.file.to_dict()["status"] == "pending"
    time.pass_(30)
    assert client.files.content(made.file.id).content == content
    create(client, made.file.id)


def test_the_endpoint_of_a_project_has_no_uploads(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    emulator.set(uploads=False)
    with pytest.raises(openai.NotFoundError):
        client.uploads.create(
            bytes=10, filename="a.jsonl", mime_type="text/jsonl", purpose="fine-tune"
        )
    upload(client)
