"""Batches at OpenAI, in the order of a batch's life. Our key stands in the metadata, by which their list cannot be filtered.

Answers come in any order, in two files: what was answered, and what was refused or not reached in time.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit.backend import (
    Answer,
    BatchLimits,
    BatchRequest,
    BatchStatus,
    Call,
    ModelRecord,
    OutcomeUnknown,
    Refused,
    RemoteBatch,
    Unavailable,
    Upload,
    Usage,
)
from ftkit.errors import DataError, NotFound, ProviderError, StorageError
from ftkit.http import pages
from ftkit.http.replies import (
    NotJson,
    flag,
    ident,
    inner,
    items,
    number,
    optional_text,
    parse,
    text,
    whole,
)
from ftkit_openai import chat_wire, wire
from ftkit_openai.client import Client
from ftkit_openai.events import newest_first
from ftkit_openai.tokens import OpenAIRenderer
from ftkit_openai.uploading import Uploading

if TYPE_CHECKING:
    from ftkit_openai import OpenAISettings

_PAGE = 100
_ENDPOINT = "/v1/chat/completions"
_ROW_NAME = re.compile(r"row-([1-9][0-9]{0,8})")
_STATUS = {
    "validating": BatchStatus.QUEUED,
    "in_progress": BatchStatus.RUNNING,
    "finalizing": BatchStatus.RUNNING,
    "cancelling": BatchStatus.RUNNING,
    "completed": BatchStatus.SUCCEEDED,
    "failed": BatchStatus.FAILED,
    "cancelled": BatchStatus.CANCELLED,
    "expired": BatchStatus.EXPIRED,
}
# What may stand in `extra` beside the limits without a token more being read or written, or another price being paid.
_HARMLESS = frozenset(
    (
        "frequency_penalty",
        "logit_bias",
        "metadata",
        "presence_penalty",
        "safety_identifier",
        "store",
        "user",
    )
)
_LIMITS_OF_AN_ANSWER = ("max_completion_tokens", "max_tokens")


class OpenAIBatching:
    """Batches of one account."""

    idempotent_start = False  # the create call knows no token
    limits = BatchLimits(50_000, 200_000_000, "OpenAI's API reference, Create batch, of 2026-11-12")

    def __init__(self, client: Client, settings: OpenAISettings) -> None:
        self.listing_lag_s = settings.listing_lag_s
        self.poll_s = settings.poll_s
        self._client = client
        self._files = Uploading(client, settings, "batch")

    def encode(self, record: ModelRecord, index: int, call: Call) -> bytes:
        """One row: the body that `chat` would send, and the number of its question."""
        row = {
            "custom_id": f"row-{index + 1}",
            "method": "POST",
            "url": _ENDPOINT,
            "body": chat_wire.body(record, call),
        }
        return json.dumps(row, ensure_ascii=False).encode()

    def longest(self, record: ModelRecord, call: Call) -> Usage | None:
        """Text is counted with the model's own vocabulary; of tools, images and schemas OpenAI does not say what they are."""
        if call.tools or call.schema is not None or not all(one.plain for one in call.messages):
            return None
        if set(call.extra) - _HARMLESS - {*_LIMITS_OF_AN_ANSWER, "n"}:
            return None
        body = chat_wire.body(record, call)
        given = [body[name] for name in _LIMITS_OF_AN_ANSWER if name in body]
        many = body.get("n", 1)
        if not given or not all(type(one) is int and one > 0 for one in (*given, many)):
            return None
        try:
            read = len(OpenAIRenderer(record.native, None).prompt(call.messages))
        except DataError:  # it holds a control token, which may be billed as one or as many
            return None
        return Usage(read, max(given) * many)

    def upload(self, file: Path, sha256: str) -> Upload:
        """Send the file."""
        return self._files.upload(file, sha256)

    def still_there(self, upload: Upload) -> bool:
        """True where OpenAI still has the file."""
        return self._files.still_there(upload)

    def start(self, request: BatchRequest) -> RemoteBatch:
        """One POST. A refusal says what lies at OpenAI already."""
        try:
            reply = self._client.create(
                "POST /batches",
                lambda sdk: sdk.batches.with_raw_response.create(
                    input_file_id=request.file.id,
                    endpoint=_ENDPOINT,
                    completion_window="24h",
                    metadata={wire.KEY_FIELD: request.key},
                ),
            )
        except Refused as error:
            raise Refused(
                error.code,
                f"{error.message}. Nothing was started; the file {request.file.id} stays at OpenAI and would be used "
                "again; delete at https://platform.openai.com/storage what is not wanted there",
            ) from None
        try:
            return _remote(reply)
        except ProviderError as error:
            raise OutcomeUnknown(f"OpenAI has answered the create, but {error}") from error

    def find(self, key: str, rows: int | None = None) -> list[RemoteBatch]:
        """Batches with this key in their metadata, oldest first: all pages are walked."""
        found = [one for page in self._pages() for one in page if wire.key_of(one) == key]
        found.sort(key=lambda one: number(one, "created_at"))
        return [_remote(one) for one in found]

    def get(self, id: str) -> RemoteBatch:
        """The batch now."""
        return _remote(self._batch(id))

    def answers(self, id: str) -> Iterator[tuple[int, Answer | str]]:
        """The rows of both files."""
        batch = self._batch(id)
        with tempfile.TemporaryDirectory(prefix="ftkit-batch-") as folder:
            for field in ("error_file_id", "output_file_id"):
                if batch.get(field) is not None:
                    path = Path(folder) / field
                    self._fetch(ident(batch, field), path)
                    yield from _rows(path)

    def cancel(self, id: str) -> None:
        """Ask for a stop, which may take OpenAI ten minutes; a batch that has ended stays as it is."""
        if self.get(id).status.final:
            return
        try:
            self._client.read(
                "POST /batches/ID/cancel",
                lambda sdk: sdk.batches.with_raw_response.cancel(id),
            )
        except Refused:
            if not self.get(id).status.final and self.get(id).raw_status != "cancelling":
                raise

    def _batch(self, id: str) -> dict[str, Any]:
        return self._client.read(
            "GET /batches/ID", lambda sdk: sdk.batches.with_raw_response.retrieve(id)
        )

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        """Every page of the list, newest first; a page is named by the last batch of the one before."""
        what = "GET /batches"

        def fetch(cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
            after = {} if cursor is None else {"after": cursor}
            reply = self._client.read(
                what, lambda sdk: sdk.batches.with_raw_response.list(limit=_PAGE, **after)
            )
            found = newest_first(items(reply, "data"))
            if not flag(reply, "has_more"):
                return found, None
            if not found:  # taken for the end, it would say that a batch is not there
                raise ProviderError(f"{what}: an empty page says that more follow")
            return found, text(found[-1], "id")

        return pages(fetch, what=what)

    def _fetch(self, id: str, to: Path) -> None:
        """The content of a file, whole."""
        try:
            about = self._client.read(
                "GET /files/ID", lambda sdk: sdk.files.with_raw_response.retrieve(id)
            )
            self._client.save(
                "GET /files/ID/content",
                lambda sdk: sdk.files.with_streaming_response.content(id),
                to,
            )
        except NotFound as error:
            raise NotFound(
                f"the answers of the batch are not at OpenAI any more: the file {id} was deleted or has expired"
            ) from error
        came, said = to.stat().st_size, whole(about, "bytes")
        if came != said:
            raise Unavailable(f"the content of {id} has {came:,} bytes, and OpenAI says {said:,}")


def _rows(path: Path) -> Iterator[tuple[int, Answer | str]]:
    """Each line of a file of answers; ProviderError for one that does not say to which question it belongs."""
    try:
        with path.open("rb") as file:
            for line in file:
                if line.strip():
                    yield _row(line)
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error


def _row(line: bytes) -> tuple[int, Answer | str]:
    try:
        row = parse(line)
    except NotJson as error:
        raise ProviderError(f"a row of the batch's answers {error}") from None
    name = _ROW_NAME.fullmatch(text(row, "custom_id")) if isinstance(row, dict) else None
    if name is None:
        raise ProviderError("a row of the batch's answers does not bear the number of a question")
    return int(name[1]) - 1, _answer(row)


def _answer(row: Mapping[str, Any]) -> Answer | str:
    """The answer, or why there is none."""
    response = row.get("response")
    if not isinstance(response, dict):
        return _said(row.get("error")) or "OpenAI gives neither an answer nor a reason"
    body = response.get("body")
    if response.get("status_code") != 200 or not isinstance(body, dict):
        said = _said(body.get("error") if isinstance(body, dict) else None)
        return f"OpenAI refused it with HTTP {response.get('status_code')}" + (
            f": {said}" if said else ""
        )
    try:
        return chat_wire.answer(body)
    except ProviderError as error:
        return f"its answer cannot be read: {error}"


def _said(error: Any) -> str:
    if not isinstance(error, dict):
        return ""
    code, message = optional_text(error, "code"), optional_text(error, "message")
    return ": ".join(part.strip() for part in (code, message) if part and part.strip())


def _remote(reply: Mapping[str, Any]) -> RemoteBatch:
    """A batch; ProviderError names a field that is not as it should be."""
    word = text(reply, "status")
    counts = inner(reply, "request_counts") if reply.get("request_counts") is not None else {}
    done, failed, total = (
        whole(counts, name) if counts else 0 for name in ("completed", "failed", "total")
    )
    return RemoteBatch(
        id=ident(reply, "id"),
        status=_STATUS.get(word, BatchStatus.OTHER),
        raw_status=word,
        key=wire.key_of(reply),
        done=done,
        failed=failed,
        total=total,
        error=_errors(reply),
        created_at=wire.iso(reply, "created_at"),
    )


def _errors(reply: Mapping[str, Any]) -> str | None:
    """What is wrong with the file, by line."""
    errors = reply.get("errors")
    told = errors.get("data") if isinstance(errors, dict) else None
    lines = []
    for error in told[:3] if isinstance(told, list) else ():
        said = _said(error)
        line = error.get("line") if isinstance(error, dict) else None
        lines.append(f"row {line}: {said}" if isinstance(line, int) else said)
    more = f" (and {len(told) - 3} more)" if isinstance(told, list) and len(told) > 3 else ""
    return ("; ".join(filter(None, lines)) + more)[:2000] or None
