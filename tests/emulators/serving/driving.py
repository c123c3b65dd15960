"""What tests drive emulators with: rows of JSON, virtual time, and plain requests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener


def jsonl(lines: Iterable[Any]) -> bytes:
    """Lines of JSON."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def with_objects(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A scripted answer whose calls have their arguments as an object, and not as its JSON text."""
    calls = [
        {**one, "arguments": json.loads(one["arguments"])} for one in answer.get("tool_calls", ())
    ]
    return {**answer, **({"tool_calls": calls} if calls else {})}


class Time:
    """Virtual time in a file, which an emulator reads too."""

    def __init__(self, path: Path, start: str) -> None:
        self._path = path
        self.set(start)

    @property
    def setting(self) -> str:
        """What FTKIT_NOW would hold."""
        return f"file:{self._path}"

    def set(self, moment: str) -> None:
        """Let it be this moment."""
        self._now = datetime.fromisoformat(moment)
        self._path.write_text(self._now.isoformat())

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.set((self._now + timedelta(seconds=seconds)).isoformat())


@dataclass(frozen=True)
class Seen:
    """An answer as it came over the wire."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        """Its JSON."""
        return json.loads(self.body)

    @property
    def why(self) -> str:
        """The message of an error."""
        return str(self.json["error"]["message"])


def ask_plainly(method: str, url: str, headers: Mapping[str, str], body: Any = None) -> Seen:
    """One request, without a proxy; a body that is not bytes goes as JSON.

    OSError or http.client's errors where no whole answer came.
    """
    as_json = body is not None and not isinstance(body, bytes)
    request = Request(url, json.dumps(body).encode() if as_json else body, method=method)
    usual = {"Content-Type": "application/json"} if as_json else {}
    for name, value in {**usual, **headers}.items():
        request.add_header(name, value)
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=20) as reply:
            return Seen(reply.status, reply.headers, reply.read())
    except HTTPError as error:
        with error:
            return Seen(error.code, error.headers, error.read())
