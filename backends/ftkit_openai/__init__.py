"""Fine-tuning and answers at OpenAI, with its own SDK. The entry point names `backend`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ftkit.backend import Backend, Plugin
from ftkit.catalogue import load_catalogue
from ftkit.secrets import Secret

# Decimal on purpose: the provider says "512 MB" and "64 MB", and this fits whichever it means.
_FILE_BYTES = 512_000_000
_PART_BYTES = 64_000_000

_LACKS = {
    "full": "OpenAI does not say which weights it changes; its supervised tuning is asked for as lora, the default",
    "qlora": "OpenAI trains on its own machines, in a precision of its own",
    "calling_pairs": "OpenAI's preference tuning takes answers of text only; both answers of a pair are text",
    "estimate_usd": "OpenAI prices no request in advance; the quote multiplies tokens by the listed price",
    "download": "OpenAI gives no weights away",
    "resume": "OpenAI runs the trainer itself and starts a dead one again by itself",
    "time_limit": "OpenAI charges tokens, not time",
    "hosting": "a tuned model answers at OpenAI without a deployment",
    "count_tokens": "OpenAI tells what a question had with its answer; `ftkit check` counts rows with the model's vocabulary",
    "score": "OpenAI gives no likelihoods of a given answer",
    "folder": "OpenAI opens no folder of weights",
    "install": "OpenAI gives no weights away",
}


class FamilySettings(BaseModel):
    """What every provider of the family can be told. Times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str | None = None
    api_key_env: str
    listing_lag_s: float = Field(120.0, ge=0)
    poll_s: float = Field(10.0, gt=0)
    timeout_s: float = Field(60.0, gt=0)
    answer_timeout_s: float = Field(600.0, gt=0)
    loading_s: float = Field(600.0, ge=0)
    answers_at_once: int = Field(8, ge=1)
    api: Literal["chat", "responses"] = "chat"
    max_file_bytes: int = Field(_FILE_BYTES, ge=1, le=_FILE_BYTES)
    part_bytes: int = Field(_PART_BYTES, ge=1, le=_PART_BYTES)


class OpenAISettings(FamilySettings):
    """Section [providers.NAME] with backend = "openai". The key is read from the variable named `api_key_env`.

    What is left out comes from OpenAI's own variables: OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID. Times in
    seconds. `listing_lag_s`: how soon a new job is listed is documented nowhere; two minutes are waited. `api`: models
    answer through chat completions or through responses.
    """

    api_key_env: str = "OPENAI_API_KEY"
    organisation: str | None = None
    project: str | None = None


def _open(settings: OpenAISettings, home: Path) -> Backend:
    from ftkit_openai.account import Account
    from ftkit_openai.client import Client
    from ftkit_openai.inference import OpenAIInference
    from ftkit_openai.pricing import OpenAIPricing
    from ftkit_openai.training import OpenAITraining

    catalogue = load_catalogue(Path(__file__).parent / "catalogue.toml")
    client = Client(settings)
    return Backend(
        name="openai",
        settings=settings,
        catalogue=catalogue,
        scope=Account(client).scope,
        pricing=OpenAIPricing(catalogue),
        training=OpenAITraining(client, settings, catalogue),
        inference=OpenAIInference(client, settings, catalogue),
        lacks=_LACKS,
        credentials=(Secret(settings.api_key_env),),
    )


backend = Plugin("openai", OpenAISettings, _open)
