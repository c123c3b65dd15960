"""Entra's token endpoint for an application with a secret (client credentials), and the document that leads to it.

azure-identity takes an https authority only: `doors.py` lets it in. Tokens are opaque; each is for one audience.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from ..serving.exchange import Call, Reply, answer
from .book import Book, Token
from .refusals import Refusal

AUDIENCES = (
    "https://management.azure.com",
    "https://cognitiveservices.azure.com",
    "https://ai.azure.com",
)


class EntraRefusal(Refusal):
    """{"error", "error_description", "error_codes"}: OAuth's form, not Azure's."""

    def body(self) -> dict[str, Any]:
        """As RFC 6749 has it, with Entra's number."""
        number = self.param or "0"
        text = f"AADSTS{number}: {self.message}"
        return {
            "error": self.code,
            "error_description": text,
            "error_codes": [int(number)],
        }


def token(book: Book, call: Call) -> Reply:
    """POST token"""
    _check_tenant(book, call)
    form = {name: values[-1] for name, values in parse_qs(call.body.decode()).items()}
    if form.get("grant_type") != "client_credentials":
        raise _refused("unsupported_grant_type", "70003", "The grant type is not supported.")
    site = book.site
    if form.get("client_id") != site.client_id:
        raise _refused("unauthorized_client", "700016", "The application was not found.")
    if form.get("client_secret") != site.client_secret:
        raise _refused("invalid_client", "7000215", "Invalid client secret provided.", 401)
    audience = form.get("scope", "").removesuffix("/.default").rstrip("/")
    if audience not in AUDIENCES:
        raise _refused("invalid_scope", "70011", f"The scope {form.get('scope')!r} is not valid.")
    life = book.settings.token_life_s
    text = f"emulated-entra-token-{book.next_number('token')}"
    book.handed_out[text] = Token(audience, call.now + timedelta(seconds=life))
    return answer(
        {
            "token_type": "Bearer",
            "expires_in": int(life),
            "ext_expires_in": int(life),
            "access_token": text,
        }
    )


def discovery(book: Book, call: Call) -> Reply:
    """GET openid-configuration: azure-identity reads it before it asks for its first token."""
    _check_tenant(book, call)
    root = f"https://{call.headers.get('host', '')}/{book.site.tenant}"
    return answer(
        {
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
            "issuer": f"{root}/v2.0",
        }
    )


def _check_tenant(book: Book, call: Call) -> None:
    if call.ids["tenant"] != book.site.tenant:
        raise _refused("invalid_request", "90002", f"Tenant '{call.ids['tenant']}' not found.")


def _refused(code: str, number: str, message: str, status: int = 400) -> EntraRefusal:
    return EntraRefusal(status, message, code=code, param=number)
