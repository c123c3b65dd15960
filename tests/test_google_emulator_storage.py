"""Cloud Storage and tokens: what the real SDK sends, uploads that break off and go on, whose bucket and whose key it is."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google.auth
import google_crc32c
import pytest
from google.api_core.exceptions import Forbidden, NotFound, PreconditionFailed
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials

from tests.emulators.google import GoogleEmulator, driving
from tests.emulators.google.driving import Time, ask, path, store

server, emulator, client = driving.server, driving.emulator, driving.client
bucket, time = driving.bucket, driving.time

MIB = 1 << 20
PIECE = 256 * 1024
TEXT = b"one line\n" * 100


def test_a_small_file_comes_in_one_request_with_its_sums(
    emulator: GoogleEmulator, bucket: Any
) -> None:
    blob = bucket.blob("ftkit/one.jsonl")
    blob.metadata = {"ftkit_key": "k"}
    blob.upload_from_string(TEXT, content_type="application/jsonl", if_generation_match=0)
    found = bucket.get_blob("ftkit/one.jsonl")
    assert (found.size, found.content_type, found.metadata) == (
        900,
        "application/jsonl",
        {"ftkit_key": "k"},
    )
    assert base64.b64decode(found.md5_hash) == hashlib.md5(TEXT).digest()
    assert base64.b64decode(found.crc32c) == google_crc32c.value(TEXT).to_bytes(4, "big")
    assert found.download_as_bytes() == TEXT
    counts = emulator.counts()
    assert (counts["objects"], counts["uploaded_bytes"], counts["uploads"]) == (1, 900, 0)


@pytest.mark.parametrize("piece", [None, 4 * PIECE])
def test_a_large_file_comes_in_a_session(
    emulator: GoogleEmulator, bucket: Any, piece: int | None
) -> None:
    content = bytes(range(256)) * 4096 * 9 + b"end"
    blob = bucket.blob("large.jsonl", chunk_size=piece)
    blob.upload_from_file(io.BytesIO(content), size=len(content), if_generation_match=0)
    assert bucket.blob("large.jsonl").download_as_bytes() == content
    counts = emulator.counts()
    assert (counts["objects"], counts["uploads"]) == (1, 1)
    assert counts["requests"]["PUT upload"] == (1 if piece is None else 10)


def test_what_is_there_already_is_not_overwritten(emulator: GoogleEmulator, bucket: Any) -> None:
    blob = bucket.blob("one.jsonl")
    blob.upload_from_string(TEXT, if_generation_match=0)
    for content, size in ((b"other", None), (b"x" * 9 * MIB, 9 * MIB)):
        with pytest.raises(PreconditionFailed):
            bucket.blob("one.jsonl").upload_from_file(
                io.BytesIO(content), size=size, if_generation_match=0
            )
    assert blob.download_as_bytes() == TEXT
    blob.upload_from_string(b"newer", if_generation_match=blob.generation)
    assert emulator.counts()["objects"] == 2


class Session:
    """An upload by hand, as its protocol has it."""

    def __init__(self, emulator: GoogleEmulator, **about: Any) -> None:
        self._emulator = emulator
        self.content = bytes(range(256)) * 3 * 1024
        begin = f"/upload/storage/v1/b/{emulator.bucket}/o?uploadType=resumable"
        seen = ask(emulator, "POST", begin, {"name": "by-hand", **about})
        self.place = str(seen.headers["Location"]).removeprefix(emulator.url)

    def put(self, first: int, end: int, total: int | str | None = None, **headers: str) -> Any:
        """Send bytes from `first` up to before `end`."""
        whole = len(self.content) if total is None else total
        span = f"bytes {first}-{end - 1}/{whole}"
        piece = self.content[first:end]
        return ask(self._emulator, "PUT", self.place, piece, Content_Range=span, **headers)

    def ask(self) -> Any:
        """How far is it?"""
        span = f"bytes */{len(self.content)}"
        return ask(self._emulator, "PUT", self.place, b"", Content_Range=span)


def test_an_upload_goes_on_from_the_byte_that_the_server_has(emulator: GoogleEmulator) -> None:
    session = Session(emulator)
    nothing = session.ask()
    assert (nothing.status, nothing.headers["Range"]) == (308, None)
    assert session.put(0, PIECE).headers["Range"] == f"bytes=0-{PIECE - 1}"
    emulator.cut_upload(1000)
    assert session.put(PIECE, 2 * PIECE).status == 503
    assert session.ask().headers["Range"] == f"bytes=0-{PIECE + 999}"
    assert session.put(2 * PIECE, 3 * PIECE).status == 503  # a hole
    assert emulator.counts()["objects"] == 0
    done = session.put(PIECE + 1000, 3 * PIECE)
    assert (done.status, done.json["size"]) == (200, str(3 * PIECE))
    assert session.ask().json["name"] == "by-hand"
    assert base64.b64decode(done.json["md5Hash"]) == hashlib.md5(session.content).digest()
    counts = emulator.counts()
    assert (counts["objects"], counts["uploaded_bytes"]) == (1, 3 * PIECE)


def test_a_piece_whose_answer_was_lost_is_kept_and_not_kept_twice(
    emulator: GoogleEmulator,
) -> None:
    session = Session(emulator)
    emulator.fault("PUT upload", "reset", process=True)
    with pytest.raises(OSError):
        session.put(0, PIECE)
    assert session.ask().headers["Range"] == f"bytes=0-{PIECE - 1}"
    assert session.put(0, 2 * PIECE).headers["Range"] == f"bytes=0-{2 * PIECE - 1}"
    assert session.put(2 * PIECE, 3 * PIECE).json["size"] == str(3 * PIECE)


@pytest.mark.parametrize(
    ("about", "headers"),
    [
        ({"md5Hash": "AAAAAAAAAAAAAAAAAAAAAA=="}, {}),
        ({"crc32c": "AAAAAA=="}, {}),
        ({}, {"X_Goog_Hash": "crc32c=AAAAAA=="}),
    ],
)
def test_bytes_that_are_not_those_of_the_sum_are_refused(
    emulator: GoogleEmulator, about: dict[str, str], headers: dict[str, str]
) -> None:
    session = Session(emulator, **about)
    assert session.put(0, 3 * PIECE, **headers).status == 400
    assert emulator.counts()["objects"] == 0


def test_a_session_has_its_rules(emulator: GoogleEmulator, time: Time) -> None:
    session = Session(emulator)
    assert session.put(0, 1000).status == 400  # no multiple of 256 KiB, and not the end
    emulator.set(session_life_s=60)
    time.pass_(61)
    assert session.ask().status == 404


@pytest.mark.parametrize("how", ["refused", "half kept", "answer lost", "half kept, answer lost"])
def test_the_sdk_goes_on_with_an_upload_that_broke_off(
    emulator: GoogleEmulator, bucket: Any, how: str
) -> None:
    content = bytes(range(256)) * 4096 * 9
    if how == "refused":
        emulator.refuse("PUT upload", "UNAVAILABLE", skip=1)
    if "half kept" in how:
        emulator.cut_upload(MIB)
    if "answer lost" in how:
        emulator.fault("PUT upload", "reset", process=True)
    blob = bucket.blob("large.jsonl", chunk_size=16 * PIECE)
    blob.upload_from_file(io.BytesIO(content), size=len(content), if_generation_match=0)
    assert blob.download_as_bytes() == content
    counts = emulator.counts()
    assert (counts["objects"], counts["uploaded_bytes"]) == (1, len(content))


def test_lists_are_by_name_in_pages_below_a_prefix(emulator: GoogleEmulator, bucket: Any) -> None:
    for name in ("a/2", "a/1", "b/1", "c"):
        emulator.put_object(name, "x")
    client = store(emulator)
    assert [one.name for one in client.list_blobs(emulator.bucket)] == ["a/1", "a/2", "b/1", "c"]
    assert [one.name for one in client.list_blobs(emulator.bucket, page_size=1)] == [
        "a/1",
        "a/2",
        "b/1",
        "c",
    ]
    assert [one.name for one in client.list_blobs(emulator.bucket, prefix="a/")] == ["a/1", "a/2"]
    page = client.list_blobs(emulator.bucket, delimiter="/")
    assert [one.name for one in page] == ["c"]
    assert page.prefixes == {"a/", "b/"}
    bucket.blob("c").delete()
    assert not bucket.blob("c").exists()
    assert bucket.blob("b/1").exists()
    with pytest.raises(NotFound):
        bucket.blob("c").delete()
    assert emulator.counts()["objects"] == 0  # no client made them


def test_a_bucket_says_where_it_lies_and_whose_it_is(emulator: GoogleEmulator) -> None:
    client = store(emulator)
    assert client.get_bucket(emulator.bucket).location == "US-CENTRAL1"
    assert client.get_bucket("acme-eu-bucket").location == "EUROPE-WEST4"
    emulator.add_bucket("acme-asia-bucket", location="ASIA")
    assert client.get_bucket("acme-asia-bucket").location == "ASIA"
    with pytest.raises(Forbidden):
        client.get_bucket(emulator.other_bucket)
    with pytest.raises(Forbidden):
        client.bucket(emulator.other_bucket).blob("x").upload_from_string("x")
    with pytest.raises(NotFound):
        client.get_bucket("no-such-bucket")


def test_part_of_an_object_is_read(emulator: GoogleEmulator, bucket: Any) -> None:
    emulator.put_object("a", "0123456789")
    assert bucket.blob("a").download_as_bytes(start=2, end=4) == b"234"


@pytest.fixture
def key(emulator: GoogleEmulator, tmp_path: Path) -> Iterator[Path]:
    """A service account's key file."""
    yield emulator.credentials_file(tmp_path)


