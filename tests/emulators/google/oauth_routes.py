"""The token endpoint: a service account's signed assertion, or a user's refresh token, becomes an access token.

The rules are those of RFC 7523 and of Google's server-to-server flow; the audience is the one that google-auth writes.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ..serving.exchange import Call, Reply
from .book import Book
from .records import Account

ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://oauth2.googleapis.com/token"
OAUTH = frozenset(("oauth",))


def token(book: Book, call: Call) -> Reply:
    """POST token"""
    form = {name: found[0] for name, found in parse_qs(call.body.decode(errors="replace")).items()}
    kind = form.get("grant_type")
    if kind == ASSERTION:
        account = _of_assertion(book, form.get("assertion", ""))
    elif kind == "refresh_token":
        account = _of_refresh_token(book, form)
    else:
        return _refused("unsupported_grant_type", f"Invalid grant_type: {kind}")
    if isinstance(account, str):
        return _refused("invalid_grant", account)
    text, life = book.issue(account)
    data = {"access_token": text, "expires_in": life, "token_type": "Bearer"}
    return Reply(200, data, deviates=OAUTH)


def add_key(book: Book, body: Any, id: str) -> Any:
    """Let a service account (or a user, by the refresh token) be known: the handle hands out the other half."""
    account = Account(body["email"], body["project"])
    key = body.get("public_key")
    book.keys[body["email"]] = (account, load_pem_public_key(key.encode()) if key else None)
    return {"known": sorted(book.keys)}


def _of_assertion(book: Book, assertion: str) -> Account | str:
    """Whose it is, or what is wrong with it."""
    parts = assertion.split(".")
    try:
        head, claims = (json.loads(_decoded(part)) for part in parts[:2])
        signature = _decoded(parts[2])
    except (ValueError, IndexError):
        return "Bad Request"
    account, key = book.keys.get(claims.get("iss", ""), (None, None))
    if account is None or key is None:
        return "Invalid grant: account not found"
    if head.get("alg") != "RS256":
        return "Invalid JWT: unknown algorithm."
    try:
        key.verify(signature, f"{parts[0]}.{parts[1]}".encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        return "Invalid JWT Signature."
    if claims.get("aud") not in (AUDIENCE, f"{book.url}/token"):
        return "Invalid JWT: the audience is not the token endpoint."
    if not claims.get("scope"):
        return "Invalid OAuth scope or ID token audience provided."
    book.deviations["assertion times"] += 1
    if not 0 < claims.get("exp", 0) - claims.get("iat", 0) <= 3600:
        return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
    return account


def _of_refresh_token(book: Book, form: dict[str, str]) -> Account | str:
    """The user of a refresh token: "refresh/EMAIL"."""
    email = form.get("refresh_token", "").removeprefix("refresh/")
    account, key = book.keys.get(email, (None, None))
    if account is None or key is not None or not form.get("client_id"):
        return "Token has been expired or revoked."
    return account


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _refused(error: str, description: str) -> Reply:
    return Reply(400, {"error": error, "error_description": description}, deviates=OAUTH)
