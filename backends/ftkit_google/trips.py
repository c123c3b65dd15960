"""How far the request that is made now has come, told by hooks of HTTP clients that many calls share.

The hooks find it in a context variable: the SDK hands nothing of a call down to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Any

from ftkit.http.sdk.hooks import Journey

CONNECT_S = 5.0


@dataclass(slots=True)
class Trip(Journey):
    """A request on its way, and the answer that came, its body perhaps unread."""

    response: Any = None

    @property
    def whole(self) -> bool:
        """True where an answer came and all of it was read."""
        return (
            self.response is not None
            and self.response.is_closed
            and hasattr(self.response, "_content")
        )


_TRIP: ContextVar[Trip | None] = ContextVar("ftkit_google_trip", default=None)


class watched:
    """Inside it the hooks tell this trip."""

    def __init__(self, trip: Trip) -> None:
        self._trip = trip
        self._token: Token[Trip | None] | None = None

    def __enter__(self) -> None:
        self._token = _TRIP.set(self._trip)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _TRIP.reset(self._token)


class Watch:
    """What reports to the trip of now when the first byte is written."""

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """For the HTTP library."""
        trip = _TRIP.get()
        if trip is not None:
            trip.trace(name, info)


def handed(request: Any) -> None:
    """A hook behind the one that adds the credential: from here on a byte may leave."""
    waits = request.extensions.get("timeout")
    if isinstance(waits, dict) and waits.get("connect"):  # the SDK has one number for every wait
        request.extensions["timeout"] = {**waits, "connect": min(waits["connect"], CONNECT_S)}
    trip = _TRIP.get()
    if trip is not None:
        trip.opened = True


def kept(response: Any) -> None:
    """A hook that keeps the answer, whatever the SDK makes of it."""
    trip = _TRIP.get()
    if trip is not None:
        trip.response = response


def asynchronous(hook: Callable[[Any], None]) -> Any:
    """The same hook of a client that does not block."""

    async def twin(one: Any) -> None:
        hook(one)

    return twin
