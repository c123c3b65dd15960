"""The provider's errors: {"type": "error", "error": {"type", "message"}, "request_id"}, each type with its status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..serving.exchange import Refusal, Reply

# Those that a test may order, by their type. 413 has no type in the package: deviations.py.
STATUSES = {
    "invalid_request_error": (400, "The request was refused."),
    "authentication_error": (401, "invalid x-api-key"),
    "billing_error": (402, "Your credit balance is too low to access the API."),
    "permission_error": (403, "Your API key does not have permission to use this resource."),
    "not_found_error": (404, "Not found"),
    "request_too_large": (413, "Request exceeds the maximum allowed number of bytes."),
    "rate_limit_error": (429, "This request would exceed your organization's rate limit."),
    "api_error": (500, "Internal server error"),
    "timeout_error": (504, "The request timed out."),
    "overloaded_error": (529, "Overloaded"),
}
_TYPES = {status: kind for kind, (status, _) in STATUSES.items()}


class APIRefusal(Refusal):
    """An error in the provider's form; its type follows from the status."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(status, message, **more)
        self.request_id: str | None = None

    def error(self) -> dict[str, Any]:
        """Type and message."""
        return {"type": self.type or _TYPES[self.status], "message": self.message}

    def body(self) -> dict[str, Any]:
        """The JSON that the provider sends."""
        return {"type": "error", "error": self.error(), "request_id": self.request_id}

    def reply(self) -> Reply:
        """The answer that carries it."""
        reply = super().reply()
        if self.status == 413:
            reply.deviates = frozenset(("request_too_large",))
        return reply


def refusal(code: str, headers: Mapping[str, str] | None = None) -> APIRefusal:
    """The error of this type."""
    status, message = STATUSES[code]
    return APIRefusal(status, message, type=code, headers=headers)


def invalid(message: str) -> APIRefusal:
    """400 invalid_request_error."""
    return APIRefusal(400, message)
