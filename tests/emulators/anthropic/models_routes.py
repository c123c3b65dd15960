"""Models: list and retrieve. A retired one is still told of by its name, and listed where it is asked for."""

from __future__ import annotations

from typing import Any

from ..serving.exchange import Call, Reply, answer
from .book import Book
from .listing import listed, page
from .models import EFFORTS, MODELS, Model, known, midnight
from .refusals import APIRefusal, invalid

LIFECYCLES = ("active", "deprecated", "retired")
THINKING = ("adaptive", "between_tools", "disabled", "enabled")


def listing(book: Book, call: Call) -> Reply:
    """GET /v1/models"""
    asked = [text for name, text in call.query if name == "lifecycle[]"]
    if strange := [one for one in asked if one not in LIFECYCLES]:
        raise invalid(f"lifecycle: there is no stage {strange[0]!r}")
    wanted = asked or LIFECYCLES[:2]
    found = [known(id, book.settings.retirements) for id in MODELS]
    models = [one for one in found if one is not None and one.lifecycle(call.now) in wanted]
    models.sort(key=lambda model: model.released, reverse=True)
    shown, more = page(call, models, lambda model: model.id)
    return answer(listed([_shown(model, call) for model in shown], more))


def retrieve(book: Book, call: Call) -> Reply:
    """GET /v1/models/ID"""
    model = known(call.id, book.settings.retirements)
    if model is None:
        raise APIRefusal(404, f"model: {call.id}")
    return answer(_shown(model, call))


def _shown(model: Model, call: Call) -> dict[str, Any]:
    stage = model.lifecycle(call.now)
    deprecated = model.deprecated if stage != "active" else None
    retires = model.retires if stage != "active" else None
    return {
        "id": model.id,
        "type": "model",
        "display_name": model.name,
        "line": model.line,
        "created_at": midnight(model.released),
        "lifecycle": stage,
        "deprecated_at": midnight(deprecated) if deprecated else None,
        "retires_at": midnight(retires) if retires else None,
        "max_input_tokens": model.context,
        "max_tokens": model.most_output,
        "capabilities": _capabilities(model),
    }


def _capabilities(model: Model) -> dict[str, Any]:
    def is_(supported: bool) -> dict[str, bool]:
        return {"supported": supported}

    return {
        "batch": is_(True),
        "citations": is_(False),
        "code_execution": is_(False),
        "context_management": is_(False),
        "effort": {
            **is_(bool(model.efforts)),
            **{effort: is_(effort in model.efforts) for effort in EFFORTS},
        },
        "image_input": is_(True),
        "pdf_input": is_(False),
        "server_tools": {
            **is_(False),
            "code_execution": is_(False),
            "web_search": is_(False),
        },
        "structured_outputs": is_(model.structured),
        "thinking": {
            **is_(model.thinking != ("disabled",)),
            "types": {kind: is_(kind in model.thinking) for kind in THINKING},
        },
    }
