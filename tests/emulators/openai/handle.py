"""`OpenAIEmulator`: the handle that steers and questions the emulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..serving import Emulator


class OpenAIEmulator(Emulator):
    """OpenAI's fine-tuning API on a loopback port; `settings` are those of `records.Settings`, and `now`.

    `accounts` maps keys to "organisation/project". `contract=False` runs it without a judge, as where the contract is
    not at hand. Every create that is accepted makes a job.
    """

    module: ClassVar[str] = "tests.emulators.openai"

    def __init__(
        self, *, accounts: Mapping[str, str] | None = None, contract: bool = True, **settings: Any
    ) -> None:
        accounts = dict(accounts or {"sk-emulated": "org-acme/proj-main"})
        self.api_key = next(iter(accounts))
        owners = [f"--account={key}={owner}" for key, owner in accounts.items()]
        super().__init__([*owners, *([] if contract else ["--no-contract"])], settings)

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL would hold."""
        return f"{self.url}/v1"

    def counts(self) -> dict[str, Any]:
        """What happened since the start or the last `reset`, over all accounts.

        `jobs`, `files`, `uploads`, `batches`: how many were created, deleted ones too and planted ones not; `chats`,
        `responses`: how many were answered; `metadata`, `batch_metadata`: how many jobs, batches by key and value; `usd`, `training_usd`: text;
        `requests`: by route, faults included; `active_jobs`; `deviations`: how often each was made.
        """
        return super().counts()

    def reply_with(self, *replies: str | Mapping[str, Any]) -> None:
        """Script the next answers of models: text, or content, tool_calls [{name, arguments}], refusal, finish_reason."""
        scripted = [{"content": one} if isinstance(one, str) else dict(one) for one in replies]
        self.ask("POST", "replies", {"replies": scripted})

    def plant(self, jobs: int, **options: Any) -> list[str]:
        """Plant finished jobs of the past with their files; see `history.plant`. Ids, oldest first."""
        ids: list[str] = self.ask("POST", "history", {"jobs": jobs, **options})
        return ids

    def patch_job(self, id: str, **fields: Any) -> dict[str, Any]:
        """Show `fields` of a job from now on (None: the truth again); returns the job.

        A final `status` ends it for good; `frozen=True` stops its progress until `frozen=False`.
        """
        job: dict[str, Any] = self.ask("PATCH", f"jobs/{id}", fields)
        return job

    def lose_job(self, id: str) -> None:
        """Let the provider forget a job and its model; what it cost stays counted."""
        self.ask("DELETE", f"jobs/{id}")

    def lose_file(self, id: str) -> None:
        """Let the provider forget a file."""
        self.ask("DELETE", f"files/{id}")
