"""Chat and responses: OpenAI's rooms, behind deployments. The name of a deployment is asked for, not that of a model."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

from ..openai import chat_routes, responses_routes
from ..openai.models import Served
from ..openai.records import Account
from ..serving.exchange import Call, Reply
from .book import Book
from .deployments import Deployment
from .refusals import Refusal, refusal


def chat(book: Book, call: Call) -> Reply:
    """POST /openai/v1/chat/completions"""
    return chat_routes.create(book, call, deployed)


def responses(book: Book, call: Call) -> Reply:
    """POST /openai/v1/responses"""
    return responses_routes.create(book, call, deployed)


def deployed(book: Book, account: Account, name: str, now: datetime) -> Served:
    """What a deployment of this name serves, asked once; refused where there is none, or not yet, or too often."""
    found = book.live(now).get(name)
    if found is None or found.ended is not None:
        raise refusal("DeploymentNotFound")
    ready = found.ready + timedelta(seconds=book.settings.ready_lag_s)
    if found.state(now) != "Succeeded" or now < ready:
        raise refusal("DeploymentNotReady", status=book.settings.not_ready_status)
    _refuse_by_date(book, found, now)
    wait = found.turned_away(now) if book.settings.rate_limited else None
    if wait is not None:
        seconds = max(1, math.ceil(wait))
        raise Refusal(
            429,
            f"Requests have exceeded the call rate limit of the deployment. Please retry after {seconds} seconds.",
            code="429",
            headers={"retry-after": str(seconds)},
        )
    found.last_call = now
    base = replace(book.tuned_bases[found.base.name], train=None).called_as(found.sku)
    return Served(found.served, base, found.job)


def _refuse_by_date(book: Book, found: Deployment, now: datetime) -> None:
    base = book.tuned_bases[found.base.name]
    ends = base.shutdown if found.job is None else base.tuned_end
    if ends is not None and now.date() >= ends:
        raise Refusal(
            410, f"The model of this deployment was retired on {ends.isoformat()}.", code="410"
        )
