"""Jobs at Azure: OpenAI's, with a tier that has to be said, other words for their states, and the key in two places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit.backend import Base, FileRole, Remote, RemoteFile, Resolved, TrainRequest
from ftkit.catalogue import Catalogue
from ftkit.http.replies import optional_text
from ftkit_azure import preflight, tiers, wire
from ftkit_azure.client import AzureClient
from ftkit_azure.control import Control
from ftkit_azure.pricing import AzurePricing
from ftkit_azure.uploading import AzureUploading, unmarked
from ftkit_openai import failures
from ftkit_openai import wire as openai_wire
from ftkit_openai.tokens import OpenAIRenderer
from ftkit_openai.training import OpenAITraining

if TYPE_CHECKING:
    from ftkit_azure import AzureSettings

_TIER_FIELD = "ftkit_tier"
_NO_IMAGES = "ftkit does not send images of training rows to Azure yet"


class AzureTraining(OpenAITraining):
    """Training at Azure."""

    def __init__(
        self, client: AzureClient, control: Control, settings: AzureSettings, catalogue: Catalogue
    ) -> None:
        super().__init__(client, settings, catalogue, AzureUploading(client, settings))
        self._control = control
        self._azure = settings
        self._pricing = AzurePricing(catalogue, settings.tier)

    def renderer(self, base: Base) -> OpenAIRenderer | None:
        """OpenAI's tokens for its models; None for open models, and where the vocabulary is not at hand."""
        known = base.id.startswith("gpt-") and not base.id.startswith("gpt-oss")
        if not known or find_spec("bpe_openai") is None:
            return None
        return OpenAIRenderer(base.id, base.max_length, None, _NO_IMAGES)

    def preflight(self, resolved: Resolved) -> date | None:
        """Is the base there and may it be trained still, and is there room for one more job.

        Gives no day: what Azure tells is the end of the base, which the models that are tuned from it outlive.
        """
        preflight.pass_checks(
            self._client, self._control, self._catalogue, resolved.base, self.listing()
        )
        return None

    def fetch(self, file: RemoteFile, to: Path) -> str | None:
        """One of its files; rows as they were written, without the mark that was sent before them."""
        name = super().fetch(file, to)
        if file.role is not FileRole.METRICS:
            unmarked(to)
        return name

    def _body(self, request: TrainRequest) -> dict[str, Any]:
        body = super()._body(request)
        body["suffix"] = wire.suffix(request.name, request.key)
        tier = request.tier or self._azure.tier
        body["trainingType"] = self._azure.training_type or tiers.training_type(tier)
        if tier is not None:
            body["metadata"][_TIER_FIELD] = tier
        return body

    def _keyed(self, key: str) -> Iterator[list[dict[str, Any]]]:
        """All of them: whether Azure filters by metadata is not documented, nor whether it keeps them."""
        return self._jobs()

    def _key_of(self, job: Mapping[str, Any]) -> str | None:
        return wire.key_of(job)

    def _error_of(self, job: Mapping[str, Any]) -> str | None:
        error = job.get("error")
        if not isinstance(error, dict):
            return None
        code, message = optional_text(error, "code"), optional_text(error, "message")
        return failures.explained(code, message, self._client.title)

    def _base_name(self, model: str) -> str:
        return wire.base_name(model)

    def _is_ours(self, made: Remote, request: TrainRequest, reply: Mapping[str, Any]) -> bool:
        """Where Azure repeats no mark of ours, by what the job is made of."""
        if made.key is not None or request.train_upload is None:
            return made.key == request.key
        same_rows = reply.get("training_file") == request.train_upload.id
        return same_rows and made.base == request.base.snapshot

    def _remote(self, reply: Mapping[str, Any]) -> Remote:
        tier = self._tier_of(reply)

        def usd(model: str, tokens: int) -> Decimal | None:
            return self._pricing.usd_of(wire.base_name(model), tier, tokens)

        return replace(
            openai_wire.remote(reply, usd),
            status=wire.status_of(reply),
            key=wire.key_of(reply),
            error=self._error_of(reply),
        )

    def _tier_of(self, job: Mapping[str, Any]) -> str | None:
        marks = job.get("metadata")
        marked = optional_text(marks, _TIER_FIELD) if isinstance(marks, dict) else None
        return marked or self._azure.tier
