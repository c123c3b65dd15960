"""Tuning and answers on Google's Agent Platform (formerly Vertex AI), with its own SDK. The entry point names `backend`."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ftkit.backend import Backend, Plugin
from ftkit.catalogue import load_catalogue
from ftkit.secrets import Secret

_LACKS = {
    "qlora": "Google trains on its own machines, in a precision of its own",
    "image_rows": "Google's guide shows images in training rows only as files of a bucket, which ftkit does not put there",
    "calling_pairs": "Google's guide to preference tuning shows answers of text only; both answers of a pair are text",
    "weighted_rows": "Google trains every answer of a row alike",
    "named_rows": "Gemini's turns have no names of speakers",
    "estimate_usd": "Google prices no request in advance; the quote multiplies tokens by the listed price",
    "pause": "Google's tuning jobs cannot be paused",
    "resume": "Google runs the trainer itself and starts a dead one again by itself",
    "time_limit": "Google charges tokens, not time",
    "hosting": "a tuned Gemini answers without a deployment; a tuned open model wants GPUs of your own: download it",
    "score": "Google gives no likelihoods of a given answer",
    "folder": "Google opens no folder of weights",
    "install": "weights of open models come with `download`; those of Gemini never leave",
    "batch": "ftkit sends no batches to Google yet; `ftkit map` asks one by one",
}


class GoogleSettings(BaseModel):
    """Section [providers.NAME] with backend = "google". Credentials are Google's application-default ones.

    What is left out comes from Google's own variables: GOOGLE_CLOUD_PROJECT, GOOGLE_CLOUD_LOCATION (where it can tune),
    GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_VERTEX_BASE_URL, STORAGE_EMULATOR_HOST; and `bucket` from FTKIT_GOOGLE_BUCKET.
    `location` is where jobs run, `answers_in` where plain bases are asked; a tuned model is asked where it lies. In
    `endpoint` a "{location}" stands for the location of a call. `credentials_env` names the variable with the path of a
    key file. Times in seconds; how soon a new job is listed is documented nowhere, two minutes are waited.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    project: str | None = None
    location: str | None = None
    answers_in: str = "global"
    bucket: str | None = None
    endpoint: str | None = None
    storage_endpoint: str | None = None
    credentials_env: str = "GOOGLE_APPLICATION_CREDENTIALS"
    listing_lag_s: float = Field(120.0, ge=0)
    poll_s: float = Field(60.0, gt=0)
    timeout_s: float = Field(60.0, gt=0)
    answer_timeout_s: float = Field(600.0, gt=0)
    answers_at_once: int = Field(8, ge=1)
    part_bytes: int = Field(8 * 1024**2, ge=256 * 1024, multiple_of=256 * 1024)


def _open(settings: GoogleSettings, home: Path) -> Backend:
    from ftkit_google.client import Client
    from ftkit_google.inference import GoogleInference
    from ftkit_google.pricing import GooglePricing
    from ftkit_google.storage import Bucket
    from ftkit_google.training import GoogleTraining

    catalogue = load_catalogue(Path(__file__).parent / "catalogue.toml")
    client = Client(settings, catalogue)
    bucket = Bucket(client, settings)
    return Backend(
        name="google",
        settings=settings,
        catalogue=catalogue,
        scope=client.scope,
        pricing=GooglePricing(catalogue, client),
        training=GoogleTraining(client, bucket, settings, catalogue),
        inference=GoogleInference(client, settings, catalogue),
        lacks=_LACKS,
        credentials=(Secret(settings.credentials_env),),
    )


backend = Plugin("google", GoogleSettings, _open)
