"""Requests are held to the SDK's own types: each wrong one is caught, refused and named."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest

from tests.emulators.anthropic import AnthropicEmulator, driving
from tests.emulators.anthropic.driving import ask, asked, body

server, emulator, client = driving.server, driving.emulator, driving.client


def _without(name: str) -> dict[str, Any]:
    asks = body()
    del asks[name]
    return asks


# what is wrong: the path, the body, a part of what the judge says
WRONG_REQUESTS: dict[str, tuple[str, Any, str]] = {
    "no max_tokens": ("", _without("max_tokens"), "max_tokens: Field required"),
    "no model": ("", _without("model"), "model: Field required"),
    "no messages": ("", _without("messages"), "messages: Field required"),
    "an unknown field": ("", body(colour="red"), "colour: Extra inputs are not permitted"),
    "a field of another provider": ("", body(n=2), "n: Extra inputs are not permitted"),
    "the old name of a format": ("", body(output_format={}), "output_format: Extra inputs"),
    "metadata of another provider": ("", body(metadata={"key": "1"}), "metadata.key: Extra"),
    "a temperature": ("", body(temperature=0), "temperature: Extra inputs are not permitted"),
    "a workspace in the body": ("", body(workspace_id="w"), "workspace_id: Extra inputs"),
    "an unknown role": (
        "",
        {**body(), "messages": [{"role": "tool", "content": "x"}]},
        "messages.0.role",
    ),
    "a name of a turn": (
        "",
        {**body(), "messages": [{"role": "user", "content": "x", "name": "bob"}]},
        "messages.0.name: Extra inputs",
    ),
    "a text that is a number": (
        "",
        body([{"type": "text", "text": 7}]),
        "messages.0.content.0.text",
    ),
    "a picture of another provider": (
        "",
        body([{"type": "image_url", "image_url": {"url": "data:"}}]),
        "messages.0.content.0.type",
    ),
    "a picture of a kind that is not read": (
        "",
        body(
            [
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/tiff", "data": ""},
                }
            ]
        ),
        "messages.0.content.0.source.media_type",
    ),
    "a tool of another provider": (
        "",
        body(tools=[{"type": "function", "function": {"name": "a"}}]),
        "tools.0",
    ),
    "a choice that there is not": ("", body(tool_choice={"type": "required"}), "tool_choice"),
    "a mark of two hours": (
        "",
        body(cache_control={"type": "ephemeral", "ttl": "2h"}),
        "cache_control.ttl",
    ),
    "a mark on a thought": (
        "",
        {
            **body(),
            "messages": [
                *asked("a"),
                {
                    "role": "assistant",
                    "content": [
                        {
                            "type": "thinking",
                            "thinking": "",
                            "signature": "s",
                            "cache_control": {"type": "ephemeral"},
                        }
                    ],
                },
                *asked("b"),
            ],
        },
        "messages.1.content.0.cache_control: Extra inputs",
    ),
    "an effort that there is not": ("", body(output_config={"effort": "some"}), "effort"),
    "a stream of a text": ("", body(stream="yes"), "stream"),
    "a limit in a count": ("/count_tokens", body(), "max_tokens: Extra inputs"),
    "a batch with a stream": (
        "/batches",
        {"requests": [{"custom_id": "1", "params": body(stream=True)}]},
        "requests.0.params.stream",
    ),
    "a batch with an endpoint": (
        "/batches",
        {"requests": [{"custom_id": "1", "url": "/v1/messages", "params": body()}]},
        "requests.0.url: Extra inputs",
    ),
    "a batch with a name": (
        "/batches",
        {"requests": [{"custom_id": "1", "params": body()}], "name": "nightly"},
        "name: Extra inputs",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_REQUESTS)
def test_a_wrong_request_is_caught(emulator: AnthropicEmulator, wrong: str) -> None:
    path, sent, why = WRONG_REQUESTS[wrong]
    seen = ask(emulator, "POST", f"/v1/messages{path}", sent)
    (found,) = emulator.take_violations()
    assert found["what"] == "request"
    assert why in found["wrong"]
    if path != "/batches":  # rows are looked at later
        assert (seen.status, seen.why) == (400, found["wrong"])


@pytest.mark.parametrize("path", ["/v1/models?colour=red", "/v1/messages/batches?after=x"])
def test_an_unknown_argument_of_a_query_is_caught(emulator: AnthropicEmulator, path: str) -> None:
    ask(emulator, "GET", path)
    assert len(emulator.take_violations()) == 1


def test_a_row_that_the_types_forbid_is_an_errored_row(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    rows: Any = [{"custom_id": "1", "params": body(colour="red")}]
    batch = client.messages.batches.create(requests=rows)
    assert len(emulator.take_violations()) == 1
    (row,) = client.messages.batches.results(batch.id)
    assert row.result.type == "errored"
    assert row.result.error.error.message == "colour: Extra inputs are not permitted"
