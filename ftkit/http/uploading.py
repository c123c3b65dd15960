"""A file as the body of a request: streamed from disk, of a length that is known and held to."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_CHUNK = 64 * 1024


class FileTrouble(Exception):
    """The file cannot be read, or changed while it was sent."""


@dataclass(frozen=True, slots=True)
class FileBody:
    """A file as the whole body, or, with `form`, as the part `field` of a multipart form after the form's fields."""

    file: Path
    form: Mapping[str, str] | None = None
    field: str = "file"

    def open(self, stack: ExitStack) -> tuple[dict[str, str], Iterator[bytes]]:
        """The headers that describe the body, and the body; the file is closed with the stack."""
        try:
            handle = stack.enter_context(self.file.open("rb"))
            size = os.fstat(handle.fileno()).st_size
        except OSError as error:
            raise FileTrouble(f"cannot read {self.file}: {error.strerror}") from None
        content_type, before, after = "application/octet-stream", b"", b""
        if self.form is not None:
            boundary = secrets.token_hex(16)
            content_type = f"multipart/form-data; boundary={boundary}"
            before = self._before(boundary, self.form)
            after = f"\r\n--{boundary}--\r\n".encode()
        length = len(before) + size + len(after)
        headers = {"Content-Type": content_type, "Content-Length": str(length)}
        return headers, self._chunks(before, handle, size, after)

    def _before(self, boundary: str, form: Mapping[str, str]) -> bytes:
        lines: list[str] = []
        for name, value in form.items():
            lines += [f"--{boundary}", f"{_disposition(name)}", "", value]
        lines += [
            f"--{boundary}",
            f'{_disposition(self.field)}; filename="{_quoted(self.file.name)}"',
            "Content-Type: application/octet-stream",
            "",
            "",
        ]
        return "\r\n".join(lines).encode()

    def _chunks(self, before: bytes, handle: BinaryIO, size: int, after: bytes) -> Iterator[bytes]:
        if before:
            yield before
        left = size
        while left:
            try:
                chunk = handle.read(min(_CHUNK, left))
            except OSError as error:
                raise FileTrouble(f"cannot read {self.file}: {error.strerror}") from None
            if not chunk:
                raise FileTrouble(f"{self.file} became shorter while it was sent; send it again")
            left -= len(chunk)
            yield chunk
        if os.fstat(handle.fileno()).st_size != size:
            raise FileTrouble(f"{self.file} became longer while it was sent; send it again")
        if after:
            yield after


def _disposition(name: str) -> str:
    return f'Content-Disposition: form-data; name="{_quoted(name)}"'


def _quoted(text: str) -> str:
    return re.sub(r"[\"\r\n]", lambda match: f"%{ord(match.group()):02X}", text)
