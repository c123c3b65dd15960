"""What an answer of OpenAI means, decided by its status and `code`: pure functions over values, no SDK in sight.

The rules of plain HTTP (`ftkit.http.verdicts`) hold, with what is OpenAI's own: 429 is the code of many things, and an
empty account does not fill up by waiting.
"""

from __future__ import annotations

from collections.abc import Mapping

from ftkit import clock
from ftkit.backend import Refused, Unavailable
from ftkit.errors import AuthError
from ftkit.http import CREATED_NOTHING, retry_after_s
from ftkit.http.exchange import Lost, Seen
from ftkit.http.replies import NotJson, error_words, parse
from ftkit.http.shown import one_line
from ftkit.http.verdicts import Verdict, of_create, of_read

_ERROR_BYTES = 1024 * 1024
_MESSAGE, _EXCERPT = 500, 200

SHUT_OUT = "training_not_available"
# 429 that no waiting of seconds mends
_NOT_NOW = {"insufficient_quota", "daily_rate_limit_exceeded", "billing_hard_limit_reached"}
_MEND = {
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


# statuses of a question that was turned away: nothing was made of it, and nothing is billed
_TURNED_AWAY = {425, 429, 503}


class LostReply(Unavailable):
    """A question went out and its answer did not come: it may have been answered, and billed."""


class Forbidden(AuthError):
    """The key is good, and not allowed to do this: keys can be restricted to some of the API."""


def seen(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    hidden: tuple[str, ...] = (),
    *,
    flaw: str = "",
) -> Seen:
    """A whole answer; its texts are redacted, and `hidden` are values that must not show in them."""
    success = 200 <= status < 300
    value = None
    if not flaw:
        try:
            value = parse(body if success else body[:_ERROR_BYTES])
        except NotJson as error:
            flaw = one_line(str(error), _EXCERPT, hidden)
    if success and not flaw and not isinstance(value, dict):
        flaw = "is JSON, but not an object"
    words = None if success or flaw else error_words(value)
    plain = success and not flaw
    excerpt = "" if plain else body[:16_384].decode("utf-8", "replace")
    return Seen(
        status=status,
        reply=value if plain else None,
        flaw=flaw,
        empty=not body,
        code=one_line(words[0], 80, hidden) if words else None,
        message=one_line(words[1], _MESSAGE, hidden) if words else None,
        excerpt=one_line(excerpt, _EXCERPT, hidden),
        retry_after_s=retry_after_s(headers.get("retry-after"), clock.now()),
    )


def read_verdict(what: str, result: Seen | Lost) -> Verdict:
    """The reply of a call that can be made again, or the error that says whether to; `what` names the call."""
    verdict = of_read(what, result, empty_is_fine=False)
    if isinstance(result, Seen) and result.status == 429 and result.code in _NOT_NOW:
        return Refused(result.code, _mended(result.code, str(verdict)))
    if isinstance(result, Seen) and result.status == 403 and isinstance(verdict, AuthError):
        return Forbidden(str(verdict))
    return verdict


def answer_verdict(what: str, result: Seen | Lost) -> Verdict:
    """The reply to a question; as for reads, with LostReply where it may have been answered and billed."""
    verdict = read_verdict(what, result)
    free = result.status in _TURNED_AWAY if isinstance(result, Seen) else not result.sent
    if free or not isinstance(verdict, Unavailable):
        return verdict
    lost = LostReply(
        f"{verdict.message}; it may have been answered, and billed", verdict.retry_after_s
    )
    lost.__cause__ = verdict.__cause__
    return lost


def create_verdict(what: str, result: Seen | Lost) -> Verdict:
    """The reply of a paid call, or exactly one of Refused, NotSent, OutcomeUnknown and, for a missing key, AuthError."""
    verdict = of_create(what, result, CREATED_NOTHING)
    if isinstance(verdict, Refused):
        return Refused(verdict.code, _mended(verdict.code, verdict.message))
    return verdict


def _mended(code: str, said: str) -> str:
    return f"{said}; {_MEND[code]}" if code in _MEND else said
