"""A credential as a header: read from the environment for each request, kept by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ftkit.secrets import Secret


@dataclass(frozen=True, slots=True)
class KeyHeader:
    """`Authorization: Bearer <secret>` by default; `KeyHeader(secret, "x-api-key", "")` for the other habit."""

    secret: Secret
    name: str = "Authorization"
    prefix: str = "Bearer "

    def __call__(self) -> Mapping[str, str]:
        """The header; raises AuthError, which names the variable, where the secret is unset."""
        return {self.name: self.prefix + self.secret.reveal()}
