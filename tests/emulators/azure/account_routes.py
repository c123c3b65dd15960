"""The resource itself, and the models of its region with the dates at which they end."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from ..serving.exchange import Call, Reply, answer
from . import arm
from .bases import SKUS, Base
from .book import Book


def get(book: Book, call: Call) -> Reply:
    """GET account"""
    site = book.site
    return answer(
        {
            "id": site.account_id,
            "name": site.account,
            "type": "Microsoft.CognitiveServices/accounts",
            "kind": "AIServices",
            "location": site.location,
            "sku": {"name": "S0"},
            "properties": {
                "provisioningState": "Succeeded",
                "endpoint": f"https://{site.account}.openai.azure.com/",
                "customSubDomainName": site.account,
            },
        }
    )


def models(book: Book, call: Call) -> Reply:
    """GET locations/models"""
    return arm.listed(book, call, [_model(base) for base in book.tuned_bases.values()])


def _model(base: Base) -> dict[str, Any]:
    made = datetime.combine(base.created, datetime.min.time(), UTC)
    ends = {"fineTune": _end(base.closed_from), "inference": _end(base.shutdown)}
    opened = base.format != "OpenAI"
    return {
        "kind": "AIServices" if opened else "OpenAI",
        "skuName": "S0",
        "model": {
            "format": base.format,
            "name": base.model,
            "version": base.version,
            "isDefaultVersion": True,
            "maxCapacity": 1000,
            # Of open models the catalogue says that they cannot be tuned, though they can.
            "capabilities": {"fineTune": "false" if opened else "true", "inference": "true"},
            "deprecation": {name: day for name, day in ends.items() if day is not None},
            "lifecycleStatus": base.lifecycle,
            "systemData": arm.system_data(made, made),
            "skus": [
                {
                    "name": sku,
                    "usageName": f"OpenAI.{sku}.{base.model}",
                    "capacity": {"minimum": 1, "maximum": 1000, "step": 1, "default": 10},
                }
                for sku in SKUS
                if not opened or sku in ("GlobalStandard", "DataZoneStandard")
            ],
        },
    }


def _end(day: date | None) -> str | None:
    return f"{day.isoformat()}T00:00:00Z" if day else None
