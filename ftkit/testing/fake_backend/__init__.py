"""The backend "fake": a hosted provider with everything, for tests. It talks to a `HostedProvider` over loopback HTTP."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ftkit.backend import Backend, Plugin
from ftkit.catalogue import load_catalogue
from ftkit.data import KINDS
from ftkit.secrets import Secret


class FakeSettings(BaseModel):
    """Section [providers.NAME] with backend = "fake". The key is read from the variable named `api_key_env`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str | None = None
    url_env: str = "FTKIT_FAKE_URL"
    api_key_env: str = "FTKIT_FAKE_API_KEY"
    organisation: str | None = None
    region: str = "local"
    listing_lag_s: float = Field(0.0, ge=0)
    poll_s: float = Field(0.2, gt=0)
    timeout_s: float = Field(10.0, gt=0)
    idempotent: bool = False


def _open(settings: FakeSettings, home: Path) -> Backend:
    from ftkit.testing.fake_backend.batching import FakeBatching
    from ftkit.testing.fake_backend.client import Client
    from ftkit.testing.fake_backend.hosting import FakeHosting
    from ftkit.testing.fake_backend.inference import FakeInference
    from ftkit.testing.fake_backend.pricing import FakePricing
    from ftkit.testing.fake_backend.training import FakeTraining

    catalogue = load_catalogue(Path(__file__).parent / "catalogue.toml")
    client = Client(settings)
    return Backend(
        name="fake",
        settings=settings,
        catalogue=catalogue,
        scope=client.scope,
        pricing=FakePricing(catalogue),
        training=FakeTraining(client, settings, catalogue),
        hosting=FakeHosting(client, settings, catalogue),
        inference=FakeInference(client, catalogue, FakeBatching(client, settings)),
        lacks={
            "download": "the weights stay at the provider",
            "resume": "the provider runs the trainer itself",
            "time_limit": "the provider charges tokens, not time",
            "history": "the stand-in hands out no files of its past",
            "qlora": "the stand-in trains nothing, so it has no need for less memory",
            "dpo": "the stand-in takes conversations only",
            **dict.fromkeys(KINDS, "the stand-in takes conversations of text only"),
            "tools": "the stand-in answers with text only",
            "images": "the stand-in answers to text only",
            "schema": "the stand-in answers with text only",
            "count_tokens": "the provider counts nothing that it does not answer",
            "score": "the provider gives no likelihoods",
            "folder": "the provider opens no folder of weights",
            "install": "the weights stay at the provider",
        },
        credentials=(Secret(settings.api_key_env),),
    )


backend = Plugin("fake", FakeSettings, _open, listed=False)
