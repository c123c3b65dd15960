"""Batches of the stand-in provider: a file of questions, and their answers some time later at half the price."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit.backend import (
    Answer,
    BatchLimits,
    BatchRequest,
    BatchStatus,
    Call,
    ModelRecord,
    RemoteBatch,
    Upload,
    Usage,
)
from ftkit.data.example import as_dicts
from ftkit.errors import NotFound
from ftkit.http.replies import ident, inner, items, optional_text, text, whole
from ftkit.testing.fake_backend.client import Client
from ftkit.testing.fake_backend.wire import iso

if TYPE_CHECKING:
    from ftkit.testing.fake_backend import FakeSettings

_STATUS = {
    "queued": BatchStatus.QUEUED,
    "running": BatchStatus.RUNNING,
    "succeeded": BatchStatus.SUCCEEDED,
    "cancelled": BatchStatus.CANCELLED,
    "expired": BatchStatus.EXPIRED,
}


class FakeBatching:
    """Batches of the stand-in provider."""

    limits = BatchLimits(1000, 1_000_000, "ftkit/testing/hosted_server")

    def __init__(self, client: Client, settings: FakeSettings) -> None:
        self.listing_lag_s = settings.listing_lag_s
        self.poll_s = settings.poll_s
        self.idempotent_start = settings.idempotent
        self._client = client

    def encode(self, record: ModelRecord, index: int, call: Call) -> bytes:
        """One row: {"index", "body"}."""
        body = {
            "model": record.native,
            "messages": as_dicts(call.messages),
            "max_tokens": call.max_tokens,
            "temperature": call.temperature,
        }
        return json.dumps({"index": index, "body": body}, ensure_ascii=False).encode()

    def longest(self, record: ModelRecord, call: Call) -> Usage | None:
        """Words are its tokens."""
        return Usage(sum(len(one.content.split()) for one in call.messages), call.max_tokens)

    def upload(self, file: Path, sha256: str) -> Upload:
        """Send the file."""
        reply = self._client.http.upload(
            "/v1/files", file, params={"purpose": "batch"}, headers={"X-Content-SHA256": sha256}
        )
        return Upload(ident(reply, "id"), sha256, whole(reply, "bytes"))

    def still_there(self, upload: Upload) -> bool:
        """True where the provider still has the file."""
        try:
            return text(self._client.http.get(f"/v1/files/{upload.id}"), "sha256") == upload.sha256
        except NotFound:
            return False

    def start(self, request: BatchRequest) -> RemoteBatch:
        """One POST."""
        body = {"input_file": request.file.id, "metadata": {"key": request.key}}
        return _remote(self._client.create("/v1/batches", body, request.key))

    def find(self, key: str, rows: int | None = None) -> list[RemoteBatch]:
        """Batches with this key in their metadata, oldest first."""
        return [_remote(found) for found in self._client.pages("/v1/batches", key=key)][::-1]

    def get(self, id: str) -> RemoteBatch:
        """The batch now."""
        return _remote(self._client.http.get(f"/v1/batches/{id}"))

    def answers(self, id: str) -> Iterator[tuple[int, Answer | str]]:
        """What there is of it."""
        for row in items(self._client.http.get(f"/v1/batches/{id}/answers"), "data"):
            yield whole(row, "index"), _answer(row)

    def cancel(self, id: str) -> None:
        """Ask for a stop; one that has ended stays as it is."""
        if not self.get(id).status.final:
            self._client.http.post_read(f"/v1/batches/{id}/cancel", {})


def _answer(row: dict[str, Any]) -> Answer | str:
    if "error" in row:
        return text(inner(row, "error"), "message")
    usage = inner(row, "usage")
    return Answer(
        text(row, "text"),
        text(row, "finish_reason"),
        Usage(whole(usage, "input_tokens"), whole(usage, "output_tokens")),
        raw=row,
    )


def _remote(reply: dict[str, Any]) -> RemoteBatch:
    word = text(reply, "status")
    return RemoteBatch(
        id=ident(reply, "id"),
        status=_STATUS.get(word, BatchStatus.OTHER),
        raw_status=word,
        key=optional_text(inner(reply, "metadata"), "key"),
        done=whole(reply, "done"),
        failed=whole(reply, "failed"),
        total=whole(reply, "total"),
        created_at=iso(reply, "created_at"),
    )
