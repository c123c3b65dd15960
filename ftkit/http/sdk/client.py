"""What every client of a provider's SDK does in the same way: one a process, and one an event loop.

A call is made exactly once; what came of it is a value (`Seen`, `Lost`), and errors are raised from where no frame holds
the key. A paid call opens a connection of its own: one from the pool may have died unseen.
"""

from __future__ import annotations

import asyncio
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ftkit.errors import FtkitError, ProviderError, StorageError
from ftkit.http.exchange import Lost, Seen, Underlying, Why
from ftkit.http.sdk.hooks import Hooks, Journey, origin_of
from ftkit.http.sdk.losing import lost
from ftkit.http.sdk.seeing import seen
from ftkit.http.shown import one_line
from ftkit.http.verdicts import CREATED_NOTHING, Verdict, of_answer, of_create, of_read
from ftkit.secrets import RedactingFilter, Secret

MAX_BYTES = 50 * 1024 * 1024
_CONNECT_S = 5.0

Call = Callable[[Any], Any]  # from the SDK's client to its raw response, or to its stream

redacting = RedactingFilter()
# the libraries log addresses and, at DEBUG, headers of answers
for _name in (
    "httpx2",
    *(f"httpcore2.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
):
    logging.getLogger(_name).addFilter(redacting)


class SdkClient(ABC):
    """One account at one address. The address and the key are looked up at each use.

    A backend says which package it is (`_sdk`), how its client is made (`_options`), where it leads (`address`), and what an
    answer means there (`_of_read`, `_of_answer`, `_of_create`). `timeout_s` bounds each wait for the provider.
    """

    _CLIENT, _ASYNC_CLIENT = "", ""  # what the SDK calls its clients
    _emptied: tuple[str, ...] = ()  # headers that an empty variable must not set

    def __init__(self, secret: Secret, timeout_s: float) -> None:
        self._secret = secret
        self._timeout_s = timeout_s
        self._pools: dict[tuple[int, str, int | None], Any] = {}
        self._async_pools: dict[tuple[int, str, asyncio.AbstractEventLoop], Any] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._secret})"

    @property
    @abstractmethod
    def address(self) -> str:
        """The provider's address as it may be shown; raises ConfigError where it has a login or a query."""

    @abstractmethod
    def _sdk(self) -> Any:
        """The package; NotInstalled, which must not pass for an answer that was lost, where it is not there."""

    @abstractmethod
    def _options(self) -> dict[str, Any]:
        """What the SDK's client is made with: no retries, and no key."""

    def _auth(self) -> Mapping[str, str]:
        """The headers that bear the key; raises AuthError where it is not there."""
        return {"Authorization": f"Bearer {self._secret.reveal()}"}

    def _place(self) -> str:
        """What a pool of connections is for."""
        return self.address

    def _of_read(self, what: str, result: Seen | Lost) -> Verdict:
        return of_read(what, result, empty_is_fine=False)

    def _of_answer(self, what: str, result: Seen | Lost) -> Verdict:
        return of_answer(self._of_read(what, result), result)

    def _of_create(self, what: str, result: Seen | Lost) -> Verdict:
        return of_create(what, result, CREATED_NOTHING)

    def read(self, what: str, call: Call) -> dict[str, Any]:
        """The object that a call answers with which may be repeated; `what` names it: "GET /files/ID".

        Raises Unavailable where trying again may help, NotFound, AuthError, Refused, and ProviderError.
        """
        return _unwrapped(self._of_read(self._named(what), self._send(call)[0]))

    def get(self, path: str) -> dict[str, Any]:
        """`read` of an address that the SDK has no method for."""

        def call(sdk: Any) -> Any:
            import httpx2

            return sdk.get(path, cast_to=httpx2.Response)

        return self.read(f"GET {path}", call)

    def heard(self, what: str, call: Call) -> tuple[dict[str, Any], Mapping[str, str]]:
        """`read`, and the headers of the answer by lower-case name."""
        result, headers = self._send(call)
        return _unwrapped(self._of_read(self._named(what), result)), headers

    def ask(self, what: str, call: Call) -> dict[str, Any]:
        """The answer to a question, asked once; errors as for `read`, and LostReply where it may have been billed."""
        return _unwrapped(self._of_answer(self._named(what), self._send(call)[0]))

    def create(self, what: str, call: Call) -> dict[str, Any]:
        """A paid call: sent once, on a connection of its own. Raises exactly one of Refused, NotSent and OutcomeUnknown,
        or AuthError where the key is not there.
        """
        return _unwrapped(self._of_create(self._named(what), self._send(call, paid=True)[0]))

    def save(self, what: str, call: Call, to: Path) -> None:
        """Write a body of any size to `to` as it comes; `call` gives the SDK's streaming response.

        Errors as for `read`, and StorageError; what stands at `to` then is of no use.
        """
        self._sdk()
        try:
            with call(self._client(None)) as told, to.open("wb") as file:
                for piece in told.iter_bytes():
                    file.write(piece)
            return
        except OSError as error:
            broken: FtkitError = StorageError(f"cannot write {to}: {error.strerror}")
        except Exception as error:  # noqa: BLE001 - what it means is decided below
            found = self._of_read(self._named(what), self._outcome(error, Journey()))
            broken = found if isinstance(found, FtkitError) else ProviderError(what)
        raise broken

    def stream(self, what: str, call: Call) -> Iterator[dict[str, Any]]:
        """The pieces of an answer as they come; errors as for `ask`. Only LostReply can follow a first piece."""
        opened: Any = None
        self._sdk()
        try:
            opened = call(self._client())
            for piece in opened:
                yield piece.to_dict(warnings=False)  # they would print what is odd
            return
        except Exception as error:  # noqa: BLE001 - what it means is decided below
            broken = self._outcome(error, Journey(opened=True))
        finally:
            if opened is not None:
                opened.close()
            opened = None  # it holds the request, and frames of a traceback are printed with their variables
        _unwrapped(self._of_answer(self._named(what), broken))

    async def aask(self, what: str, call: Callable[[Any], Awaitable[Any]]) -> dict[str, Any]:
        """`ask` without blocking the event loop."""
        result: Seen | Lost | None = None
        self._sdk()
        try:
            result = self._seen((await call(self._async_client())).http_response)
        except Exception as error:  # noqa: BLE001 - what it means is decided below
            result = self._outcome(error, Journey(opened=True))
        return _unwrapped(self._of_answer(self._named(what), result))

    async def astream(
        self, what: str, call: Callable[[Any], Awaitable[Any]]
    ) -> AsyncIterator[dict[str, Any]]:
        """`stream` without blocking the event loop."""
        opened: Any = None
        self._sdk()
        try:
            opened = await call(self._async_client())
            async for piece in opened:
                yield piece.to_dict(warnings=False)
            return
        except Exception as error:  # noqa: BLE001 - what it means is decided below
            broken = self._outcome(error, Journey(opened=True))
        finally:
            if opened is not None:
                await opened.close()
            opened = None
        _unwrapped(self._of_answer(self._named(what), broken))

    def _send(self, call: Call, *, paid: bool = False) -> tuple[Seen | Lost, dict[str, str]]:
        """One call and what came of it; an interrupt passes, without the frames that hold headers."""
        journey = Journey(opened=not paid)  # connections of the pool are not watched
        self._sdk()
        try:
            if not paid:
                response = call(self._client())
            else:
                with self._open(journey) as own:
                    journey.opened = True
                    response = call(own)
            told: Any = getattr(response, "http_response", response)
            return self._seen(told), {k.lower(): v for k, v in told.headers.items()}
        except Exception as error:  # noqa: BLE001 - whatever it was, what it means for money is decided by the caller
            return self._outcome(error, journey), {}
        except BaseException as error:  # noqa: BLE001 - raised again below
            interrupt = error.with_traceback(None)
            interrupt.__context__ = None
        raise interrupt

    def _seen(self, response: Any) -> Seen:
        return seen(response.status_code, response.headers, response.content, self._hidden())

    def _outcome(self, error: Exception, journey: Journey) -> Seen | Lost:
        """An exception as the value that says how far the request came."""

        if isinstance(error, self._sdk().APIStatusError):
            if error.response.status_code >= 300:
                return self._seen(error.response)
            # an error in the middle of a stream, whose answer had begun well
            words = one_line(str(error), 300, self._hidden())
            return Lost(Why.NETWORK, words, sent=True, cause=Underlying(words))
        return lost(error, journey, self._hidden())

    def _client(self, max_bytes: int | None = MAX_BYTES) -> Any:
        key = (os.getpid(), self._place(), max_bytes)  # sockets must not be shared over a fork
        client = self._pools.get(key)
        if client is None:
            fresh = self._open(max_bytes=max_bytes)
            client = self._pools.setdefault(key, fresh)
            if client is not fresh:  # another thread was first
                fresh.close()
        return client

    def _async_client(self) -> Any:
        key = (os.getpid(), self._place(), asyncio.get_running_loop())
        client = self._async_pools.get(key)
        if client is None:
            for old in [one for one in self._async_pools if one[2].is_closed()]:
                self._async_pools.pop(old, None)
            sdk, hooks = self._sdk(), self._hooks()
            events = {"request": [hooks.arequest], "response": [hooks.aresponse]}
            http = sdk.DefaultAsyncHttpxClient(event_hooks=events, follow_redirects=False)
            client = getattr(sdk, self._ASYNC_CLIENT)(http_client=http, **self._options())
            self._async_pools[key] = client
        return client

    def _open(self, journey: Journey | None = None, max_bytes: int | None = MAX_BYTES) -> Any:
        sdk, hooks = self._sdk(), self._hooks(journey, max_bytes)
        events = {"request": [hooks.request], "response": [hooks.response]}
        http = sdk.DefaultHttpxClient(event_hooks=events, follow_redirects=False)
        return getattr(sdk, self._CLIENT)(http_client=http, **self._options())

    def _hooks(self, journey: Journey | None = None, max_bytes: int | None = MAX_BYTES) -> Hooks:
        import httpx2

        origin = origin_of(httpx2.URL(self.address))
        return Hooks(self._auth, origin, max_bytes, journey, self._emptied)

    def _timeout(self) -> Any:
        import httpx2

        return httpx2.Timeout(self._timeout_s, connect=_CONNECT_S)

    def _named(self, what: str) -> str:
        method, _, path = what.partition(" ")
        return f"{method} {one_line(self.address.partition('://')[2] + path, 200)}"

    def _hidden(self) -> tuple[str, ...]:
        value = os.environ.get(self._secret.env_name, "").strip()
        return (value,) if value else ()


def _unwrapped(verdict: Verdict) -> dict[str, Any]:
    if isinstance(verdict, dict):
        return verdict
    raise verdict
