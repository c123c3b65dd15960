"""Every way in which Google's client asks: a read, a paid call, a stream, two that do not block, and plain requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ftkit.backend import Call, ModelRecord
from ftkit.catalogue import Catalogue
from ftkit.data.example import Message
from ftkit_google import GoogleSettings
from ftkit_google.client import Client
from ftkit_google.inference import GoogleInference
from ftkit_google.storage import Bucket
from tests.google_desk import BASE

ASKED = Call((Message("user", "hello"),))
RECORD = ModelRecord("google", BASE, BASE)
JOB = "projects/1/locations/us-central1/tuningJobs/7"


def client(**settings: Any) -> Client:
    return Client(GoogleSettings(**settings), Catalogue())


def job(ours: Client) -> dict[str, Any]:
    return ours.read("GET tuningJobs/ID", lambda sdk: sdk.tunings.get(name=JOB))


def make(ours: Client) -> dict[str, Any]:
    from ftkit_google.sdk import types

    rows = types().TuningDataset(gcs_uri="gs://b/rows")
    return ours.create(
        "POST tuningJobs", lambda sdk: sdk.tunings.tune(base_model=BASE, training_dataset=rows)
    )


def asking(ours: Client) -> GoogleInference:
    return GoogleInference(ours, GoogleSettings(), Catalogue())


async def _collect(ours: Client) -> None:
    async for _ in asking(ours).astream(RECORD, ASKED):
        pass


WAYS: dict[str, Callable[[Client], object]] = {
    "read": job,
    "create": make,
    "ask": lambda ours: asking(ours).chat(RECORD, ASKED),
    "stream": lambda ours: list(asking(ours).stream(RECORD, ASKED)),
    "ask without blocking": lambda ours: asyncio.run(asking(ours).achat(RECORD, ASKED)),
    "stream without blocking": lambda ours: asyncio.run(_collect(ours)),
    "endpoint": lambda ours: ours.get("us", "projects/1/locations/us/endpoints/7"),
    "bucket": lambda ours: Bucket(ours, GoogleSettings()).check(),
    "content": lambda ours: Bucket(ours, GoogleSettings()).fetch("gs://acme-bucket/x", Path("x")),
}
