"""Calls through Google's SDK: one client a process and location, one an event loop.

A call is made exactly once. What came of it is read off the answer itself, whatever the SDK makes of it: the hooks of the
HTTP client keep it. A paid call opens a connection of its own: one from the pool may have died unseen.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit.catalogue import Catalogue
from ftkit.errors import (
    FtkitError,
    ProviderError,
    StorageError,
)
from ftkit.http.exchange import Lost, Seen
from ftkit.http.sdk.client import MAX_BYTES
from ftkit.http.sdk.hooks import Hooks, origin_of
from ftkit.http.sdk.losing import lost
from ftkit.http.shown import one_line
from ftkit.http.verdicts import Verdict
from ftkit_google import sdk
from ftkit_google.credentials import Credentials
from ftkit_google.places import Places
from ftkit_google.trips import CONNECT_S, Trip, Watch, asynchronous, handed, kept, watched
from ftkit_google.verdicts import answer_verdict, create_verdict, read_verdict, seen

if TYPE_CHECKING:
    from ftkit_google import GoogleSettings

Call = Callable[[Any], Any]  # from the SDK's client to whatever it makes of the answer


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and at which location."""

    location: str
    call: Any


class Client(Places):
    """One project. Addresses, project and credentials are looked up at each use."""

    def __init__(self, settings: GoogleSettings, catalogue: Catalogue) -> None:
        env = settings.credentials_env
        credentials = Credentials(env, partial(sdk.load, env), sdk.renewed)
        super().__init__(settings, catalogue, credentials)
        self._pools: dict[tuple[Any, ...], Any] = {}

    def __repr__(self) -> str:
        return f"Client({self._credentials})"

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("a client is not pickled")

    def read(
        self, what: str, call: Call, location: str | None = None, *, empty_is_fine: bool = False
    ) -> dict[str, Any]:
        """The object that a call answers with which may be repeated; `what` names it: "GET tuningJobs/ID".

        Raises Unavailable where trying again may help, NotFound, AuthError, Refused, and ProviderError.
        """
        where = location or self.location
        result, named = self._send(call, where), self._named(what, where)
        return _unwrapped(read_verdict(named, result, empty_is_fine=empty_is_fine))

    def create(self, what: str, call: Call) -> dict[str, Any]:
        """A paid call: sent once, on a connection of its own. Raises exactly one of Refused, NotSent and OutcomeUnknown,
        or AuthError where the credential is not there.
        """
        where = self.location
        result = self._send(call, where, paid=True)
        return _unwrapped(create_verdict(self._named(what, where), result))

    def ask(self, what: str, question: Question) -> dict[str, Any]:
        """The answer to a question, asked once; errors as for `read`, and LostReply where it may have been billed."""
        result = self._send(question.call, question.location)
        return _unwrapped(answer_verdict(self._named(what, question.location), result))

    def stream(self, what: str, question: Question) -> Iterator[dict[str, Any]]:
        """The pieces of an answer as they come; errors as for `ask`. Only LostReply can follow a first piece."""
        trip, pieces = Trip(), None
        client = self._client(question.location)
        try:
            with watched(trip):
                pieces = question.call(client)
                piece = next(pieces, None)
            while piece is not None:
                yield sdk.plain(piece)
                with watched(trip):
                    piece = next(pieces, None)
            return
        except Exception as error:  # noqa: BLE001 - what it means is decided below
            broken = self._outcome(error, trip)
        finally:
            if trip.response is not None:
                trip.response.close()
            # they hold the request, and frames of a traceback are printed with their variables
            pieces = trip.response = None
        _unwrapped(answer_verdict(self._named(what, question.location), broken))

    async def aask(self, what: str, question: Question) -> dict[str, Any]:
        """`ask` without blocking the event loop."""
        trip = Trip()
        client = await self._async_client(question.location)
        with watched(trip):
            try:
                await question.call(client.aio)
                result: Seen | Lost = self._seen(trip)
            except Exception as error:  # noqa: BLE001 - what it means is decided below
                result = self._outcome(error, trip)
        return _unwrapped(answer_verdict(self._named(what, question.location), result))

    async def astream(self, what: str, question: Question) -> AsyncIterator[dict[str, Any]]:
        """`stream` without blocking the event loop."""
        trip, pieces = Trip(), None
        client = await self._async_client(question.location)
        try:
            with watched(trip):
                pieces = await question.call(client.aio)
                piece = await anext(pieces, None)
            while piece is not None:
                yield sdk.plain(piece)
                with watched(trip):
                    piece = await anext(pieces, None)
            return
        except Exception as error:  # noqa: BLE001 - what it means is decided below
            broken = self._outcome(error, trip)
        finally:
            if trip.response is not None:
                await trip.response.aclose()
            pieces = trip.response = None
        _unwrapped(answer_verdict(self._named(what, question.location), broken))

    def plain(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        timeout_s: float | None = None,
    ) -> tuple[Seen | Lost, Mapping[str, str]]:
        """A request that the SDK has no method for, and the headers of its answer by lower-case name."""

        def call(http: Any) -> Any:
            wait = {} if timeout_s is None else {"timeout": timeout_s}
            return http.request(
                method, url, params=params, headers=headers, json=json, content=content, **wait
            )

        trip = Trip()
        result = self._made(lambda: call(self._http(url)), trip)
        told = {} if trip.response is None else trip.response.headers
        return result, {name.lower(): value for name, value in told.items()}

    def get(self, location: str, path: str) -> dict[str, Any]:
        """An object that the SDK has no method for; errors as for `read`."""
        result, _ = self.plain("GET", f"{self.address(location)}/v1beta1/{path}")
        return _unwrapped(read_verdict(self._named(f"GET {path}", location), result))

    def save(self, what: str, url: str, params: Mapping[str, str], to: Path) -> None:
        """Write a body of any size to `to` as it comes. Errors as for `read`, and StorageError."""
        trip = Trip()
        http = self._http(url, None)
        try:
            with watched(trip), http.stream("GET", url, params=params) as told:
                if told.status_code == 200:
                    with to.open("wb") as file:
                        for piece in told.iter_bytes():
                            file.write(piece)
                    return
                told.read()
                result: Seen | Lost = self._seen(trip)
        except OSError as error:
            raise StorageError(f"cannot write {to}: {error.strerror}") from None
        except Exception as error:  # noqa: BLE001 - what it means is decided below
            result = self._outcome(error, trip)
        found = read_verdict(what, result)
        raise found if isinstance(found, FtkitError) else ProviderError(what)

    def _send(self, call: Call, location: str, *, paid: bool = False) -> Seen | Lost:
        """One call and what came of it."""
        sdk.package()
        _ = self.project  # what is missing is told as it is
        if not paid:
            return self._made(lambda: call(self._client(location)), Trip())
        with self._open_http(self.address(location)) as http:
            return self._made(lambda: call(self._sdk_client(location, http)), Trip())

    def _made(self, call: Callable[[], Any], trip: Trip) -> Seen | Lost:
        """An interrupt passes, without the frames that hold headers."""
        try:
            with watched(trip):
                call()
            return self._seen(trip)
        except Exception as error:  # noqa: BLE001 - whatever it was, what it means for money is decided by the caller
            return self._outcome(error, trip)
        except BaseException as error:  # noqa: BLE001 - raised again below
            interrupt = error.with_traceback(None)
            interrupt.__context__ = None
        raise interrupt

    def _outcome(self, error: Exception, trip: Trip) -> Seen | Lost:
        """What has come, where all of it has come; the SDK may have stumbled over it."""
        if trip.whole:
            return self._seen(trip)
        return lost(error, trip, self._credentials.hidden())

    def _seen(self, trip: Trip) -> Seen:
        told = trip.response
        if told.status_code == 401:
            self._credentials.forget()
        return seen(told.status_code, told.headers, told.content, self._credentials.hidden())

    def _client(self, location: str) -> Any:
        return self._pooled(
            ("sdk", location),
            lambda: self._sdk_client(location, self._http(self.address(location))),
        )

    async def _async_client(self, location: str) -> Any:
        loop = asyncio.get_running_loop()
        for old in [key for key in self._pools if key[-1] is not loop and _closed(key[-1])]:
            self._pools.pop(old, None)

        def opened() -> Any:
            import httpx2

            hooks = self._hooks(self.address(location), MAX_BYTES, watched=False)

            async def request(one: Any) -> None:
                await asyncio.to_thread(self._credentials.header)  # fetching a token blocks
                hooks.request(one)
                handed(one)

            told = [hooks.aresponse, asynchronous(kept)]
            http = httpx2.AsyncClient(
                verify=sdk.tls(),
                event_hooks={"request": [request], "response": told},
                timeout=self._timeout(),
                follow_redirects=False,
            )
            return self._sdk_client(location, self._http(self.address(location)), http)

        return self._pooled(("async", location, self.address(location), loop), opened)

    def _http(self, url: str, max_bytes: int | None = MAX_BYTES) -> Any:
        """The pool for a host."""
        import httpx2

        origin = origin_of(httpx2.URL(url))
        return self._pooled(("http", origin, max_bytes), lambda: self._open_http(url, max_bytes))

    def _pooled(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        key = (os.getpid(), self.place(), *key)  # sockets must not be shared over a fork
        client = self._pools.get(key)
        return self._pools.setdefault(key, make()) if client is None else client

    def _open_http(self, url: str, max_bytes: int | None = MAX_BYTES) -> Any:
        import httpx2

        hooks = self._hooks(url, max_bytes)
        return httpx2.Client(
            verify=sdk.tls(),
            event_hooks={"request": [hooks.request, handed], "response": [hooks.response, kept]},
            timeout=self._timeout(),
            follow_redirects=False,
        )

    def _hooks(self, url: str, max_bytes: int | None, *, watched: bool = True) -> Hooks:
        import httpx2

        watch: Any = Watch() if watched else None
        return Hooks(self._credentials.header, origin_of(httpx2.URL(url)), max_bytes, watch)

    def _timeout(self) -> Any:
        import httpx2

        return httpx2.Timeout(self._settings.timeout_s, connect=CONNECT_S)

    def _sdk_client(self, location: str, http: Any, asynchronous: Any = None) -> Any:
        """The SDK's client over these HTTP clients: without retries, and with a stand-in for the credentials."""
        genai = sdk.package()
        import httpx2

        return genai.Client(
            enterprise=True,
            project=self.project,
            location=location,
            credentials=sdk.stand_in(),
            http_options=genai.types.HttpOptions(
                base_url=self.address(location),
                timeout=int(self._settings.timeout_s * 1000),
                httpx_client=http,
                async_client_args={"ssl": sdk.tls()},  # of its sockets, which are never opened
                # one that is never used is cheaper than the one that the SDK would make
                httpx_async_client=asynchronous or httpx2.AsyncClient(verify=sdk.tls()),
            ),
        )

    def _named(self, what: str, location: str) -> str:
        method, _, path = what.partition(" ")
        host = self.address(location).partition("://")[2]
        return f"{method} {one_line(f'{host}/{path}', 200)}"


def _closed(loop: Any) -> bool:
    return isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed()


def _unwrapped(verdict: Verdict) -> dict[str, Any]:
    if isinstance(verdict, dict):
        return verdict
    raise verdict
