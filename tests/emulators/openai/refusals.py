"""The provider's form of an error, and those that a test may order by their code, with status, type and text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..serving import exchange


class Refusal(exchange.Refusal):
    """{"error": {"message", "type", "param", "code"}}."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        type: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, code=code, param=param, type=type, headers=headers)

    def body(self) -> dict[str, Any]:
        """All four fields, null where there is nothing to say."""
        told = {"type": self.type, "param": self.param, "code": self.code}
        return {"error": {"message": self.message, **told}}


REFUSALS = {
    "training_not_available": (403, "invalid_request_error", "Fine-tuning is not available."),
    "daily_rate_limit_exceeded": (
        429,
        "invalid_request_error",
        "The jobs of this day are used up.",
    ),
    "rate_limit_exceeded": (429, "requests", "Rate limit reached. Please try again later."),
    "slow_down": (429, "requests", "Please slow down your requests."),
    "server_is_overloaded": (503, "service_unavailable_error", "The server is overloaded."),
    "insufficient_quota": (
        429,
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "invalid_api_key": (401, "invalid_request_error", "Incorrect API key provided."),
    "server_error": (500, "server_error", "The server had an error processing your request."),
}


def refusal(code: str, retry_after: str | None = None) -> Refusal:
    """The error of this code; `retry_after` is the header's text, seconds or an HTTP date."""
    status, kind, message = REFUSALS[code]
    headers = {"retry-after": retry_after} if retry_after is not None else {}
    return Refusal(status, message, code=code, type=kind, headers=headers)
