"""Google's errors: the form of the platform, the form of Cloud Storage, and those that a test may order by their code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..serving.exchange import Refusal

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
RPC_CODES = {
    "INVALID_ARGUMENT": 3,
    "NOT_FOUND": 5,
    "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
}
REFUSALS = {
    "INVALID_ARGUMENT": (400, "Request contains an invalid argument."),
    "FAILED_PRECONDITION": (400, "Precondition check failed."),
    "UNAUTHENTICATED": (
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token.",
    ),
    "PERMISSION_DENIED": (403, "The caller does not have permission."),
    "NOT_FOUND": (404, "Requested entity was not found."),
    "RESOURCE_EXHAUSTED": (
        429,
        "Resource exhausted. Please try again later.",
    ),
    "INTERNAL": (500, "Internal error encountered."),
    "UNAVAILABLE": (503, "The service is currently unavailable."),
    "DEADLINE_EXCEEDED": (504, "Deadline exceeded."),
}
REASONS = {
    400: "invalid",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    412: "conditionNotMet",
    416: "requestedRangeNotSatisfiable",
    429: "rateLimitExceeded",
    500: "internalError",
    503: "backendError",
    504: "gatewayTimeout",
}


class Refused(Refusal):
    """{"error": {"code", "message", "status", "details"}}; `code` is the status's word where it is not the usual one."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        details: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(status, message, code=code, param=param, headers=headers)
        self.details = details or []

    def body(self) -> dict[str, Any]:
        """As the platform says it."""
        error: dict[str, Any] = {
            "code": self.status,
            "message": self.message,
            "status": self.code or STATUSES[self.status],
        }
        return {"error": {**error, "details": self.details} if self.details else error}


class StorageRefused(Refusal):
    """{"error": {"code", "message", "errors": [{"message", "domain", "reason"}]}}, as Cloud Storage says it."""

    def body(self) -> dict[str, Any]:
        """Its JSON."""
        reason = {
            "message": self.message,
            "domain": "global",
            "reason": REASONS[self.status],
        }
        return {"error": {"code": self.status, "message": self.message, "errors": [reason]}}


def refusal(code: str, retry_after: str | None = None, *, storage: bool = False) -> Refusal:
    """The error of this code; `retry_after` is the header's text, and in RetryInfo too where it is seconds."""
    status, message = REFUSALS[code]
    headers = {"retry-after": retry_after} if retry_after is not None else {}
    if storage:
        return StorageRefused(status, message, headers=headers)
    details = []
    if retry_after is not None and retry_after.replace(".", "", 1).isdigit():
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        details = [{"@type": kind, "retryDelay": f"{retry_after}s"}]
    return Refused(status, message, code=code, headers=headers, details=details)
