"""A provider over HTTP: reads that may be repeated, and paid calls that are sent exactly once.

What would surprise: a paid call opens a connection of its own (one from the pool may have died unseen, and then nobody
knows whether the request was read), and no redirect leaves the host, so that no key does either.
"""

from __future__ import annotations

import json as json_format
import os
import ssl
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Literal, Self

import httpx

from ftkit.errors import ConfigError
from ftkit.http.exchange import Auth, Lost, Seen, Why, Wire, exchange
from ftkit.http.shown import one_line
from ftkit.http.uploading import FileBody
from ftkit.http.verdicts import CREATED_NOTHING, Verdict, of_create, of_read

_MOST_REDIRECTS = 3
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "ftkit"}

Json = Mapping[str, Any]
Params = Mapping[str, str | int | float | bool | None]


class HttpClient:
    """One provider at `base_url`; paths begin with "/" and are appended to it.

    `auth` gives the headers of a request each time one is made (`KeyHeader(Secret("NAME"))`), or is an `httpx.Auth` that
    signs; None sends no credential. Times are seconds: `timeout_s` bounds each wait for the provider. `max_bytes` bounds
    a reply after decompression. `created_nothing`: statuses at which a paid call has created nothing. Safe to share
    between threads, to use after a fork, and to pickle where `auth` is. Raises ConfigError for a base that is no URL.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth,
        timeout_s: float = 60.0,
        connect_timeout_s: float = 5.0,
        max_bytes: int = 50 * 1024 * 1024,
        created_nothing: AbstractSet[int] = CREATED_NOTHING,
    ) -> None:
        base = _base(base_url)
        del (
            base_url
        )  # may hold a login, and the frames of a traceback are printed with their variables
        if isinstance(base, ConfigError):
            raise base
        self._base = base
        self._auth = auth
        self._timeout = httpx.Timeout(timeout_s, connect=connect_timeout_s)
        self._max_bytes = max_bytes
        self._created_nothing = frozenset(created_nothing)
        self._pools: dict[
            int, httpx.Client
        ] = {}  # by process: sockets must not be shared over a fork
        self._tls: ssl.SSLContext | None = None

    @property
    def address(self) -> str:
        """The base as it may be shown: it has no login and no query."""
        return str(self._base)

    def __repr__(self) -> str:
        # a refused client is printed too, in the traceback that refuses it
        return f"HttpClient({vars(self).get('_base', '')})"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_pools": {}, "_tls": None}

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """Read an object.

        Raises Unavailable where trying again may help, NotFound, AuthError, Refused, and ProviderError where the answer is
        no JSON object or points to another host.
        """
        what = self._what("GET", path)
        result = self._send("GET", path, params, redirects=_MOST_REDIRECTS)
        del (
            path,
            params,
        )  # may hold a signature, and the frames of a traceback are printed with their variables
        return _unwrapped(of_read(what, result, empty_is_fine=False))

    def delete(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """Delete something; errors as for `get`, and an answer without a body is `{}`."""
        what, result = self._what("DELETE", path), self._send("DELETE", path, params)
        del path, params
        return _unwrapped(of_read(what, result, empty_is_fine=True))

    def post_read(self, path: str, json: Json) -> dict[str, Any]:
        """A POST that costs nothing and may be repeated, such as a cancel or an estimate; errors as for `delete`."""
        what = self._what("POST", path)
        result = self._send("POST", path, content=_encoder(json))
        del path
        return _unwrapped(of_read(what, result, empty_is_fine=True))

    def upload(
        self,
        path: str,
        file: Path,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        method: Literal["POST", "PUT"] = "POST",
        form: Mapping[str, str] | None = None,
        field: str = "file",
    ) -> dict[str, Any]:
        """Stream a file from disk, as the whole body or, with `form`, as `field` of a multipart form.

        Errors as for `delete`; StorageError where the file cannot be read or changes meanwhile.
        """
        what = self._what(method, path)
        result = self._send(method, path, params, headers, FileBody(file, form, field))
        del path, params, headers, form
        return _unwrapped(of_read(what, result, empty_is_fine=True))

    def create(
        self,
        path: str,
        json: Json,
        headers: Mapping[str, str] | None = None,
        *,
        params: Params | None = None,
        method: Literal["POST", "PUT"] = "POST",
    ) -> dict[str, Any]:
        """A paid POST or PUT: one request on the wire, on a connection of its own, never repeated and never redirected.

        Raises exactly one of Refused, NotSent and OutcomeUnknown, or AuthError where the credential is not there.
        """
        what = self._what(method, path)
        result = self._send(method, path, params, headers, _encoder(json), fresh=True)
        del path, params, headers
        return _unwrapped(of_create(what, result, self._created_nothing))

    def close(self) -> None:
        """Close this process's connections; the next call opens new ones."""
        pool = self._pools.pop(os.getpid(), None)
        if pool is not None:
            pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        content: Callable[[], bytes] | FileBody | None = None,
        *,
        redirects: int = 0,
        fresh: bool = False,
    ) -> Seen | Lost:
        """One request, and one more for each of at most `redirects` redirects to the same host."""
        url = self._url(path, params)
        if url is None:
            return Lost(Why.REQUEST, "the path and its parameters make no URL", sent=False)
        client = self._fresh if fresh else self._pooled
        while True:
            wire = Wire(method, url, headers or {}, content)
            result = exchange(client, wire, self._auth, self._max_bytes)
            if isinstance(result, Lost) or result.redirect is None:
                return result
            target = result.redirect.target
            if target is None or redirects == 0 or not _same_host(target, url):
                message = f"it redirects to {result.redirect.shown}, where nothing was sent"
                return replace(result, message=message, redirect=None)
            url, redirects = target, redirects - 1

    def _url(self, path: str, params: Params | None) -> httpx.URL | None:
        try:
            url = httpx.URL(f"{self._base}{path}")
            if params:
                given = {name: value for name, value in params.items() if value is not None}
                url = url.copy_merge_params(given)
        except (httpx.InvalidURL, TypeError, ValueError):
            return None
        return url if path.startswith("/") and _same_host(url, self._base) else None

    def _what(self, method: str, path: str) -> str:
        address = self._base.netloc.decode() + self._base.path.rstrip("/") + path
        return f"{method} {one_line(address, 200)}"

    def _pooled(self, stack: ExitStack) -> httpx.Client:
        client = self._pools.get(os.getpid())
        if client is None:
            fresh = self._open()
            client = self._pools.setdefault(os.getpid(), fresh)
            if client is not fresh:  # another thread was first
                fresh.close()
        return client

    def _fresh(self, stack: ExitStack) -> httpx.Client:
        return stack.enter_context(self._open())

    def _open(self) -> httpx.Client:
        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        return httpx.Client(
            headers=_HEADERS,
            timeout=self._timeout,
            verify=self._tls,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # calls share no state
        )


def _base(text: str) -> httpx.URL | ConfigError:
    try:
        url = httpx.URL(text.rstrip("/"))
    except (httpx.InvalidURL, TypeError, ValueError):
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        shown = one_line(text, 100)
        return ConfigError(f"{shown!r} is no address of a provider; write https://host/path")
    if url.userinfo or url.query or url.fragment:
        return ConfigError(
            f"the address of {url.host} has a login, a query or a fragment; "
            "credentials belong into the environment"
        )
    return url


def _same_host(one: httpx.URL, other: httpx.URL) -> bool:
    return not one.userinfo and _origin(one) == _origin(other)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _encoder(value: Json) -> Callable[[], bytes]:
    """Called where a value that JSON does not know becomes an outcome like any other."""
    return lambda: json_format.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _unwrapped(verdict: Verdict) -> dict[str, Any]:
    if isinstance(verdict, dict):
        return verdict
    raise verdict
