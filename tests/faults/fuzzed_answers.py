"""What a provider's server may send instead of its answer, as data for a fake server.

`process=True`: the server does what it was asked (a job exists, and is billed) and the reply alone
is wrong; False: it does nothing. Bodies are made when they are first read: two unpack to 1 GiB.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Literal

Step = Literal["create", "list", "get", "events", "upload", "account"]
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class FuzzedAnswer:
    """One reply of the server to one step.

    action: "reply" sends status, headers and body; "half" announces the whole body, sends its
        first half and closes the connection.
    headers: sent as they are; the server adds Content-Length unless it or Transfer-Encoding is
        here, and Content-Type application/json unless it is here. In a Location, "{other}" is the
        port of a second server on 127.0.0.2 and "{self}" the address that was asked for.
    """

    name: str
    on: Step
    process: bool
    action: Literal["reply", "half"]
    status: int
    headers: Mapping[str, str]
    make: Callable[[], bytes] = field(repr=False)

    @property
    def body(self) -> bytes:
        """The bytes to send, as on the wire (after any content encoding)."""
        return self.make()


_JOB: dict[str, object] = {
    "id": "ftjob-fuzzed",
    "object": "fine_tuning.job",
    "status": "running",
    "model": "gpt-4.1-mini-2025-04-14",
    "created_at": 1795000000,
    "fine_tuned_model": None,
    "error": None,
    "metadata": {},
}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _job(**changes: object) -> bytes:
    return _json({**_JOB, **changes})


def _raw_job(key: str, text: str) -> bytes:
    """A job whose value of `key` is this JSON text, which Python would not write."""
    return _job(**{key: "@"}).replace(b'"@"', text.encode())


def _page(*jobs: Mapping[str, object], more: bool = False, **changes: object) -> bytes:
    return _json({"object": "list", "data": list(jobs), "has_more": more, **changes})


def _event(message: str) -> bytes:
    event = {"id": "ftevent-1", "level": "info", "created_at": 1795000000, "message": message}
    return _page({**event, "object": "fine_tuning.job.event"})


def _error(message: str, code: str | None = "fuzzed") -> bytes:
    return _json({"error": {"message": message, "type": "error", "code": code}})


@cache
def _bomb() -> bytes:
    """A gzip stream of about 1 MB that unpacks to 1 GiB of spaces, in one member.

    After a full flush the compressor starts anew: one packed block, repeated, is a valid stream.
    """
    block, repeats = b" " * (1 << 20), 1 << 10
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(repeats):
        checksum = zlib.crc32(block, checksum)
    size = len(block) * repeats
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    tail = checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    return head + first * repeats + packer.flush(zlib.Z_FINISH) + tail


@cache
def _bomb_twice() -> bytes:
    """The same, packed once more: a few KB."""
    return gzip.compress(_bomb(), 9, mtime=0)


def _answer(
    name: str,
    on: Step,
    body: bytes | Callable[[], bytes],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    *,
    process: bool | None = None,
    action: Literal["reply", "half"] = "reply",
) -> FuzzedAnswer:
    """Unless said otherwise, the server has done its work exactly when the status is 2xx or 5xx."""
    done = (status < 300 or status >= 500) if process is None else process
    make = body if callable(body) else lambda: body
    return FuzzedAnswer(name, on, done, action, status, MappingProxyType(headers or {}), make)


_HTML = b"<!doctype html><html><body><h1>Sign in to the hotel network</h1></body></html>"
_HTML_TYPE = {"Content-Type": "text/html; charset=utf-8"}
_GZIP = {"Content-Encoding": "gzip"}
_ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31mpaid\x1b[0m\r\x00\x08\x9b1m\u202etxt.exe"
_LONG = 5 * 1000 * 1000  # characters


def _not_json(on: Step) -> Iterator[FuzzedAnswer]:
    """Replies that are no JSON at all, or only part of it."""
    whole = _page(_JOB) if on in ("list", "events") else _job()
    yield _answer(f"{on}: HTML with 200", on, _HTML, 200, _HTML_TYPE)
    yield _answer(f"{on}: HTML called JSON", on, _HTML, 200, {"Content-Type": JSON})
    yield _answer(f"{on}: HTML with 502", on, b"<html>Bad gateway</html>", 502, _HTML_TYPE)
    yield _answer(f"{on}: HTML with 502, nothing done", on, _HTML, 502, _HTML_TYPE, process=False)
    yield _answer(f"{on}: empty with 200", on, b"")
    yield _answer(f"{on}: 204", on, b"", 204)
    for place, end in (
        ("after the brace", 1),
        ("inside a key", 4),
        ("in the middle", len(whole) // 2),
        ("before the last brace", len(whole) - 1),
    ):
        yield _answer(f"{on}: JSON cut {place}", on, whole[:end])
    yield _answer(f"{on}: two documents", on, whole + whole)
    yield _answer(f"{on}: half of the body", on, whole, action="half")
    too_long = {"Content-Length": str(len(whole) + 1000)}
    yield _answer(f"{on}: Content-Length too long", on, whole, 200, too_long, action="half")
    too_short = {"Content-Length": str(len(whole) - 20)}
    yield _answer(f"{on}: Content-Length too short", on, whole, 200, too_short)
    chunked = {"Transfer-Encoding": "chunked"}
    yield _answer(f"{on}: chunks that are none", on, b"zz\r\n" + whole + b"\r\n0\r\n", 200, chunked)
    yield _answer(f"{on}: invalid UTF-8", on, whole.replace(b"fine", b"\xff\xfe\x80", 1))
    yield _answer(f"{on}: UTF-16 with BOM", on, whole.decode().encode("utf-16"))
    yield _answer(f"{on}: UTF-8 BOM before JSON", on, b"\xef\xbb\xbf" + whole)
    yield _answer(f"{on}: deep nesting", on, b"[" * 100_000)
    yield _answer(f"{on}: gzip bomb", on, _bomb, 200, _GZIP)
    twice = {"Content-Encoding": "gzip, gzip"}
    yield _answer(f"{on}: gzip bomb in gzip", on, _bomb_twice, 200, twice)
    yield _answer(f"{on}: gzip header, then garbage", on, b"\x1f\x8b\x08\x00garbage!", 200, _GZIP)
    yield _answer(f"{on}: plain JSON called gzip", on, whole, 200, _GZIP)
    yield _answer(f"{on}: gzip called plain", on, gzip.compress(whole, mtime=0))
    yield _answer(f"{on}: coding nobody knows", on, whole, 200, {"Content-Encoding": "x-ftkit"})
    for name, text in (("list", "[]"), ("number", "7"), ("null", "null"), ("text", '"ok"')):
        yield _answer(f"{on}: top level is a {name}", on, text.encode())


def _wrong_jobs(on: Step) -> Iterator[FuzzedAnswer]:
    """One job (or file) whose fields are not what they should be."""
    without_id = {key: value for key, value in _JOB.items() if key != "id"}
    yield _answer(f"{on}: no id", on, _json(without_id))
    for name, value in (
        ("a number", 17),
        ("null", None),
        ("a list", ["ftjob-1"]),
        ("nested", {"id": {"id": "ftjob-1"}}),
        ("empty", ""),
        ("a path", "../../ftjob-1?x=1#y"),
        ("true", True),
    ):
        yield _answer(f"{on}: id is {name}", on, _job(id=value))
    yield _answer(f"{on}: status is a dict", on, _job(status={"state": "running"}))
    yield _answer(f"{on}: status is null", on, _job(status=None))
    for status in ("compressing", "WAITING_FOR_CAPACITY", "partially_succeeded", "", "läuft"):
        yield _answer(f"{on}: new status {status!r}", on, _job(status=status))
    yield _answer(f"{on}: created_at is text", on, _job(created_at="yesterday"))
    yield _answer(f"{on}: created_at is negative", on, _job(created_at=-1))
    yield _answer(f"{on}: metadata is a list", on, _job(metadata=["ftkit"]))
    yield _answer(f"{on}: unknown fields", on, _job(quantum={"a": [1]}, x_new=None, ID="other"))
    yield _answer(f"{on}: error inside a 200", on, _error("quota"))
    doubled = _job()[:-1] + b', "id": "ftjob-second", "status": "failed"}'
    yield _answer(f"{on}: duplicate keys", on, doubled)
    for number in ("NaN", "Infinity", "-Infinity", "1e400", "-0.0"):
        yield _answer(f"{on}: created_at is {number}", on, _raw_job("created_at", number))
    yield _answer(f"{on}: integer of 5,000 digits", on, _raw_job("created_at", "9" * 5000))
    yield _answer(f"{on}: lone surrogate in id", on, _raw_job("id", '"ftjob-\\ud800"'))
    yield _answer(f"{on}: lone surrogate in status", on, _raw_job("status", '"run\\udfff"'))
    yield _answer(f"{on}: escapes in id", on, _job(id="ftjob-1" + _ESCAPES))
    yield _answer(f"{on}: NUL in id", on, _job(id="ftjob-1\x00.json"))


def _lists() -> Iterator[FuzzedAnswer]:
    """Pages of jobs and of events; the same answer comes to every request for a page."""
    for name, value in (("a dict", {}), ("null", None), ("text", "none"), ("nested", [[_JOB]])):
        body = _json({"object": "list", "data": value, "has_more": False})
        yield _answer(f"list: data is {name}", "list", body)
    yield _answer("list: no data", "list", _json({"object": "list", "has_more": False}))
    yield _answer("list: null among the jobs", "list", _json({"data": [None, 3, "x"]}))
    yield _answer("list: the same page for ever", "list", _page(_JOB, more=True))
    yield _answer("list: empty pages for ever", "list", _page(more=True))
    cursor = {"last_id": "ftjob-fuzzed", "next_page": "ftjob-fuzzed", "after": "ftjob-fuzzed"}
    yield _answer("list: the same cursor for ever", "list", _page(_JOB, more=True, **cursor))
    yield _answer("list: has_more is text", "list", _page(_JOB, has_more="false"))
    yield _answer("list: 10,000 jobs on a page", "list", lambda: _page(*[_JOB] * 10_000))
    yield _answer("events: data is null", "events", _json({"data": None, "has_more": False}))
    yield _answer("events: control characters", "events", _event(_ESCAPES))
    yield _answer("events: HTML in a message", "events", _event("<script>alert(1)</script>"))
    yield _answer("events: message of 5 MB", "events", lambda: _event("x" * _LONG))
    yield _answer("events: 200,000 lines", "events", lambda: _event("line\n" * 200_000))
    messages: dict[str, object] = {"null": None, "a number": 5, "a dict": {"text": "hello"}}
    for name, message in messages.items():
        event = {"id": "ftevent-1", "object": "fine_tuning.job.event", "message": message}
        yield _answer(f"events: message is {name}", "events", _page(event))
    yield _answer("events: the same page for ever", "events", _page(_JOB, more=True))


def _refusals(on: Step) -> Iterator[FuzzedAnswer]:
    """Redirects, limits and errors with odd headers and bodies."""
    other = "http://127.0.0.2:{other}/v1/elsewhere"
    for status in (301, 302, 303, 307, 308):
        yield _answer(f"{on}: {status} elsewhere", on, b"", status, {"Location": other})
    loop = {"Location": "{self}"}
    yield _answer(f"{on}: 307 to itself", on, b"", 307, loop)
    yield _answer(f"{on}: 302 without Location", on, b"", 302)
    yield _answer(f"{on}: 302 to a file", on, b"", 302, {"Location": "file:///etc/hostname"})
    past = "Sat, 01 Jan 2000 00:00:00 GMT"
    yield _answer(f"{on}: 429 without Retry-After", on, _error("slow"), 429)
    for after in ("-5", "soon", "1e9", "1000000000", "NaN", "", past, "0"):
        headers = {"Retry-After": after}
        yield _answer(f"{on}: 429, Retry-After {after!r}", on, _error("slow"), 429, headers)
    for status in (401, 403, 404, 409, 410, 418, 500, 503):
        yield _answer(f"{on}: {status} with HTML", on, _HTML, status, _HTML_TYPE)
        yield _answer(f"{on}: {status} with nothing", on, b"", status)
        yield _answer(f"{on}: {status}, error is text", on, b'{"error": "no"}', status)
        yield _answer(f"{on}: {status}, error is null", on, b'{"error": null}', status)
    yield _answer(f"{on}: 409 after doing it", on, _error("exists"), 409, process=True)
    yield _answer(f"{on}: 400, escapes in the message", on, _error(_ESCAPES), 400)
    yield _answer(f"{on}: 400, message of 5 MB", on, lambda: _error("x" * _LONG), 400)
    yield _answer(f"{on}: 400, code is a list", on, b'{"error": {"code": ["a"]}}', 400)
    yield _answer(f"{on}: 500 after doing it", on, _error("oops"), 500, process=True)
    yield _answer(f"{on}: 500, nothing done", on, _error("oops"), 500, process=False)
    yield _answer(f"{on}: status 299", on, _job(), 299)
    yield _answer(f"{on}: status 599", on, _error("?"), 599)


def _all() -> Iterator[FuzzedAnswer]:
    steps: tuple[Step, ...] = ("create", "list", "get", "events", "upload", "account")
    for step in steps:
        yield from _not_json(step)
        yield from _refusals(step)
    for step in ("create", "get", "upload"):
        yield from _wrong_jobs(step)
    yield from _lists()


FUZZED_ANSWERS: tuple[FuzzedAnswer, ...] = tuple(_all())