def test_a_key_file_is_worth_a_token(emulator: GoogleEmulator, key: Path) -> None:
    credentials = service_account.Credentials.from_service_account_file(str(key))
    assert store(emulator, credentials).get_bucket(emulator.bucket).location == "US-CENTRAL1"
    assert emulator.counts()["requests"]["POST token"] == 1


def test_the_key_is_found_by_its_variable(
    emulator: GoogleEmulator, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    credentials, project = google.auth.default(
        scopes=["https://www.googleapis.com/auth/cloud-platform"]
    )
    credentials.refresh(Request())
    assert project == emulator.project
    assert ask(emulator, "GET", path(emulator, "tuningJobs"), token=credentials.token).status == 200


def test_a_key_that_is_not_the_one_handed_out_is_worth_nothing(
    emulator: GoogleEmulator, key: Path, tmp_path: Path
) -> None:
    with GoogleEmulator() as other:
        forged = json.loads(other.credentials_file(tmp_path).read_text())
    forged["token_uri"] = f"{emulator.url}/token"
    credentials = service_account.Credentials.from_service_account_info(forged, scopes=["x"])
    emulator.credentials_file(tmp_path)
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        credentials.refresh(Request())


def test_a_user_s_refresh_token_is_worth_a_token(emulator: GoogleEmulator) -> None:
    credentials = Credentials(
        None,
        refresh_token=emulator.refresh_token(),
        token_uri=emulator.token_url,
        client_id="117",
        client_secret="x",
    )
    credentials.refresh(Request())
    assert ask(emulator, "GET", path(emulator, "tuningJobs"), token=credentials.token).status == 200


def test_a_token_ends_on_the_emulator_s_clock(emulator: GoogleEmulator, time: Time) -> None:
    emulator.set(token_s=600)
    token = emulator.token()
    where = path(emulator, "tuningJobs")
    time.pass_(599)
    assert ask(emulator, "GET", where, token=token).status == 200
    time.pass_(1)
    refused = ask(emulator, "GET", where, token=token)
    assert (refused.status, refused.json["error"]["status"]) == (401, "UNAUTHENTICATED")
    storage = ask(emulator, "GET", f"/storage/v1/b/{emulator.bucket}", token=token)
    assert storage.json["error"]["errors"][0]["reason"] == "authError"


def test_another_project_s_token_opens_nothing_here(emulator: GoogleEmulator) -> None:
    token = emulator.token(emulator.other_project)
    seen = ask(emulator, "GET", path(emulator, "tuningJobs"), token=token)
    assert (seen.status, seen.json["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert ask(emulator, "GET", path(emulator, "tuningJobs"), token="").status == 401
