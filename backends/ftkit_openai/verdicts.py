"""What an answer of OpenAI means, decided by its status and `code`: pure functions over values, no SDK in sight.

The rules of plain HTTP (`ftkit.http.verdicts`) hold, with what is OpenAI's own: 429 is the code of many things, and an
empty account does not fill up by waiting.
"""

from __future__ import annotations

from collections.abc import Mapping

from ftkit.backend import Refused
from ftkit.errors import AuthError
from ftkit.http import CREATED_NOTHING
from ftkit.http.exchange import Lost, Seen
from ftkit.http.verdicts import Verdict, of_answer, of_create, of_read

SHUT_OUT = "training_not_available"
# 429 that no waiting of seconds mends
_NOT_NOW = {"insufficient_quota", "daily_rate_limit_exceeded", "billing_hard_limit_reached"}
MENDS = {
    SHUT_OUT: "OpenAI takes no new tuning jobs from this organisation, whatever the base, and will not "
    "again; tune at another provider",
    "daily_rate_limit_exceeded": "the organisation's jobs of today are used up for this base; submit again tomorrow (UTC)",
    "rate_limit_exceeded": "wait for one of the running jobs to end, then submit again",
    "slow_down": "OpenAI asks for fewer requests; submit again in a few minutes",
    "insufficient_quota": "the account has no credit left; add some on OpenAI's billing page, then submit again",
    "billing_hard_limit_reached": "the account's limit is reached; raise it on OpenAI's billing page, then submit again",
    "model_not_available": "this base cannot be tuned (any more)",
    "mismatched_organization": "the key belongs to another organisation than the one that is set",
    "mismatched_project": "the key belongs to another project than the one that is set",
}


class Forbidden(AuthError):
    """The key is good, and not allowed to do this: keys can be restricted to some of the API."""


def read_verdict(what: str, result: Seen | Lost, mends: Mapping[str, str] = MENDS) -> Verdict:
    """The reply of a call that can be made again, or the error that says whether to; `what` names the call."""
    verdict = of_read(what, result, empty_is_fine=False)
    if isinstance(result, Seen) and result.status == 429 and result.code in _NOT_NOW:
        return Refused(result.code, _mended(result.code, str(verdict), mends))
    if isinstance(result, Seen) and result.status == 403 and isinstance(verdict, AuthError):
        return Forbidden(str(verdict))
    return verdict


def answer_verdict(what: str, result: Seen | Lost) -> Verdict:
    """The reply to a question; as for reads, with LostReply where it may have been answered and billed."""
    return of_answer(read_verdict(what, result), result)


def create_verdict(what: str, result: Seen | Lost, mends: Mapping[str, str] = MENDS) -> Verdict:
    """The reply of a paid call, or exactly one of Refused, NotSent, OutcomeUnknown and, for a missing key, AuthError."""
    verdict = of_create(what, result, CREATED_NOTHING)
    if isinstance(verdict, Refused):
        return Refused(verdict.code, _mended(verdict.code, verdict.message, mends))
    return verdict


def _mended(code: str, said: str, mends: Mapping[str, str]) -> str:
    return f"{said}; {mends[code]}" if code in mends else said
