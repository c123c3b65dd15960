"""What came of a request, in the words of the contract: the reply, or the one error that says what it means.

| seen | read | paid call |
|---|---|---|
| 2xx, an object | the reply | the reply |
| 2xx, anything else | ProviderError | OutcomeUnknown |
| 401, 403 / 404, 410 | AuthError / NotFound | Refused* |
| 408, 425, 429, 5xx | Unavailable | Refused* for 429, else OutcomeUnknown |
| other 4xx | Refused | Refused*, else OutcomeUnknown |
| 3xx | ProviderError | OutcomeUnknown |
| nothing, provably unsent | Unavailable | NotSent |
| nothing, maybe sent | Unavailable | OutcomeUnknown |

* where the status is in `created_nothing` and the body is a JSON error that does not speak of something that exists.
"""

from __future__ import annotations

import http
import re
from collections.abc import Set as AbstractSet
from typing import Any

from ftkit.backend.outcomes import LostReply, NotSent, OutcomeUnknown, Refused, Unavailable
from ftkit.errors import AuthError, FtkitError, NotFound, ProviderError, StorageError
from ftkit.http.exchange import Lost, Seen, Why

CREATED_NOTHING = frozenset({400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 429})
# statuses of a question that was turned away: nothing was made of it, and nothing is billed
TURNED_AWAY = frozenset({425, 429, 503})
_TRY_AGAIN = {408, 425, 429}
_EXISTS = re.compile(
    r"already[\s_-]{0,3}(?:exist|been|in[\s_-]use)|conflict_?exception|resource_?in_?use|duplicate_?request",
    re.IGNORECASE,
)

Verdict = dict[str, Any] | FtkitError


def of_read(what: str, result: Seen | Lost, *, empty_is_fine: bool) -> Verdict:
    """The verdict on a call that can be made again; `what` names it: method, host and path.

    `empty_is_fine`: a 2xx without a body is the reply `{}`.
    """
    if isinstance(result, Lost):
        return _caused(_read_lost(what, result), result)
    if result.reply is not None:
        return result.reply
    said = f"{what}: {_said(result)}"
    if 200 <= result.status < 300:
        if result.empty and empty_is_fine:
            return {}
        return ProviderError(f"{said}, and the reply {result.flaw}{_quoted(result)}")
    if result.status in (401, 403):
        return AuthError(f"{said}; check the key, and what it is allowed to do")
    if result.status in (404, 410):
        return NotFound(said)
    if result.status in _TRY_AGAIN or 500 <= result.status < 600:
        return Unavailable(said, result.retry_after_s)
    if 400 <= result.status < 500:
        return Refused(result.code or f"http_{result.status}", said)
    return ProviderError(said)


def _read_lost(what: str, lost: Lost) -> FtkitError:
    if lost.why is Why.NETWORK:
        return Unavailable(f"{what}: no answer: {lost.reason}", lost.retry_after_s)
    if lost.why is Why.CREDENTIALS:
        return AuthError(f"{what}: {lost.reason}")
    if lost.why is Why.FILE:
        return StorageError(f"{what}: {lost.reason}")
    return ProviderError(f"{what}: {lost.reason}")


def of_answer(
    verdict: Verdict, result: Seen | Lost, turned_away: AbstractSet[int] = TURNED_AWAY
) -> Verdict:
    """The verdict of a read as that of a question: LostReply where it may have been answered and billed."""
    free = result.status in turned_away if isinstance(result, Seen) else not result.sent
    if free or not isinstance(verdict, Unavailable):
        return verdict
    lost = LostReply(
        f"{verdict.message}; it may have been answered, and billed", verdict.retry_after_s
    )
    lost.__cause__ = verdict.__cause__
    return lost


def of_create(what: str, result: Seen | Lost, created_nothing: AbstractSet[int]) -> Verdict:
    """The verdict on a paid call; see the table. A credential that is not there is AuthError."""
    if isinstance(result, Lost):
        return _caused(_create_lost(what, result), result)
    if result.reply is not None:
        return result.reply
    said = f"{what}: {_said(result)}"
    if result.from_proxy:
        return NotSent(f"{said}: the proxy wants a login and passed nothing on")
    if result.status in created_nothing and result.message is not None:
        if not _EXISTS.search(f"{result.code} {result.message}"):
            return Refused(result.code or f"http_{result.status}", said)
        return OutcomeUnknown(f"{said}; so something may have been created")
    if result.flaw:
        said += f", and the reply {result.flaw}"
    return OutcomeUnknown(f"{said}{_quoted(result)}; it may have been created, and billed")


def _create_lost(what: str, lost: Lost) -> FtkitError:
    if not lost.sent:
        if lost.why is Why.CREDENTIALS:
            return AuthError(f"{what}: {lost.reason}; nothing was sent")
        return NotSent(f"{what}: nothing was sent: {lost.reason}")
    return OutcomeUnknown(
        f"{what}: sent, and no whole answer came: {lost.reason}; it may have been created, and billed"
    )


def _caused(error: FtkitError, lost: Lost) -> FtkitError:
    error.__cause__ = lost.cause
    return error


def _said(seen: Seen) -> str:
    try:
        phrase = f"{seen.status} {http.HTTPStatus(seen.status).phrase}"
    except ValueError:
        phrase = f"status {seen.status}"
    return f"{phrase}: {seen.message}" if seen.message else phrase


def _quoted(seen: Seen) -> str:
    return f": {seen.excerpt!r}" if seen.excerpt and seen.message is None else ""
