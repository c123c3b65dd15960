"""What OpenAI has kept of a job, taken home: its words, the files that it names, and the content of each.

Rows are compared with the size that OpenAI tells, so a page of some proxy is not taken for them. Results may come as
base64 of the CSV; whether their told size is then that of the text is documented nowhere, so it is not looked at.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ftkit.backend import FileRole, Remote, RemoteFile, Told, Unavailable
from ftkit.errors import ProviderError
from ftkit.http.replies import ident, optional_text, optional_whole, whole
from ftkit_openai.client import Client

_MOST_METRICS = 64 * 1024**2  # they are read as a whole


def told(words: Mapping[str, Any], job: Remote) -> Told:
    """A job as `Told`; `job` is the same as the contract has it."""
    return Told(
        job,
        words,
        tuple(_files(words)),
        optional_whole(words, "trained_tokens"),
        _hyperparameters(words),
    )


def fetch(client: Client, file: RemoteFile, to: Path) -> str | None:
    """The content into `to`, and the file's name at OpenAI. Two reads: what the file is, then what it holds."""
    id = file.id
    about = client.read("GET /files/ID", lambda sdk: sdk.files.with_raw_response.retrieve(id))
    client.save(
        "GET /files/ID/content",
        lambda sdk: sdk.files.with_streaming_response.content(id),
        to,
    )
    came = to.stat().st_size
    if file.role is FileRole.METRICS:
        if came > _MOST_METRICS:
            raise ProviderError(f"the result file {id} has {came:,} bytes: these are no metrics")
        to.write_bytes(_csv(to.read_bytes()))
    elif came != whole(about, "bytes"):
        raise Unavailable(
            f"the content of {id} has {came:,} bytes, and {client.title} says {whole(about, 'bytes'):,}"
        )
    return optional_text(about, "filename")


def _files(words: Mapping[str, Any]) -> Iterator[RemoteFile]:
    yield RemoteFile(ident(words, "training_file"), FileRole.TRAINING)
    if words.get("validation_file") is not None:
        yield RemoteFile(ident(words, "validation_file"), FileRole.VALIDATION)
    results = words.get("result_files")
    for id in results if isinstance(results, list) else ():
        yield RemoteFile(ident({"result_files": id}, "result_files"), FileRole.METRICS)


def _hyperparameters(words: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of the method, else the older ones of the job itself."""
    method = words.get("method")
    if isinstance(method, dict):
        own = method.get(str(method.get("type")))
        if isinstance(own, dict) and isinstance(own.get("hyperparameters"), dict):
            return dict(own["hyperparameters"])
    given = words.get("hyperparameters")
    return dict(given) if isinstance(given, dict) else {}


def _csv(content: bytes) -> bytes:
    """The text of a result file; raises ProviderError where it is neither CSV nor base64 of CSV."""
    if _has_header(content):
        return content
    try:
        decoded = base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error:
        decoded = b""
    if not _has_header(decoded):
        raise ProviderError("a result file is neither CSV nor base64 of CSV")
    return decoded


def _has_header(content: bytes) -> bool:
    columns = content.partition(b"\n")[0].strip().split(b",")
    return b"step" in [column.strip(b' "\xef\xbb\xbf') for column in columns]
