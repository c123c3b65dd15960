"""One request on the wire, and what came of it as a value: nothing is retried, redirected or raised here.

The frames that hold headers end in this module, so that no traceback can show a key. Whether a byte of the request
left is not guessed from an exception's name alone: the HTTP library reports when it begins to write.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx

from ftkit import clock
from ftkit.backend.outcomes import Unavailable
from ftkit.errors import AuthError, FtkitError
from ftkit.http.bodies import read_body
from ftkit.http.replies import NotJson, error_words, parse
from ftkit.http.retry_after import retry_after_s
from ftkit.http.shown import one_line
from ftkit.http.uploading import FileBody, FileTrouble
from ftkit.secrets import RedactingFilter, is_credential_name

Auth = Callable[[], Mapping[str, str]] | httpx.Auth | None

# the library logs each URL (a signed one is a credential) and, at DEBUG, headers of answers
_redacting = RedactingFilter()
for _name in (
    "httpx",
    *(f"httpcore.{part}" for part in ("connection", "http11", "proxy", "socks")),
):
    logging.getLogger(_name).addFilter(_redacting)

_REDIRECTS = {301, 302, 303, 307, 308}
_ERROR_BYTES = 1024 * 1024  # an error's body is read so far, to be parsed; far less of it is kept
_SIGNATURE = re.compile(r"sig(?:nature)?$", re.IGNORECASE)
_SHORTEST_KEY = 20  # characters
_EXCERPT = 200
_MESSAGE = 500


class Why(StrEnum):
    """At what a request failed that brought no answer."""

    CREDENTIALS = "credentials"
    REQUEST = "request"
    FILE = "file"
    NETWORK = "network"
    UNEXPECTED = "unexpected"


class Underlying(Exception):
    """The name and redacted text of the exception behind an error; its frames held headers and are not kept."""


@dataclass(frozen=True, slots=True)
class Lost:
    """No whole answer. `sent` is False only where provably no byte of the request left this machine."""

    why: Why
    reason: str
    sent: bool
    cause: Underlying | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where an answer points: as it came (it may be signed), and as it may be shown."""

    target: httpx.URL | None = field(repr=False)
    shown: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A whole answer, its texts redacted; `reply` is the object of a 2xx, `flaw` says why there is none.

    `code` and `message` are those of an error body, None where the body is no such thing.
    """

    status: int
    reply: dict[str, Any] | None = field(default=None, repr=False)
    flaw: str = ""
    empty: bool = False
    code: str | None = None
    message: str | None = None
    excerpt: str = ""
    retry_after_s: float | None = None
    redirect: Redirect | None = None
    from_proxy: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """A request to be made. What it holds is not printed."""

    method: str
    url: httpx.URL = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: Callable[[], bytes] | FileBody | None = field(default=None, repr=False)


@dataclass(slots=True)
class _Journey:
    """How far a request has come. `secrets` are the values that authentication added to it."""

    stage: Why = Why.REQUEST
    sending: bool = False
    begun: bool = False
    headers_out: bool = False
    secrets: tuple[str, ...] = ()

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        request = info.get("request")
        if request is None or request.method == b"CONNECT":
            return  # asking a proxy for a tunnel sends nothing of the request
        self.begun = self.begun or name.endswith(".send_request_headers.started")
        self.headers_out = self.headers_out or name.endswith(".send_request_headers.complete")


def exchange(
    client: Callable[[ExitStack], httpx.Client], wire: Wire, auth: Auth, max_bytes: int
) -> Seen | Lost:
    """Send one request; `client` is opened on a stack that ends with it. KeyboardInterrupt and its like pass."""
    try:
        return _exchange(client, wire, auth, max_bytes)
    except BaseException as error:  # noqa: BLE001 - raised again below, without the frames that hold headers
        interrupt = error.with_traceback(None)
        interrupt.__context__ = None
    raise interrupt


def _exchange(
    client: Callable[[ExitStack], httpx.Client], wire: Wire, auth: Auth, max_bytes: int
) -> Seen | Lost:
    journey = _Journey()
    try:
        with ExitStack() as stack:
            http = client(stack)
            headers, content = _content(wire, stack)
            request = http.build_request(
                wire.method,
                wire.url,
                headers={**headers, **wire.headers},
                content=content,
                extensions={"trace": journey.trace},
            )
            plain = set(request.headers.raw)
            journey.stage = Why.CREDENTIALS
            _authenticate(request, auth)
            journey.secrets = (*_added(plain, request), *_given(request))
            journey.stage, journey.sending = Why.UNEXPECTED, True
            response = http.send(request, auth=None, follow_redirects=False, stream=True)
            stack.callback(response.close)
            return _seen(response, max_bytes, journey.secrets)
    except Exception as error:  # noqa: BLE001 - whatever it was, what it means for money is decided by the caller
        return _lost(error, journey)


def _content(wire: Wire, stack: ExitStack) -> tuple[dict[str, str], bytes | Iterator[bytes] | None]:
    if isinstance(wire.content, FileBody):
        return wire.content.open(stack)
    if wire.content is None:
        return {}, None
    return {"Content-Type": "application/json"}, wire.content()


def _authenticate(request: httpx.Request, auth: Auth) -> None:
    if auth is None:
        return
    if not isinstance(auth, httpx.Auth):
        request.headers.update(auth())
        return
    flow = auth.sync_auth_flow(request)
    try:
        # only the first step: a flow that answers a challenge would send the request twice
        if next(flow) is not request:
            raise AuthError("this authentication sends requests of its own; fetch the token first")
    finally:
        flow.close()


def _added(plain: set[tuple[bytes, bytes]], request: httpx.Request) -> tuple[str, ...]:
    values = [value.decode("latin-1") for name, value in set(request.headers.raw) - plain]
    return (*values, *(value.rpartition(" ")[2] for value in values))


def _given(request: httpx.Request) -> Iterator[str]:
    """Credentials that the caller put into headers or parameters; no key of a job is as long."""
    for name, value in (*request.headers.items(), *request.url.params.multi_items()):
        if len(value) >= _SHORTEST_KEY and (is_credential_name(name) or _SIGNATURE.search(name)):
            yield value


def _seen(response: httpx.Response, max_bytes: int, secrets: tuple[str, ...]) -> Seen:
    status, headers = response.status_code, response.headers
    success = 200 <= status < 300
    body = read_body(
        response.iter_raw(),
        headers.get("Content-Encoding", ""),
        max_bytes if success else min(max_bytes, _ERROR_BYTES),
    )
    flaw, value = body.flaw, None
    if not flaw:
        try:
            value = parse(body.data)
        except NotJson as error:
            flaw = one_line(str(error), _EXCERPT, secrets)
    if success and not flaw and not isinstance(value, dict):
        flaw = "is JSON, but not an object"
    words = None if success or flaw else error_words(value)
    return Seen(
        status=status,
        reply=value if success and not flaw else None,
        flaw=flaw,
        empty=not body.data and not body.flaw,
        code=one_line(words[0], 80, secrets) if words else None,
        message=one_line(words[1], _MESSAGE, secrets) if words else None,
        excerpt="" if success and not flaw else _excerpt(body.data, secrets),
        retry_after_s=retry_after_s(headers.get("Retry-After"), clock.now()),
        redirect=_redirect(response, secrets) if status in _REDIRECTS else None,
        # behind TLS the answer is the provider's; in the clear only a proxy on the way asks for a login of its own
        from_proxy=status == 407
        and response.request.url.scheme == "http"
        and "Proxy-Authenticate" in headers,
    )


def _redirect(response: httpx.Response, secrets: tuple[str, ...]) -> Redirect:
    try:
        target = response.request.url.join(response.headers["Location"])
    except (KeyError, httpx.InvalidURL, ValueError):
        return Redirect(None, "nowhere")
    # logins and queries may be credentials
    where = f"{target.scheme}://{target.netloc.decode('ascii', 'replace')}{target.path}"
    return Redirect(target, one_line(where, 200, secrets))


def _excerpt(data: bytes | bytearray, secrets: tuple[str, ...]) -> str:
    return one_line(bytes(data[:16_384]).decode("utf-8", "replace"), _EXCERPT, secrets)


_BEFORE_WRITING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,  # the tunnel was not made
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


def _lost(error: Exception, journey: _Journey) -> Lost:
    words = one_line(str(error), 300, journey.secrets)
    if journey.stage is Why.CREDENTIALS and not isinstance(error, FtkitError):
        words = ""  # nobody knows what a stranger's exception says about a key
    if isinstance(error, httpx.LocalProtocolError):
        words = "the request is not valid HTTP; is there a line end in a header?"  # its text has the header
    cause = Underlying(f"{type(error).__name__}: {words}" if words else type(error).__name__)
    if isinstance(error, FileTrouble):
        return Lost(Why.FILE, words, journey.begun, cause)
    if not journey.sending:
        if isinstance(error, Unavailable):  # where a token is fetched from
            return Lost(Why.NETWORK, words, False, cause, error.retry_after_s)
        if isinstance(error, FtkitError):
            return Lost(journey.stage, words, False, cause)
        return Lost(journey.stage, f"it could not be prepared ({cause})", False, cause)
    sent = True
    if isinstance(error, _BEFORE_WRITING):
        sent = journey.begun
    elif isinstance(error, httpx.LocalProtocolError):
        sent = journey.headers_out
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError):
        return Lost(Why.REQUEST, str(cause), sent, cause)
    known = isinstance(error, httpx.TransportError)
    return Lost(Why.NETWORK if known else Why.UNEXPECTED, str(cause), sent, cause)
