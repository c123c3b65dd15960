"""What an answer of Anthropic means, decided by its status and its error's type: pure functions, no SDK in sight.

529 is Anthropic's own word for "too many people ask just now": nothing was made of the question, as with 429 and 503.
"""

from __future__ import annotations

from ftkit.backend import Refused
from ftkit.errors import AuthError, NotFound
from ftkit.http.exchange import Lost, Seen
from ftkit.http.verdicts import CREATED_NOTHING, TURNED_AWAY, Verdict, of_answer, of_create, of_read

_OVERLOADED = 529
_MEND = {
    "billing_error": "the account has no credit left or may not pay; see its billing page, then ask again",
    "request_too_large": "a request has at most 32 MB, and a batch 256 MB: send less, or smaller images",
}


def read_verdict(what: str, result: Seen | Lost) -> Verdict:
    """The reply of a call that can be made again, or the error that says whether to; `what` names the call."""
    verdict = of_read(what, result, empty_is_fine=False)
    if not isinstance(result, Seen):
        return verdict
    if isinstance(verdict, Refused):
        return _mended(verdict)
    if result.status == 403 and isinstance(verdict, AuthError):
        return AuthError(f"{verdict}; or the organisation or workspace has not been given it")
    if isinstance(verdict, NotFound) and "model" in (result.message or ""):
        return NotFound(f"{verdict}; a model that was retired is not found either")
    return verdict


def answer_verdict(what: str, result: Seen | Lost) -> Verdict:
    """The reply to a question; as for reads, with LostReply where it may have been answered and billed."""
    return of_answer(read_verdict(what, result), result, TURNED_AWAY | {_OVERLOADED})


def create_verdict(what: str, result: Seen | Lost) -> Verdict:
    """The reply to the start of a batch, or whether it can have been started."""
    verdict = of_create(what, result, CREATED_NOTHING)
    return _mended(verdict) if isinstance(verdict, Refused) else verdict


def _mended(refusal: Refused) -> Refused:
    """The refusal with what to do."""
    mend = _MEND.get(refusal.code)
    return Refused(refusal.code, f"{refusal.message}; {mend}") if mend else refusal
