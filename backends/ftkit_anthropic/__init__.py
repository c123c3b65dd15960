"""Claude: prices, answers, and why none of its models is tuned. The entry point names `backend`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ftkit.backend import Backend, Plugin
from ftkit.catalogue import load_catalogue
from ftkit.secrets import Secret

_LACKS = {
    "training": "ftkit has no training for Anthropic, which has had no fine-tuning of its own so far",
    "hosting": "Claude answers without a deployment",
    "temperature": "Anthropic has taken it out of its API: an answer is sampled as the model does it, also where 0 is the default",
    "top_p": "Anthropic has taken it out of its API: an answer is sampled as the model does it",
    "seed": "Anthropic's API has none: the same question may be answered in other words",
    "score": "Anthropic gives no likelihoods of a given answer",
    "folder": "Anthropic opens no folder of weights",
    "install": "Anthropic gives no weights away",
}


class AnthropicSettings(BaseModel):
    """Section [providers.NAME] with backend = "anthropic". The key is read from the variable named `api_key_env`.

    The address comes from ANTHROPIC_BASE_URL where `base_url` is left out; `workspace` names the one that the key belongs
    to. `cache`: how long what stands in front of a question is kept in the cache of prompts once it is long enough, or
    "off"; in batches nothing is. Times in seconds. `listing_lag_s`: how soon a new batch is listed is documented nowhere; two
    minutes are waited.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str | None = None
    api_key_env: str = "ANTHROPIC_API_KEY"
    workspace: str | None = None
    cache: Literal["5m", "1h", "off"] = "5m"
    timeout_s: float = Field(60.0, gt=0)
    answer_timeout_s: float = Field(600.0, gt=0)
    answers_at_once: int = Field(8, ge=1)
    listing_lag_s: float = Field(120.0, ge=0)
    poll_s: float = Field(10.0, gt=0)


def _open(settings: AnthropicSettings, home: Path) -> Backend:
    from ftkit_anthropic.client import Client
    from ftkit_anthropic.inference import AnthropicInference
    from ftkit_anthropic.pricing import AnthropicPricing

    catalogue = load_catalogue(Path(__file__).parent / "catalogue.toml")
    client = Client(settings)
    return Backend(
        name="anthropic",
        settings=settings,
        catalogue=catalogue,
        scope=client.scope,
        pricing=AnthropicPricing("anthropic", catalogue),
        inference=AnthropicInference(client, settings, catalogue),
        lacks=_LACKS,
        credentials=(Secret(settings.api_key_env),),
    )


backend = Plugin("anthropic", AnthropicSettings, _open)
