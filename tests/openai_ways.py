"""Every way in which OpenAI's client asks: a read, a paid call, a stream, and two that do not block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ftkit.backend import Call, ModelRecord
from ftkit.catalogue import Catalogue
from ftkit.data.example import Message
from ftkit_openai import OpenAISettings
from ftkit_openai.client import Client
from ftkit_openai.inference import OpenAIInference
from tests.openai_desk import BASE

ASKED = Call((Message("user", "hello"),))
RECORD = ModelRecord("openai", BASE, BASE)


def jobs(ours: Client) -> dict[str, Any]:
    return ours.read("GET /fine_tuning/jobs", lambda s: s.fine_tuning.jobs.with_raw_response.list())


def make(ours: Client) -> dict[str, Any]:
    return ours.create(
        "POST /fine_tuning/jobs",
        lambda s: s.fine_tuning.jobs.with_raw_response.create(model=BASE, training_file="file-1"),
    )


def asking(ours: Client) -> OpenAIInference:
    return OpenAIInference(ours, OpenAISettings(), Catalogue())


async def _collect(ours: Client) -> None:
    async for _ in asking(ours).astream(RECORD, ASKED):
        pass


async def _aread(ours: Client) -> None:
    await ours.aask("GET /models/ID", lambda s: s.models.with_raw_response.retrieve("gpt-4o-mini"))


WAYS: dict[str, Callable[[Client], object]] = {
    "read": jobs,
    "create": make,
    "stream": lambda ours: list(asking(ours).stream(RECORD, ASKED)),
    "async read": lambda ours: asyncio.run(_aread(ours)),
    "async stream": lambda ours: asyncio.run(_collect(ours)),
}
