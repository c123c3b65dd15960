"""Files and uploads on the emulator: what is taken, what is refused, what expires, and the limits at their edges."""

from __future__ import annotations

import hashlib
from typing import Any

import openai
import pytest

from tests.emulators.openai import OpenAIEmulator, driving
from tests.emulators.openai.driving import Time, rows, upload

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time


def announce(client: openai.OpenAI, size: int, **fields: Any) -> str:
    """Begin an upload; its id."""
    fields = {"filename": "large.jsonl", "purpose": "fine-tune", **fields}
    return client.uploads.create(bytes=size, mime_type="text/jsonl", **fields).id


def test_a_file_comes_back_byte_for_byte(client: openai.OpenAI) -> None:
    content = "\ufeff{}\r\n\u2028ü".encode() + bytes(range(256))
    file = client.files.create(file=("odd name ü.jsonl", content), purpose="fine-tune")
    assert (file.bytes, file.filename) == (len(content), "odd name ü.jsonl")
    assert client.files.content(file.id).content == content


@pytest.mark.parametrize(
    ("name", "purpose"), [("a.csv", "fine-tune"), ("a.jsonl", "training"), ("a.txt", "batch")]
)
def test_a_wrong_kind_of_file_is_refused(
    client: openai.OpenAI, emulator: OpenAIEmulator, name: str, purpose: Any
) -> None:
    with pytest.raises(openai.BadRequestError):
        client.files.create(file=(name, b"{}\n"), purpose=purpose)
    assert emulator.counts()["files"] == 0
    emulator.take_violations()


def test_the_size_limit_is_at_its_byte(client: openai.OpenAI, emulator: OpenAIEmulator) -> None:
    emulator.set(max_file_bytes=len(rows(20)))
    upload(client, rows(20))
    with pytest.raises(openai.APIStatusError) as raised:
        upload(client, rows(20) + b"\n")
    assert raised.value.status_code == 413


def test_a_file_ends_when_it_was_said_to(client: openai.OpenAI, time: Time) -> None:
    file = client.files.create(
        file=("a.jsonl", rows()),
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert file.expires_at == file.created_at + 3600
    time.pass_(3599)
    assert client.files.retrieve(file.id).id == file.id
    time.pass_(1)
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_a_job_needs_a_file_of_the_right_purpose_that_is_there(client: openai.OpenAI) -> None:
    other = client.files.create(file=("a.jsonl", rows()), purpose="batch").id
    with pytest.raises(openai.BadRequestError, match="purpose"):
        driving.create(client, other)
    with pytest.raises(openai.NotFoundError) as raised:
        driving.create(client, "file-none")
    assert raised.value.param == "training_file"


def test_parts_are_joined_in_the_order_that_is_named(client: openai.OpenAI) -> None:
    content = rows(20)
    upload = announce(client, len(content))
    second = client.uploads.parts.create(upload, data=content[500:]).id
    first = client.uploads.parts.create(upload, data=content[:500]).id
    md5 = hashlib.md5(content).hexdigest()
    done = client.uploads.complete(upload, part_ids=[first, second], md5=md5)
    assert done.status == "completed" and done.file is not None
    assert client.files.content(done.file.id).content == content


@pytest.mark.parametrize(
    ("size", "md5", "param"),
    [(999, None, "bytes"), (1001, None, "bytes"), (1000, "0" * 32, "md5")],
)
def test_parts_that_do_not_add_up_make_no_file(
    client: openai.OpenAI, emulator: OpenAIEmulator, size: int, md5: str | None, param: str
) -> None:
    upload = announce(client, 1000)
    sent = min(size, 1000)
    parts = [client.uploads.parts.create(upload, data=b"x" * sent).id]
    if size > 1000:
        with pytest.raises(openai.BadRequestError):
            client.uploads.parts.create(upload, data=b"x")
        return
    with pytest.raises(openai.BadRequestError) as raised:
        extra = {"md5": md5} if md5 else {}
        client.uploads.complete(upload, part_ids=parts, **extra)
    assert raised.value.param == param
    assert emulator.counts()["files"] == 0


def test_an_upload_lives_for_an_hour(client: openai.OpenAI, time: Time) -> None:
    upload = announce(client, 3)
    time.pass_(3599)
    part = client.uploads.parts.create(upload, data=b"abc").id
    time.pass_(1)
    with pytest.raises(openai.BadRequestError, match="expired"):
        client.uploads.complete(upload, part_ids=[part])


def test_a_cancelled_upload_takes_nothing_more(client: openai.OpenAI) -> None:
    upload = announce(client, 3)
    assert client.uploads.cancel(upload).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="cancelled"):
        client.uploads.parts.create(upload, data=b"abc")


def test_parts_and_totals_have_limits(client: openai.OpenAI, emulator: OpenAIEmulator) -> None:
    emulator.set(max_part_bytes=10, max_upload_bytes=20)
    with pytest.raises(openai.BadRequestError):
        announce(client, 21)
    upload = announce(client, 20)
    client.uploads.parts.create(upload, data=b"x" * 10)
    with pytest.raises(openai.BadRequestError):
        client.uploads.parts.create(upload, data=b"x" * 11)
