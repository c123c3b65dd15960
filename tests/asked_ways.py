"""Every way in which a model over a network is asked, and every way in which its reply can be lost: the same for all providers."""

from __future__ import annotations

import asyncio
from typing import Any

from ftkit.backend import Answer, Call, Inference, ModelRecord

WAYS = ["chat", "stream", "achat", "astream", "chat_many"]
LOST: dict[str, dict[str, Any]] = {
    "closed after it was read": {"action": "close"},
    "closed after it was answered": {"action": "close", "process": True},
    "reset": {"action": "reset", "process": True},
    "half of it": {"action": "half"},
    "500": {"action": "refuse", "code": "SERVER"},
    "502 of a gateway": {"action": "reply", "status": 502, "body": "<html>bad gateway</html>"},
    "504 of a gateway": {"action": "reply", "status": 504, "body": ""},
}


def lost(server_error: str) -> dict[str, dict[str, Any]]:
    """The same with the provider's own word for an error of its own."""
    return {
        name: {**fault, "code": server_error} if fault.get("code") else fault
        for name, fault in LOST.items()
    }


def ask(inference: Inference, record: ModelRecord, how: str, call: Call) -> Answer:
    """The answer, whichever way it is asked for."""

    async def collect() -> Answer:
        return _last([piece async for piece in inference.astream(record, call)])

    async def whole() -> Answer:
        return await inference.achat(record, call)

    if how == "chat":
        return inference.chat(record, call)
    if how == "chat_many":
        return dict(inference.chat_many(record, [call]))[0]
    if how == "stream":
        return _last(list(inference.stream(record, call)))
    return asyncio.run(whole() if how == "achat" else collect())


def _last(pieces: list[Any]) -> Answer:
    *text, answer = pieces
    assert "".join(text) == answer.text, "no piece came twice"
    return answer  # type: ignore[no-any-return]
