"""What an answer of Google means: the rules of plain HTTP, with what is Google's own in the form of its errors.

A wish to be left alone stands in the error's details more often than in the header; an error of a stream is a list of one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ftkit.backend import Refused
from ftkit.errors import AuthError
from ftkit.http import CREATED_NOTHING
from ftkit.http.exchange import Lost, Seen
from ftkit.http.replies import NotJson, parse
from ftkit.http.sdk import seeing
from ftkit.http.verdicts import Verdict, of_answer, of_create, of_read

_ERROR_BYTES = 1024 * 1024
_DELAY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")
_MEND = {
    "RESOURCE_EXHAUSTED": "a quota of the project is used up; tuning jobs have one of their own (global concurrent tuning jobs, "
    "1 by default): wait for a job to end, or ask Google for more",
    "PERMISSION_DENIED": "the account that asks needs the role Vertex AI User, and Storage Object Admin on the bucket; is the "
    "API aiplatform.googleapis.com enabled?",
    "UNAUTHENTICATED": "run `gcloud auth application-default login` again, or look at the key file",
}


def seen(
    status: int, headers: Mapping[str, str], body: bytes, hidden: tuple[str, ...] = ()
) -> Seen:
    """A whole answer; its texts are redacted, and `hidden` are values that must not show in them."""
    told = {name.lower(): value for name, value in headers.items()}
    if status >= 400:
        body, wish = _error(body)
        if wish is not None:
            told.setdefault("retry-after", wish)
    return seeing.seen(status, told, body, hidden)


def read_verdict(what: str, result: Seen | Lost, *, empty_is_fine: bool = False) -> Verdict:
    """The reply of a call that can be made again, or the error that says whether to; `what` names the call.

    `empty_is_fine`: of a delete or a cancel, which are answered with nothing. A list without a body is none.
    """
    verdict = of_read(what, result, empty_is_fine=empty_is_fine)
    if isinstance(verdict, AuthError) and isinstance(result, Seen):
        word = "UNAUTHENTICATED" if result.status == 401 else "PERMISSION_DENIED"
        return AuthError(_mended(word, str(verdict)))  # Cloud Storage has no word for it
    if isinstance(verdict, Refused):
        return Refused(verdict.code, _mended(verdict.code, verdict.message))
    return verdict


def answer_verdict(what: str, result: Seen | Lost) -> Verdict:
    """The reply to a question; as for reads, with LostReply where it may have been answered and billed."""
    return of_answer(read_verdict(what, result), result)


def create_verdict(what: str, result: Seen | Lost) -> Verdict:
    """The reply of a paid call, or exactly one of Refused, NotSent, OutcomeUnknown and, for missing credentials, AuthError."""
    verdict = of_create(what, result, CREATED_NOTHING)
    if isinstance(verdict, Refused):
        return Refused(verdict.code, _mended(verdict.code, verdict.message))
    return verdict


def _mended(code: str, said: str) -> str:
    return f"{said}; {_MEND[code]}" if code in _MEND else said


def _error(body: bytes) -> tuple[bytes, str | None]:
    """The error by itself, and the seconds that Google wishes to be left alone."""
    try:
        value = parse(body[:_ERROR_BYTES])
    except NotJson:
        return body, None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
        body = json.dumps(value).encode()
    return body, _wish(value)


def _wish(value: Any) -> str | None:
    error = value.get("error") if isinstance(value, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for one in details if isinstance(details, list) else ():
        delay = one.get("retryDelay") if isinstance(one, dict) else None
        found = _DELAY.fullmatch(delay) if isinstance(delay, str) else None
        if found:
            return found[1]
    return None
