"""Every way in which Anthropic's client asks: reads, a question, a stream, and two that do not block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ftkit.backend import Call, ModelRecord
from ftkit.catalogue import Catalogue
from ftkit.data.example import Message
from ftkit_anthropic import AnthropicSettings
from ftkit_anthropic.client import Client
from ftkit_anthropic.inference import AnthropicInference
from tests.anthropic_desk import HAIKU

ASKED = Call((Message("user", "hello"),))
RECORD = ModelRecord("anthropic", HAIKU, HAIKU)


def client() -> Client:
    return Client(AnthropicSettings())


def look(ours: Client) -> dict[str, Any]:
    return ours.read("GET /v1/models/ID", lambda s: s.models.with_raw_response.retrieve(HAIKU))


def asking(ours: Client) -> AnthropicInference:
    return AnthropicInference(ours, AnthropicSettings(), Catalogue())


async def _collect(ours: Client) -> None:
    async for _ in asking(ours).astream(RECORD, ASKED):
        pass


async def _aread(ours: Client) -> None:
    await ours.aask("GET /v1/models/ID", lambda s: s.models.with_raw_response.retrieve(HAIKU))


WAYS: dict[str, Callable[[Client], object]] = {
    "read": look,
    "count": lambda ours: asking(ours).count_tokens(RECORD, ASKED),
    "stream": lambda ours: list(asking(ours).stream(RECORD, ASKED)),
    "async read": lambda ours: asyncio.run(_aread(ours)),
    "async stream": lambda ours: asyncio.run(_collect(ours)),
}
