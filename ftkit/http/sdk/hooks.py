"""What stands between the SDK and the wire: the key is added, a paid call is watched, and no body is without end.

The SDK itself never sees the key. It goes to the host that it is meant for and to no other, and compression is not
asked for: a few bytes that inflate to many would be in memory before anybody counts them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_CREDENTIALS = ("Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key")


class Oversized(Exception):
    """An answer that is not read to its end; `flaw` says why."""

    def __init__(self, status: int, flaw: str) -> None:
        self.status = status
        self.flaw = flaw
        super().__init__(flaw)


@dataclass(slots=True)
class Journey:
    """How far a request has come: whether it was handed to the SDK, and whether a byte of it may have left."""

    opened: bool = False
    begun: bool = False
    headers_out: bool = False

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """For the HTTP library, which reports when it begins to write."""
        request = info.get("request")
        if request is None or request.method == b"CONNECT":
            return  # asking a proxy for a tunnel sends nothing of the request
        self.begun = self.begun or name.endswith(".send_request_headers.started")
        self.headers_out = self.headers_out or name.endswith(".send_request_headers.complete")


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks of one client. `origin` is (scheme, host, port) of the address that the key is for.

    `auth` gives the headers of a request each time one is made; `emptied` are headers that must not stand there without
    a value. `max_bytes` None is for bodies that go to a file as they come.
    """

    auth: Callable[[], Mapping[str, str]]
    origin: tuple[str, str, int | None]
    max_bytes: int | None
    journey: Journey | None = None
    emptied: tuple[str, ...] = ()

    def request(self, request: Any) -> None:
        """Before a request is sent."""
        request.headers["Accept-Encoding"] = "identity"
        for name in (
            _CREDENTIALS
        ):  # what the SDK has put there is a stand-in, or was never meant for this host
            request.headers.pop(name, None)
        for name in self.emptied:  # an empty variable names none
            if not request.headers.get(name, "?").strip():
                del request.headers[name]
        if origin_of(request.url) == self.origin:
            request.headers.update(self.auth())
        if self.journey is not None:
            request.extensions["trace"] = self.journey.trace

    def response(self, response: Any) -> None:
        """Before a body is read."""
        status = response.status_code
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise Oversized(status, "is encoded in a way that was not asked for")
        if self.max_bytes is None:
            return
        bounded, bounded_async = _streams()
        kind = bounded_async if hasattr(response.stream, "__aiter__") else bounded
        response.stream = kind(response.stream, status, self.max_bytes)

    async def arequest(self, request: Any) -> None:
        """`request` of an async client."""
        self.request(request)

    async def aresponse(self, response: Any) -> None:
        """`response` of an async client."""
        self.response(response)


def origin_of(url: Any) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address, as parsed by the HTTP library."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


@lru_cache(maxsize=1)
def _streams() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Made at first use, since their bases come with the SDK."""
    import httpx2

    class Bounded(httpx2.SyncByteStream):  # type: ignore[misc]  # its package is an extra
        def __init__(self, inner: Any, status: int, most: int) -> None:
            self._inner, self._status, self._most = inner, status, most

        def __iter__(self) -> Iterator[bytes]:
            left = self._most
            for chunk in self._inner:
                left -= len(chunk)
                if left < 0:
                    raise Oversized(self._status, f"is larger than {self._most:,} bytes")
                yield chunk

        def close(self) -> None:
            self._inner.close()

    class BoundedAsync(httpx2.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any, status: int, most: int) -> None:
            self._inner, self._status, self._most = inner, status, most

        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = self._most
            async for chunk in self._inner:
                left -= len(chunk)
                if left < 0:
                    raise Oversized(self._status, f"is larger than {self._most:,} bytes")
                yield chunk

        async def aclose(self) -> None:
            await self._inner.aclose()

    return Bounded, BoundedAsync
