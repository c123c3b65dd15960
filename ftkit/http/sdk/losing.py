"""A call through an SDK that brought no answer, as the value that says how far its request came."""

from __future__ import annotations

from collections.abc import Iterator

from ftkit.backend.outcomes import Unavailable
from ftkit.errors import FtkitError
from ftkit.http.exchange import Lost, Seen, Underlying, Why
from ftkit.http.sdk.hooks import Journey, Oversized
from ftkit.http.sdk.seeing import seen
from ftkit.http.shown import one_line


def lost(error: BaseException, journey: Journey, hidden: tuple[str, ...] = ()) -> Seen | Lost:
    """What became of a request; `hidden` are values that must not show. A body without end is an answer that was seen."""
    import httpx2

    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, Oversized):
            return seen(cause.status, {}, b"", flaw=cause.flaw)
        if isinstance(cause, Unavailable):  # where a token is fetched from
            words = one_line(str(cause), 300, hidden)
            return Lost(Why.NETWORK, words, sent=False, retry_after_s=cause.retry_after_s)
        if isinstance(cause, FtkitError):  # the credential is not there
            return Lost(Why.CREDENTIALS, one_line(str(cause), 600, hidden), sent=False)
    inner = next((c for c in chain if isinstance(c, httpx2.TransportError)), error)
    words = one_line(str(inner), 300, hidden)
    if isinstance(inner, httpx2.LocalProtocolError):
        words = "the request is not valid HTTP; is there a line end in a header?"
    name = type(inner).__name__
    cause = Underlying(f"{name}: {words}" if words else name)
    unsent = isinstance(
        inner,
        httpx2.ConnectError
        | httpx2.ConnectTimeout
        | httpx2.PoolTimeout
        | httpx2.ProxyError  # the tunnel was not made
        | httpx2.UnsupportedProtocol,
    )
    sent = journey.begun if unsent else journey.opened
    if isinstance(inner, httpx2.LocalProtocolError):
        sent = journey.headers_out
    why = Why.NETWORK if isinstance(inner, httpx2.TransportError) else Why.UNEXPECTED
    if isinstance(inner, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
        why = Why.REQUEST
    return Lost(why, str(cause), sent, cause)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Not its contexts: what the caller was handling meanwhile has nothing to do with it."""
    while error is not None:
        yield error
        error = error.__cause__
