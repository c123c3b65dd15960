"""`AnthropicEmulator`: the handle that steers and questions the emulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..serving import Emulator


class AnthropicEmulator(Emulator):
    """Anthropic's API on a loopback port; `settings` are those of `records.Settings`, and `now`.

    `accounts` maps keys to "organisation/workspace". Requests and answers are judged by the types of the package
    `anthropic`, which must be installed.
    """

    module: ClassVar[str] = "tests.emulators.anthropic"

    def __init__(self, *, accounts: Mapping[str, str] | None = None, **settings: Any) -> None:
        accounts = dict(accounts or {"sk-ant-emulated": "org-acme/wrkspc-main"})
        self.api_key = next(iter(accounts))
        owners = [f"--account={key}={owner}" for key, owner in accounts.items()]
        super().__init__(owners, settings)

    @property
    def base_url(self) -> str:
        """What ANTHROPIC_BASE_URL would hold: the package adds /v1 itself."""
        return self.url

    def counts(self) -> dict[str, Any]:
        """What happened since the start or the last `reset`, over all accounts.

        `messages` and `count_tokens` that were answered, rows of batches among the messages; `batches` and
        `batch_requests` that were created; `custom_ids`: how often each was; `stop_reasons`; `tokens`: input,
        cache_write_5m, cache_write_1h, cache_read, output; `usd`, and `batch_usd` of it, as text; `requests` by route,
        faults included; `deviations`: how often each was made.
        """
        return super().counts()

    def reply_with(self, *replies: str | Mapping[str, Any]) -> None:
        """Script the next answers: text, or content, tool_calls [{name, arguments}], thinking, refusal and category,
        stop_reason, breaks {after: how many events of a stream come, code: the error that then ends it}.
        """
        scripted = [{"content": one} if isinstance(one, str) else dict(one) for one in replies]
        self.ask("POST", "replies", {"replies": scripted})

    def lose_batch(self, id: str) -> None:
        """Let the provider forget a batch; what it cost stays counted."""
        self.ask("DELETE", f"batches/{id}")
