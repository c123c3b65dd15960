"""Azure's form of an error, on both planes a code and a text and no more, and those that a test may order.

The texts of DeploymentNotFound and of a wrong key are the service's own; the others are in its manner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..openai import refusals as openai
from ..serving import exchange

NO_QUOTA = "This operation requires new capacity in quota Tokens Per Minute (thousands), which is more than is available."
NO_RIGHT = (
    "The client does not have authorization to perform action "
    "'Microsoft.CognitiveServices/accounts/deployments/write' over the scope."
)
NO_DEPLOYMENT = (
    "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
    "please wait a moment and try again."
)
AZURE = {
    "InsufficientQuota": (429, NO_QUOTA),
    "TooManyRequests": (429, "The request was throttled. Please retry after the time given."),
    "ServiceUnavailable": (503, "The service is temporarily unavailable."),
    "InternalServerError": (500, "An error occurred while processing the request."),
    "AuthorizationFailed": (403, NO_RIGHT),
    "DeploymentNotFound": (404, NO_DEPLOYMENT),
    "DeploymentNotReady": (404, "The deployment is not ready. Please try again later."),
    "invalidPayload": (400, "The specified base model does not support fine-tuning."),
}
REFUSALS: Mapping[str, tuple[Any, ...]] = {**openai.REFUSALS, **AZURE}


class Refusal(exchange.Refusal):
    """{"error": {"code", "message"}}."""

    def body(self) -> dict[str, Any]:
        """Both fields."""
        return {"error": {"code": self.code or str(self.status), "message": self.message}}


def refusal(code: str, retry_after: str | None = None, *, status: int | None = None) -> Refusal:
    """The error of this code in Azure's form, OpenAI's codes too."""
    known = REFUSALS[code]
    headers = {"retry-after": retry_after} if retry_after is not None else {}
    return Refusal(status or known[0], known[-1], code=code, headers=headers)


def unsupported() -> Refusal:
    """What a create is told whose base cannot be tuned so, and one that lacks its trainingType."""
    return refusal("invalidPayload")
