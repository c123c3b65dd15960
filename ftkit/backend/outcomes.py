"""How a call to a provider can end badly, told apart by what it means for money.

A paid call raises exactly one of Refused, NotSent and OutcomeUnknown; the core takes any foreign exception for
OutcomeUnknown. A read raises Unavailable where trying again may help, Refused where it will not; a question too, and
LostReply where it may have been answered and billed.
"""

from __future__ import annotations

from ftkit.errors import OutcomeUnknown, ProviderError

__all__ = ["LostReply", "NotSent", "OutcomeUnknown", "Refused", "Unavailable"]


class Refused(ProviderError):
    """The provider said no and nothing was created: a parsed 4xx that the backend lists as such.

    408, 409 and any "already exists" are not: there something may have been created.
    """

    exit_code = 3

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)

    def __reduce__(self) -> tuple[type[Refused], tuple[str, str]]:
        return type(self), (self.code, self.message)


class NotSent(ProviderError):
    """The call failed provably before its first byte left this machine."""


class Unavailable(ProviderError):
    """A read found the provider busy or out of reach; `retry_after_s` is the provider's own wish, in seconds."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        self.message = message
        self.retry_after_s = retry_after_s
        super().__init__(message)

    def __reduce__(self) -> tuple[type[Unavailable], tuple[str, float | None]]:
        return type(self), (self.message, self.retry_after_s)


class LostReply(Unavailable):
    """A question went out and its answer did not come: it may have been answered, and billed."""
