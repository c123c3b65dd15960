"""Answers of Gemini, plain and tuned. A tuned one is asked at the location in its own name, whatever tuned it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ftkit import clock
from ftkit.asking import Answering, Loading
from ftkit.backend import Call, ModelRecord
from ftkit.catalogue import Catalogue
from ftkit.errors import CapabilityError, LifecycleError, NotFound
from ftkit.http.replies import optional_text, whole
from ftkit_google.chat_wire import ChatWire
from ftkit_google.client import Client
from ftkit_google.names import Resource, parsed

if TYPE_CHECKING:
    from ftkit_google import GoogleSettings

_BASE_LABEL = "google-vertex-llm-tuning-base-model-id"


class GoogleInference(Answering):
    """Inference at Google."""

    def __init__(self, client: Client, settings: GoogleSettings, catalogue: Catalogue) -> None:
        self._counts = _Wire(settings.answers_in, catalogue)
        super().__init__(
            client,
            self._counts,
            at_once=settings.answers_at_once,
            answer_timeout_s=settings.answer_timeout_s,
            threads="ftkit-google",
        )
        self._reads = client
        self._catalogue = catalogue

    def record(self, native: str) -> ModelRecord:
        """A base of the catalogue, or a tuned model by its endpoint; LifecycleError for one that is switched off."""
        facts = self._catalogue.model(native)
        if facts is not None:
            name = facts.snapshot or next(
                row for row, one in self._catalogue.models.items() if one is facts
            )
            return ModelRecord("google", name, name, family="google", snapshot=name)
        found = parsed(native)
        if found is None or found.kind != "endpoints":
            hint = self._catalogue.suggestion(native)
            wanted = (
                "; a tuned model is asked by its endpoint, projects/PROJECT/locations/LOCATION/endpoints/NUMBER"
                if "models/" in native
                else ""
            )
            raise NotFound(f"google has no model {native!r}{hint}{wanted}")
        base = self._base_of(native, found)
        facts = self._catalogue.model(base)
        name = base if facts is None else facts.snapshot or base
        return ModelRecord("google", native, name, tuned=True, family="google")

    def count_tokens(self, record: ModelRecord, call: Call) -> int:
        """Tokens of a question as Google counts them, its tools and schema included; free of charge."""
        question = self._counts.count_call(self._counts.body(record, call))
        reply = self._reads.read("POST countTokens", question.call, question.location)
        return whole(reply, "totalTokens")

    def _loading(self, record: ModelRecord) -> Loading:
        """Nothing is waited for; but of a base that was switched off the day is told."""

        def gone(error: NotFound) -> float:
            facts = self._catalogue.model(record.base)
            if facts is None or facts.shutdown is None or clock.now().date() < facts.shutdown:
                raise error
            raise LifecycleError(
                f"{record.native} does not answer any more: {record.base} was switched off on {facts.shutdown}, and what was "
                f"tuned from it with it ({facts.basis}){facts.instead}"
            ) from error

        return gone

    def _base_of(self, native: str, found: Resource) -> str:
        """What a tuned model was made from, as its endpoint or the model behind it says."""
        try:
            endpoint = self._reads.get(found.location, native)
            said = _label(endpoint)
            deployed = endpoint.get("deployedModels")
            if said is None and isinstance(deployed, list) and deployed:
                model = (
                    optional_text(deployed[0], "model") if isinstance(deployed[0], dict) else None
                )
                behind = None if model is None else parsed(model)
                if model is not None and behind is not None:
                    said = _label(self._reads.get(behind.location, model))
        except NotFound as error:
            raise NotFound(
                f"google has no endpoint {native} for this account; was it deleted? ({error})"
            ) from error
        if said is None:
            raise NotFound(
                f"{native} does not say which model was tuned: it is none that Google tuned"
            )
        return said


class _Wire(ChatWire):
    """The wire, for models that answer at all."""

    def __init__(self, answers_in: str, catalogue: Catalogue) -> None:
        super().__init__(answers_in)
        self._catalogue = catalogue

    def body(self, record: ModelRecord, call: Call) -> dict[str, Any]:
        """Refuses an open model, which answers nowhere at Google."""
        facts = self._catalogue.model(record.base)
        if facts is not None and facts.serving == "dedicated":
            raise CapabilityError(
                f"{record.base} answers at Google only on GPUs that you rent there, which ftkit does not start; "
                + (
                    f"its weights lie in {record.native}: take them home with `ftkit.job({(record.job or 'JOB')!r}).download(folder)`"
                    if record.tuned
                    else "its weights are open, so ask it on a machine of your own"
                )
            )
        return super().body(record, call)


def _label(resource: Mapping[str, Any]) -> str | None:
    """The base's name; a model says it in a label, or as the source that it was made from."""
    labels, source = resource.get("labels"), resource.get("baseModelSource")
    said = optional_text(labels, _BASE_LABEL) if isinstance(labels, dict) else None
    made_from = source.get("genieSource") if isinstance(source, dict) else None
    if said is None and isinstance(made_from, dict):
        said = optional_text(made_from, "baseModelUri")
    return None if said is None else re.sub(r"^.*/models/", "", said)
