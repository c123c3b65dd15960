"""Batches of Claude, in the order of a batch's life. They go out in one request, and no file stays at Anthropic.

While a batch runs nothing tells whose it is: a lost start is known by the rows of its results, once it has ended, after a
day at the latest. Until then `find` says that it cannot tell.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit.backend import (
    Answer,
    BatchLimits,
    BatchRequest,
    BatchStatus,
    Call,
    Concealed,
    ModelRecord,
    NotSent,
    OutcomeUnknown,
    Refused,
    RemoteBatch,
    Unavailable,
    Upload,
    Usage,
)
from ftkit.catalogue import Catalogue
from ftkit.errors import NotFound, ProviderError
from ftkit.http import pages
from ftkit.http.replies import flag, items, text
from ftkit.http.shown import one_line
from ftkit_anthropic import batch_wire
from ftkit_anthropic.client import Client
from ftkit_anthropic.wire import MessagesWire

if TYPE_CHECKING:
    from ftkit_anthropic import AnthropicSettings

_PAGE = 1000
_NO_TOKENS = frozenset(("max_tokens", "metadata", "stop_sequences"))  # what adds none in `extra`
_FRAME, _PER_TURN = 64, 32  # tokens that are added to the texts, far more than were ever seen


class AnthropicBatching:
    """Batches of one workspace."""

    idempotent_start = False  # the create call knows no token
    # 256 MB with the names of the rows
    limits = BatchLimits(100_000, 240_000_000, "Anthropic's guide to batch processing")

    def __init__(self, client: Client, settings: AnthropicSettings, catalogue: Catalogue) -> None:
        self.listing_lag_s = settings.listing_lag_s
        self.poll_s = settings.poll_s
        self._client = client
        # Rows are answered at the same time and in any order: each would write the cache, and pay for it.
        self._messages = MessagesWire(catalogue, "off")
        self._keys: dict[str, str | None] = {}  # of batches that have ended, which never changes

    def encode(self, record: ModelRecord, index: int, call: Call) -> bytes:
        """The body that `chat` would send, without marks for the cache; its row is named at the start."""
        return json.dumps(self._messages.body(record, call), ensure_ascii=False).encode()

    def longest(self, record: ModelRecord, call: Call) -> Usage | None:
        """No token has less than a byte: there is no vocabulary of Claude's to count with. What is thought is in `max_tokens`."""
        if call.tools or call.schema is not None or not all(one.plain for one in call.messages):
            return None
        if set(call.extra) - _NO_TOKENS:
            return None
        most = self._messages.body(record, call).get("max_tokens")
        if type(most) is not int or most < 1:
            return None
        read = sum(_bytes(one.content) + _PER_TURN for one in call.messages)
        return Usage(_FRAME + read, most)

    def upload(self, file: Path, sha256: str) -> Upload:
        """The file where it lies: it is sent with the start."""
        return Upload(str(file), sha256, file.stat().st_size)

    def still_there(self, upload: Upload) -> bool:
        """True where it lies there as it was."""
        try:
            with open(upload.id, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == upload.sha256
        except OSError:
            return False

    def start(self, request: BatchRequest) -> RemoteBatch:
        """One POST, with all rows in it."""
        rows = _rows(request)
        reply = self._client.create(
            "POST /v1/messages/batches",
            lambda sdk: sdk.messages.batches.with_raw_response.create(
                requests=[], extra_body={"requests": rows}
            ),
        )
        try:
            return batch_wire.remote(reply)
        except ProviderError as error:
            raise OutcomeUnknown(f"Anthropic has answered the create, but {error}") from error

    def find(self, key: str, rows: int | None = None) -> list[RemoteBatch]:
        """Batches whose rows bear this key, oldest first: all pages are walked, and of each ended one the first row is read.

        Only those of so many rows are looked into. Anthropic keeps results for 29 days.
        """
        found, concealed = [], []
        for told in [one for page in self._pages() for one in page]:
            shown = batch_wire.remote(told)
            if rows is not None and shown.total != rows:
                continue
            if not shown.status.final:
                concealed.append(shown)
            elif self._key(told) == key:
                found.append(batch_wire.remote(told, key))
        if concealed and not found:
            raise Concealed(concealed)
        return found[::-1]

    def get(self, id: str) -> RemoteBatch:
        """The batch now; its key once it has ended."""
        told = self._batch(id)
        return batch_wire.remote(told, self._key(told))

    def answers(self, id: str) -> Iterator[tuple[int, Answer | str]]:
        """The rows of the results."""
        told = self._batch(id)
        shown, came = batch_wire.remote(told), 0
        keys: set[str] = set()
        for row in self._results(id):
            named = batch_wire.key_and_index(text(row, "custom_id"))
            if named is None:
                raise ProviderError(
                    "a row of the batch's results does not bear the number of a question"
                )
            keys.add(named[0])
            came += 1
            yield named[1], batch_wire.answer(row, self._messages.answer)
        if came != shown.total or len(keys) > 1:
            raise Unavailable(
                f"the results of {id} have {came:,} rows of {len(keys)} batches, and Anthropic says {shown.total:,} of one"
            )

    def cancel(self, id: str) -> None:
        """Ask for a stop; a batch that has ended stays as it is."""
        if self.get(id).status.final:
            return
        try:
            self._client.read(
                "POST /v1/messages/batches/ID/cancel",
                lambda sdk: sdk.messages.batches.with_raw_response.cancel(id),
            )
        except Refused:
            if not self.get(id).status.final:
                raise

    def _batch(self, id: str) -> dict[str, Any]:
        return self._client.read(
            "GET /v1/messages/batches/ID",
            lambda sdk: sdk.messages.batches.with_raw_response.retrieve(id),
        )

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        """Every page of the list, newest first; a page is named by the last batch of the one before."""
        what = "GET /v1/messages/batches"

        def fetch(cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
            after = {} if cursor is None else {"after_id": cursor}
            reply = self._client.read(
                what,
                lambda sdk: sdk.messages.batches.with_raw_response.list(limit=_PAGE, **after),
            )
            found = items(reply, "data")
            if not flag(reply, "has_more"):
                return found, None
            if not found:  # taken for the end, it would say that a batch is not there
                raise ProviderError(f"{what}: an empty page says that more follow")
            return found, text(found[-1], "id")

        return pages(fetch, what=what)

    def _key(self, told: dict[str, Any]) -> str | None:
        """The key that an ended batch's first row bears, its whole name where that is none of ours; None while it runs, and
        after 29 days.
        """
        id = text(told, "id")
        if batch_wire.remote(told).status is BatchStatus.RUNNING or not batch_wire.readable(told):
            return None
        if id not in self._keys:
            self._keys[id] = self._first_key(id)
        return self._keys[id]

    def _first_key(self, id: str) -> str | None:
        results = self._results(id)
        try:
            first = next(results, None)
        except NotFound:  # deleted meanwhile, or 29 days old by now
            return None
        finally:
            results.close()
        if first is None:
            raise Unavailable(f"the results of {id} have no row")
        name = text(first, "custom_id")
        named = batch_wire.key_and_index(name)
        return named[0] if named else one_line(name, 64)

    def _results(self, id: str) -> Any:
        """Each row; NotFound where Anthropic has them no more."""
        try:
            for content in self._client.results(id):
                if content.strip():
                    yield batch_wire.line(content)
        except NotFound as error:
            raise NotFound(
                f"the answers of batch {id} are not at Anthropic any more, which keeps them for 29 days"
            ) from error


def _rows(request: BatchRequest) -> list[dict[str, Any]]:
    try:
        bodies = Path(request.file.id).read_bytes().splitlines()
    except OSError as error:
        raise NotSent(
            f"{request.file.id} cannot be read: {error.strerror}; make the same call again"
        ) from error
    return [
        {"custom_id": batch_wire.row_name(request.key, index), "params": json.loads(body)}
        for index, body in enumerate(bodies)
    ]


def _bytes(content: str) -> int:
    """The most bytes of a text, as it is or with its letters brought into one form."""
    return max(len(one.encode()) for one in (content, unicodedata.normalize("NFKC", content)))
