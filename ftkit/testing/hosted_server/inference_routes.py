"""The routes that answer: models, deployments and chat.

The model "dedicated", and all that is tuned from it, answers only while a deployment of it runs.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

from .book import Book
from .listing import page
from .records import Deployment
from .replies import Call, Refusal, Reply, answer
from .training_routes import once, text_map

CHAT_FIELDS = frozenset(["model", "messages", "max_tokens", "temperature", "stream"])
DEPLOYMENT_FIELDS = frozenset(("model", "metadata"))


def get_model(book: Book, call: Call) -> Reply:
    """GET /v1/models/ID"""
    job = book.tuned_by(call.id, call.organisation, call.now)
    root = job.root if job else call.id
    return answer(
        {
            "id": call.id,
            "base": job.model if job else None,
            "job": job.id if job else None,
            "serving": _serving(root),
        }
    )


def create_deployment(book: Book, call: Call) -> Reply:
    """POST /v1/deployments"""

    def create() -> Reply:
        asked = call.fields(DEPLOYMENT_FIELDS)
        model = str(asked.get("model"))
        book.tuned_by(model, call.organisation, call.now)
        metadata = text_map(asked.get("metadata"))
        id, seq = book.next_id("dep")
        lasts = timedelta(seconds=book.settings.deployment_seconds)
        stops = call.now + lasts if lasts else None
        made = Deployment(id, seq, call.organisation, model, call.now, metadata, stops=stops)
        book.deployments[id] = made
        return answer(made.shown(), 201)

    return once(book, call, create)


def list_deployments(book: Book, call: Call) -> Reply:
    """GET /v1/deployments"""
    return page(book, call, book.deployments)


def get_deployment(book: Book, call: Call) -> Reply:
    """GET /v1/deployments/ID"""
    return answer(_deployment(book, call).shown())


def stop_deployment(book: Book, call: Call) -> Reply:
    """DELETE /v1/deployments/ID: stopping a stopped one changes nothing."""
    deployment = _deployment(book, call)
    deployment.stopped = deployment.stopped or call.now
    return answer(deployment.shown())


def chat(book: Book, call: Call) -> Reply:
    """POST /v1/chat"""
    asked = call.fields(CHAT_FIELDS)
    said = answered(book, call, asked)
    if not asked.get("stream"):
        return answer(said)
    pieces = [{"piece": piece} for piece in re.findall(r"\s*\S+", said["text"])]
    end = {name: said[name] for name in ("finish_reason", "usage")}
    lines = tuple(f"data: {json.dumps(line)}\n\n".encode() for line in [*pieces, {"done": end}])
    return Reply(200, b"".join(lines), {"Content-Type": "text/event-stream"}, lines)


def answered(
    book: Book, call: Call, asked: dict[str, Any], *, batch: bool = False
) -> dict[str, Any]:
    """A billed answer: the same question has the same one; a tuned model's says that it is tuned."""
    model, messages, limit = str(asked.get("model")), asked.get("messages"), asked.get("max_tokens")
    job = book.tuned_by(model, call.organisation, call.now)
    root = job.root if job else model
    if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
        raise Refusal(400, "bad_messages", "messages is a list of objects with role and content")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise Refusal(400, "bad_max_tokens", f"max_tokens cannot be {limit!r}")
    if _serving(root) == "dedicated" and not any(
        deployment.model == model and not deployment.stopped
        for deployment in book.deployments.values()
        if deployment.organisation == call.organisation
    ):
        raise Refusal(409, "not_deployed", f"no deployment of {model!r} runs")
    kind = "tuned" if job else "base"
    words = f"{kind} {model} answers: {messages[-1]['content']}".split()
    kept = words[:limit]
    read = sum(len(message["content"].split()) for message in messages)
    book.bill_chat(root, read, len(kept), batch=batch)
    return {
        "text": " ".join(kept),
        "finish_reason": "length" if len(kept) < len(words) else "stop",
        "usage": {"input_tokens": read, "output_tokens": len(kept)},
    }


def _serving(root: str) -> str:
    return "dedicated" if root == "dedicated" else "serverless"


def _is_message(message: Any) -> bool:
    return isinstance(message, dict) and all(
        isinstance(message.get(name), str) for name in ("role", "content")
    )


def _deployment(book: Book, call: Call) -> Deployment:
    deployment = book.deployments.get(call.id)
    if deployment is None or deployment.organisation != call.organisation:
        raise Refusal(404, "not_found", f"there is no deployment {call.id!r}")
    return deployment
