"""Who we are to Azure: a key, or an Entra token that is given or fetched. The only file that imports azure-identity.

A fetched token is kept by azure-identity, which renews it; nothing here holds one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from ftkit.errors import AuthError, NotInstalled
from ftkit.http.shown import one_line
from ftkit.secrets import RedactingFilter, Secret

DATA_SCOPE = "https://cognitiveservices.azure.com/.default"
ARM_SCOPE = "https://management.azure.com/.default"

_redacting = RedactingFilter()
for _name in ("azure.identity", "azure.core", "msal"):
    logging.getLogger(_name).addFilter(_redacting)


class Identity:
    """The headers that let a request in, read or fetched each time one is made.

    `key` comes first where its variable is set, then `token`; else azure-identity is asked for a token of `scope`: for an
    environment's service principal, a managed identity, or whoever is logged in on this machine.
    """

    def __init__(self, scope: str, key: Secret | None, token: Secret) -> None:
        self._scope = scope
        self._key = key
        self._token = token

    def __repr__(self) -> str:
        return f"Identity({self._scope})"

    def __call__(self) -> Mapping[str, str]:
        """The header; raises AuthError with what to set."""
        if self._key is not None and _is_set(self._key):
            return {"api-key": self._key.reveal()}
        if _is_set(self._token):
            return {"Authorization": f"Bearer {self._token.reveal()}"}
        return {"Authorization": f"Bearer {self._fetched()}"}

    @property
    def fetches(self) -> bool:
        """True where the next header may need a look at the network."""
        given = (self._key, self._token)
        return not any(secret is not None and _is_set(secret) for secret in given)

    def hidden(self) -> tuple[str, ...]:
        """Values that must not show in a message."""
        given = [secret for secret in (self._key, self._token) if secret is not None]
        return tuple(secret.reveal() for secret in given if _is_set(secret))

    def _fetched(self) -> str:
        missing = self._key or self._token
        try:
            token = _provider(os.getpid(), self._scope)()
        except NotInstalled as error:
            raise AuthError(f"{missing.env_name} is not set, and {error}") from None
        except Exception as error:  # noqa: BLE001 - its errors are of many kinds, and all of them mean this
            said = one_line(str(error).partition("\nTo mitigate")[0], 300)
        else:
            return str(token)
        raise AuthError(f"{missing.env_name} is not set, and azure-identity got no token: {said}")


def _is_set(secret: Secret) -> bool:
    return bool(os.environ.get(secret.env_name, "").strip())


@lru_cache(maxsize=8)
def _provider(process: int, scope: str) -> Callable[[], Any]:
    """What gives a token, from its own cache while it is good; one a process, as it holds connections."""
    try:
        from azure.identity import DefaultAzureCredential, get_bearer_token_provider
    except ImportError:
        raise NotInstalled(
            "Entra tokens are fetched by azure-identity: pip install 'ftkit[azure]'"
        ) from None
    given: Callable[[], Any] = get_bearer_token_provider(DefaultAzureCredential(), scope)
    return given
