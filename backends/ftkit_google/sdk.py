"""What is taken from Google's own packages, which this file alone imports, inside functions."""

from __future__ import annotations

import logging
import warnings
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from ftkit.backend import Unavailable
from ftkit.errors import AuthError, FtkitError, NotInstalled
from ftkit.http.sdk.client import redacting
from ftkit.http.shown import one_line

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
ADC = "GOOGLE_APPLICATION_CREDENTIALS"

for _name in ("google_genai", "google.auth", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(redacting)


def package() -> Any:
    """The package; NotInstalled, which must not pass for an answer that was lost, where it is not there."""
    if find_spec("google") is None or find_spec("google.genai") is None:
        raise NotInstalled("Google is reached through its own package: pip install 'ftkit[google]'")
    from google import genai

    # said of every call that tunes, and of every word that is newer than the package
    warnings.filterwarnings("ignore", message="The SDK's tuning implementation is experimental")
    warnings.filterwarnings("ignore", message=r".* is not a valid ", module=r"google\.genai\.")
    return genai


def types() -> Any:
    """The SDK's own types."""
    return package().types


def plain(piece: Any) -> dict[str, Any]:
    """A piece in the API's own words."""
    told: dict[str, Any] = piece.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude={"sdk_http_response", "parsed"}
    )
    return told


def load(env: str, path: str | None) -> tuple[Any, str | None] | FtkitError:
    """Credentials and their project; an error is returned, for frames of the library hold keys."""
    package()
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    try:
        if env == ADC:
            found: tuple[Any, str | None] = google.auth.default(scopes=[_SCOPE])
            return found
        if path is None:
            return AuthError(f"{env} is not set; it names the file with Google's credentials")
        found = google.auth.load_credentials_from_file(path, scopes=[_SCOPE])
        return found
    except GoogleAuthError as error:
        said = one_line(str(error), 200)
    except (OSError, ValueError) as error:
        said = type(error).__name__
    return AuthError(f"there are no credentials of Google: {said}")


@lru_cache(maxsize=1)
def tls() -> Any:
    """Made once: it takes longer than a whole request on this machine."""
    import httpx2

    return httpx2.create_ssl_context()


def stand_in() -> Any:
    """Credentials that the SDK finds in order; the real ones are added to each request on its way."""
    from google.auth.credentials import AnonymousCredentials

    held = AnonymousCredentials()
    held.token = "added-to-each-request"
    return held


def renewed(held: Any) -> tuple[str, float] | FtkitError:
    """A fresh token and how many seconds it lasts; an error is returned, for frames of the library hold keys."""
    from google.auth import _helpers
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.auth.transport.requests import Request

    try:
        held.refresh(Request())
        expiry = held.expiry
        lasts = 3600.0 if expiry is None else (expiry - _helpers.utcnow()).total_seconds()
        return str(held.token), lasts
    except TransportError as error:
        broken: FtkitError = Unavailable(
            f"no token was got from Google: {one_line(str(error), 200)}"
        )
    except GoogleAuthError as error:
        said = one_line(str(error), 200)
        again = getattr(error, "retryable", False)
        kind: type[FtkitError] = Unavailable if again else AuthError
        broken = kind(f"Google gives no token for these credentials: {said}")
    except Exception as error:  # noqa: BLE001 - nobody knows what a stranger's exception says about a key
        broken = AuthError(f"Google gives no token for these credentials: {type(error).__name__}")
    return broken
