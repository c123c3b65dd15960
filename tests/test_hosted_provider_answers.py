"""Answers and deployments of the in-memory hosted provider: words that repeat, and what they cost."""

from __future__ import annotations

import json
from typing import Any

from ftkit import clock
from ftkit.testing import HostedProvider
from tests import hosted_http
from tests.hosted_http import Answer, ask, create, get

server, provider = hosted_http.server, hosted_http.provider


def chat(provider: HostedProvider, model: str, **fields: Any) -> Answer:
    messages = [{"role": "user", "content": "where is my parcel"}]
    return ask(provider, "POST", "/v1/chat", {"model": model, "messages": messages, **fields})


def test_answers_repeat_and_a_tuned_model_says_that_it_is_tuned(provider: HostedProvider) -> None:
    create(provider)
    clock.sleep(2)
    tuned = "ft:small:router:job-1"
    assert chat(provider, tuned).json == {
        "text": f"tuned {tuned} answers: where is my parcel",
        "finish_reason": "stop",
        "usage": {"input_tokens": 4, "output_tokens": 7},
    }
    assert chat(provider, "small", max_tokens=2).json == {
        "text": "base small",
        "finish_reason": "length",
        "usage": {"input_tokens": 4, "output_tokens": 2},
    }
    assert provider.counts()["chats"] == 2
    assert chat(provider, "ft:small:router:job-9").code == "model_not_found"


def test_chat_is_charged_by_the_token_and_free_is_free(provider: HostedProvider) -> None:
    chat(provider, "free")
    assert provider.counts()["usd"] == "0"
    chat(provider, "small")  # 4 words read, 7 written
    assert provider.counts()["usd"] == "0.0000125"
    create(provider, model="free")
    clock.sleep(2)
    assert provider.counts()["usd"] == "0.0000125"


def test_a_stream_carries_the_same_text_in_pieces(provider: HostedProvider) -> None:
    answer = chat(provider, "small", stream=True)
    assert answer.headers["Content-Type"] == "text/event-stream"
    *pieces, last = [
        json.loads(line.removeprefix("data: "))
        for line in answer.body.decode().split("\n\n")
        if line
    ]
    whole = chat(provider, "small").json
    assert len(pieces) == whole["usage"]["output_tokens"]
    assert "".join(piece["piece"] for piece in pieces) == whole["text"]
    assert last == {"done": {name: whole[name] for name in ("finish_reason", "usage")}}


def test_a_dedicated_model_answers_only_while_deployed_and_is_charged_by_the_second(
    provider: HostedProvider,
) -> None:
    assert (chat(provider, "dedicated").status, chat(provider, "dedicated").code) == (
        409,
        "not_deployed",
    )
    body = {"model": "dedicated", "metadata": {"key": "d"}}
    answer = ask(provider, "POST", "/v1/deployments", body)
    made = answer.json
    assert (answer.status, made["status"], made["usd_per_hour"]) == (201, "ready", "3.00")
    clock.sleep(1200)
    assert provider.counts()["usd"] == "1"
    assert provider.counts()["running_deployments"] == 1
    assert chat(provider, "dedicated").status == 200
    before = provider.counts()["usd"]
    for _ in range(2):
        stopped = ask(provider, "DELETE", f"/v1/deployments/{made['id']}").json
        assert stopped["stopped_at"] == made["created_at"] + 1200
        clock.sleep(60)
    assert provider.counts()["usd"] == before
    assert chat(provider, "dedicated").status == 409
    assert provider.counts()["running_deployments"] == 0
    assert provider.counts()["deployment_keys"] == {"d": 1}


def test_deployments_are_listed_late_by_key_and_only_while_they_run(
    provider: HostedProvider,
) -> None:
    provider.set(listing_lag=30)
    first, second = (
        ask(
            provider, "POST", "/v1/deployments", {"model": "dedicated", "metadata": {"key": key}}
        ).json["id"]
        for key in ("a", "b")
    )
    assert get(provider, "/v1/deployments")["data"] == []
    clock.sleep(30)
    listed = get(provider, "/v1/deployments?limit=1")
    assert ([found["id"] for found in listed["data"]], listed["has_more"]) == ([second], True)
    ask(provider, "DELETE", f"/v1/deployments/{first}")
    assert get(provider, "/v1/deployments?key=a")["data"] == []
    assert [d["id"] for d in get(provider, "/v1/deployments?key=a&all=1")["data"]] == [first]
