"""Answers of Claude: its records, and what a question has in tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ftkit.asking import Answering
from ftkit.backend import Call, ModelRecord
from ftkit.catalogue import Catalogue
from ftkit.errors import LifecycleError, NotFound
from ftkit.http.replies import ident, optional_text, whole
from ftkit.patience import patiently
from ftkit_anthropic.batching import AnthropicBatching
from ftkit_anthropic.client import Client
from ftkit_anthropic.wire import MessagesWire

if TYPE_CHECKING:
    from ftkit_anthropic import AnthropicSettings


class AnthropicInference(Answering):
    """Inference at Anthropic."""

    def __init__(self, client: Client, settings: AnthropicSettings, catalogue: Catalogue) -> None:
        self._messages = MessagesWire(catalogue, settings.cache)
        super().__init__(
            client,
            self._messages,
            at_once=settings.answers_at_once,
            answer_timeout_s=settings.answer_timeout_s,
            threads="ftkit-anthropic",
        )
        self.batches = AnthropicBatching(client, settings, catalogue)
        self._reads = client
        self._catalogue = catalogue

    def record(self, native: str) -> ModelRecord:
        """A model of the catalogue, or any that Anthropic has; LifecycleError for one that it has retired."""
        rows = self._catalogue.models
        facts = self._catalogue.model(native)
        if facts is not None:
            name = facts.snapshot or next(row for row, one in rows.items() if one is facts)
            return ModelRecord("anthropic", name, name, family="anthropic", snapshot=name)
        try:
            told = self._reads.read(
                "GET /v1/models/ID", lambda sdk: sdk.models.with_raw_response.retrieve(native)
            )
        except NotFound as error:
            hint = self._catalogue.suggestion(native)
            raise NotFound(f"anthropic has no model {native!r} for this account{hint}") from error
        if optional_text(told, "lifecycle") == "retired":
            raise LifecycleError(
                f"{native} does not answer any more: Anthropic has retired it "
                f"({(optional_text(told, 'retires_at') or 'no date told')[:10]}); take one of {', '.join(rows)}"
            )
        name = ident(told, "id")
        return ModelRecord("anthropic", name, name, family="anthropic", snapshot=name)

    def count_tokens(self, record: ModelRecord, call: Call) -> int:
        """As Anthropic counts it, which is an estimate near the bill by its own words."""
        asked = self._messages.counted(record, call)
        reply = patiently(
            record.instance,
            lambda: self._reads.read(
                "POST /v1/messages/count_tokens",
                lambda sdk: sdk.messages.with_raw_response.count_tokens(
                    model=asked["model"], messages=asked["messages"], extra_body=asked
                ),
            ),
        )
        return whole(reply, "input_tokens")
