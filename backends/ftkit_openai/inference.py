"""Answers of OpenAI's models, plain and tuned, whichever of the two APIs they go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ftkit import asking, clock
from ftkit.asking import Answering
from ftkit.backend import ModelRecord
from ftkit.catalogue import Catalogue
from ftkit.errors import LifecycleError, NotFound
from ftkit_openai import chat_wire, responses_wire
from ftkit_openai.batching import OpenAIBatching
from ftkit_openai.client import Client
from ftkit_openai.loading import Loading
from ftkit_openai.tokens import base_name

if TYPE_CHECKING:
    from ftkit_openai import OpenAISettings


class OpenAIInference(Answering):
    """Inference at OpenAI."""

    def __init__(self, client: Client, settings: OpenAISettings, catalogue: Catalogue) -> None:
        wire: asking.Wire = responses_wire if settings.api == "responses" else chat_wire
        super().__init__(
            client,
            wire,
            at_once=settings.answers_at_once,
            answer_timeout_s=settings.answer_timeout_s,
            threads="ftkit-openai",
        )
        self.batches = OpenAIBatching(client, settings)
        self._reads = client
        self._settings = settings
        self._catalogue = catalogue

    def record(self, native: str) -> ModelRecord:
        """A base of the catalogue, or any model that OpenAI has; LifecycleError for one that is switched off."""
        facts = self._catalogue.model(native)
        if facts is not None:
            name = facts.snapshot or native
            return ModelRecord("openai", name, name, family="openai", snapshot=name)
        try:
            self._reads.read(
                "GET /models/ID", lambda sdk: sdk.models.with_raw_response.retrieve(native)
            )
        except NotFound as error:
            self._gone(native, base_name(native), error)
            hint = self._catalogue.suggestion(native)
            raise NotFound(f"openai has no model {native!r} for this account{hint}") from error
        base = base_name(native)
        known = self._catalogue.model(base)
        name = base if known is None else known.snapshot or base
        return ModelRecord("openai", native, name, tuned=native.startswith("ft:"), family="openai")

    def _loading(self, record: ModelRecord) -> asking.Loading:
        """A model that has just been tuned is not found while it loads."""
        return Loading(self._reads, record, self._settings.loading_s, self._gone).pause_s

    def _gone(self, native: str, base: str, error: NotFound) -> None:
        """Raise LifecycleError where the base below a model has been switched off by now."""
        facts = self._catalogue.model(base)
        if facts is None or facts.shutdown is None or clock.now().date() < facts.shutdown:
            return
        raise LifecycleError(
            f"{native} does not answer any more: {base} was switched off on {facts.shutdown}, and what was tuned from it "
            f"with it ({facts.basis}){facts.instead}"
        ) from error
