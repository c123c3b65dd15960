"""Google's application-default credentials as a header: a token that is fetched when it is wanted and kept until it is old.

The token's age is told by ftkit's clock. Exceptions of the credentials' library never leave: their frames hold keys.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from ftkit import clock
from ftkit.errors import AuthError, FtkitError

_KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
_EARLY_S = 225.0  # as the credentials' library has it: a token that is nearly old may be too old on arrival
_REMEMBERED = 8
SET_UP = (
    "run `gcloud auth application-default login`, or let {env} name the key file of a service account; its account needs the "
    "roles Vertex AI User and, on the bucket, Storage Object Admin"
)


class Credentials:
    """The credentials of one instance. `load` and `renew` are the library's: (path or None) -> (credentials, project)."""

    def __init__(
        self,
        env: str,
        load: Callable[[str | None], tuple[Any, str | None] | FtkitError],
        renew: Callable[[Any], tuple[str, float] | FtkitError],
    ) -> None:
        self._env, self._load, self._renew = env, load, renew
        self._lock = threading.Lock()
        self._loaded: tuple[str, Any, str | None] | None = None
        self._token: tuple[str, Any] | None = None
        self._tokens: deque[str] = deque(maxlen=_REMEMBERED)

    def __repr__(self) -> str:
        return f"Credentials({self._env})"

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("credentials are not pickled")

    @property
    def project(self) -> str | None:
        """The project that the credentials name, None where they name none; AuthError where there are none."""
        with self._lock:
            return self._found()[1]

    def header(self) -> Mapping[str, str]:
        """`Authorization`; raises AuthError, and Unavailable where the token cannot be fetched now."""
        token, payer = self._fresh()
        header = {"Authorization": f"Bearer {token}"}
        return header | ({"x-goog-user-project": payer} if payer else {})

    def forget(self) -> None:
        """The token was refused: the next call fetches another one."""
        self._token = None

    def hidden(self) -> tuple[str, ...]:
        """Values that must not show: a token that was refused may be repeated by whoever refused it."""
        return tuple(self._tokens)

    def _fresh(self) -> tuple[str, str | None]:
        with self._lock:
            held, _ = self._found()
            if self._token is None or clock.now() >= self._token[1]:
                got = self._renew(held)
                if isinstance(got, FtkitError):
                    raise got
                lasts = timedelta(seconds=max(0.0, got[1] - _EARLY_S))
                self._token = (got[0], clock.now() + lasts)
                self._tokens.append(got[0])
            return self._token[0], getattr(held, "quota_project_id", None)

    def _found(self) -> tuple[Any, str | None]:
        path = os.environ.get(self._env, "").strip()
        if self._loaded is None or self._loaded[0] != path:
            got = self._load(path or None)
            if isinstance(got, FtkitError):
                raise self._explained(got)
            self._loaded, self._token = (path, *got), None
        return self._loaded[1], self._loaded[2]

    def _explained(self, error: FtkitError) -> FtkitError:
        if not isinstance(error, AuthError):
            return error
        setup = SET_UP.format(env=self._env)
        key = next((name for name in _KEYS if os.environ.get(name)), None)
        if key is None:
            return AuthError(f"{error}; {setup}")
        return AuthError(
            f"{key} is set, but Google tunes models, and lets tuned ones answer, on its Agent Platform alone, which takes no "
            f"API key: {setup}; and set GOOGLE_CLOUD_PROJECT"
        )
