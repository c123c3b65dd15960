"""What the emulator refuses beyond the types, each with the text of the service where that is public."""

from __future__ import annotations

import base64
from typing import Any

import anthropic
import pytest

from tests.emulators.anthropic import AnthropicEmulator, driving
from tests.emulators.anthropic.driving import HAIKU, OLD, OPUS, SONNET, ask, asked, body

server, emulator, client = driving.server, driving.emulator, driving.client

TOOL: Any = {"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}
CALL: Any = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
RESULT: Any = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}
STRICT: Any = {
    "name": "t",
    "input_schema": {"type": "object", "additionalProperties": False},
    "strict": True,
}
SYSTEM: Any = {"role": "system", "content": "x"}
CITATION: Any = {
    "type": "char_location",
    "cited_text": "a",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 1,
}
MARK: Any = {"cache_control": {"type": "ephemeral"}}
LONG: Any = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def turns(*contents: Any) -> list[Any]:
    """User and assistant by turns, the user first."""
    return [
        {"role": "assistant" if at % 2 else "user", "content": content}
        for at, content in enumerate(contents)
    ]


def talk(*contents: Any, **fields: Any) -> dict[str, Any]:
    """A request with a conversation."""
    return {**body(**fields), "messages": turns(*contents)}


def schema(**fields: Any) -> dict[str, Any]:
    """A request for JSON with one property."""
    held = {"type": "object", "properties": {"a": fields}, "additionalProperties": False}
    return body(output_config={"format": {"type": "json_schema", "schema": held}})


def open_schema() -> dict[str, Any]:
    """A request for JSON whose object is open."""
    held = {"type": "object", "properties": {"a": {"type": "string"}}}
    return body(output_config={"format": {"type": "json_schema", "schema": held}})


def picture(media_type: str, data: bytes | str) -> list[Any]:
    """A turn with a picture."""
    text = data if isinstance(data, str) else base64.b64encode(data).decode()
    return [{"type": "image", "source": {"type": "base64", "media_type": media_type, "data": text}}]


def block(text: str, **mark: Any) -> dict[str, Any]:
    """A block of text."""
    return {"type": "text", "text": text, **mark}


# what is wrong: the request, a part of the refusal
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no turn": (talk(), "at least one message is required"),
    "the assistant begins": (
        {**body(), "messages": [{"role": "assistant", "content": "hi"}, *asked("hi")]},
        'first message must use the "user" role',
    ),
    "an empty turn": (talk("a", "", "b"), "messages must have non-empty content"),
    "an empty text": (talk([block("")]), "text content blocks must be non-empty"),
    "a blank text": (talk([block("  ")]), "must contain non-whitespace text"),
    "an empty text of the system": (body(system=[block("")]), "system: text content blocks"),
    "a call without its result": (
        talk("a", [CALL], "b", tools=[TOOL]),
        "`tool_use` ids were found without `tool_result` blocks immediately after: toolu_1",
    ),
    "a result without its call": (
        talk([RESULT], tools=[TOOL]),
        "unexpected `tool_use_id` found in `tool_result` blocks: toolu_1",
    ),
    "a result twice": (
        talk("a", [CALL], [RESULT, RESULT], tools=[TOOL]),
        "each tool_use must have a single result",
    ),
    "a result after a text": (
        talk("a", [CALL], [block("b"), RESULT], tools=[TOOL]),
        "`tool_result` blocks come before",
    ),
    "calls without tools": (talk("a", [CALL], [RESULT]), "must define tools"),
    "a call by the user": (
        talk([CALL], tools=[TOOL]),
        "`tool_use` blocks can only be in `assistant` messages",
    ),
    "a result by the assistant": (
        talk("a", [CALL, RESULT], [RESULT], tools=[TOOL]),
        "`tool_result` blocks can only be in `user` messages",
    ),
    "a call with the id of another": (
        talk("a", [CALL, CALL], [RESULT], tools=[TOOL]),
        "`tool_use` ids must be unique",
    ),
    "a thought of the user": (
        talk([{"type": "thinking", "thinking": "", "signature": "s"}]),
        "`thinking` blocks can only be in `assistant` messages",
    ),
    "citations by the user": (
        talk([block("a", citations=[CITATION])]),
        "citations are not permitted in `user` messages",
    ),
    "six hundred pictures and one": (
        body(picture("image/gif", b"GIF89a") * 601),
        "too many images: 601 > 600",
    ),
    "a tool with a space in its name": (
        body(tools=[{**TOOL, "name": "get weather"}]),
        "tools.0.custom.name: String should match pattern",
    ),
    "two tools of one name": (body(tools=[TOOL, TOOL]), "Tool names must be unique"),
    "a tool whose input is no object": (
        body(tools=[{**TOOL, "input_schema": {"properties": {}}}]),
        "tools.0.custom.input_schema.type",
    ),
    "a strict tool with an open object": (
        body(tools=[{**TOOL, "strict": True}]),
        "tools.0.custom.input_schema: For 'object' type, 'additionalProperties'",
    ),
    "twenty strict tools and one": (
        body(tools=[{**STRICT, "name": f"tool{at}"} for at in range(21)]),
        "at most 20 tools may be strict",
    ),
    "a tool that the service would run": (
        body(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
        "the emulator has no server tools",
    ),
    "a forced tool while thinking": (
        {
            **body(model=OLD, tools=[TOOL], tool_choice={"type": "any"}),
            "max_tokens": 2000,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
        },
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    "a choice without tools": (
        body(tool_choice={"type": "auto"}),
        "tool_choice may only be specified while providing tools",
    ),
    "a choice of a tool that is not there": (
        body(tools=[TOOL], tool_choice={"type": "tool", "name": "other"}),
        "Tool 'other' not found in provided tools",
    ),
    "a forced tool on Sonnet": (
        body(model=SONNET, tools=[TOOL], tool_choice={"type": "any"}),
        'tool_choice: type "tool" and "any" are not supported for this model.',
    ),
    "a forced tool on Opus": (
        body(model=OPUS, tools=[TOOL], tool_choice={"type": "tool", "name": "get_weather"}),
        'tool_choice: type "tool" and "any" are not supported for this model.',
    ),
    "an open object": (
        open_schema(),
        "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly",
    ),
    "a bound of a number": (
        schema(type="integer", minimum=1),
        "For 'integer' type, property 'minimum' is not supported",
    ),
    "a bound of a text": (
        schema(type="string", maxLength=5),
        "For 'string' type, property 'maxLength' is not supported",
    ),
    "a list of eight": (
        schema(type="array", items={"type": "string"}, minItems=8),
        "For 'array' type, 'minItems' values other than 0 or 1 are not supported",
    ),
    "a format of its own": (schema(type="string", format="phone"), "format 'phone'"),
    "a choice of one": (schema(oneOf=[{"type": "string"}]), "'oneOf' is not supported"),
    "a schema that holds itself": (
        schema(**{"$ref": "#/properties/a/items", "items": {"$ref": "#/properties/a"}}),
        "Recursive schemas are not supported",
    ),
    "a schema that is not there": (schema(**{"$ref": "#/$defs/A"}), "points to nothing"),
    "a schema from elsewhere": (schema(**{"$ref": "https://x.test/a"}), "External $ref"),
    "a prefill": (
        talk("a", "It is"),
        "This model does not support assistant message prefill. The conversation must end with",
    ),
    "a prefill that ends in a space": (
        talk("a", "It is ", model=OLD),
        "final assistant content cannot end with trailing whitespace",
    ),
    "a prefill while thinking": (
        {
            **talk("a", "It is", model=OLD, thinking={"type": "enabled", "budget_tokens": 1024}),
            "max_tokens": 2000,
        },
        "prefill is not supported while thinking is enabled",
    ),
    "a prefill of JSON": (
        {**schema(type="string"), "messages": turns("a", "{"), "model": OLD},
        "prefill is not supported with output_config.format",
    ),
    "thinking off on Opus": (
        body(model=OPUS, thinking={"type": "disabled"}),
        '"thinking.type.disabled" is not supported for this model. Use "thinking.type.adaptive"',
    ),
    "thinking off on Sonnet": (
        body(model=SONNET, thinking={"type": "disabled"}),
        'send "thinking": {"type": "between_tools"}',
    ),
    "thinking off at the highest effort": (
        body(thinking={"type": "disabled"}, output_config={"effort": "max"}),
        "not supported at effort 'max'",
    ),
    "a budget on a current model": (
        body(thinking={"type": "enabled", "budget_tokens": 1024}),
        '"thinking.type.enabled" is not supported for this model.',
    ),
    "a small budget": (
        body(model=OLD, thinking={"type": "enabled", "budget_tokens": 100}),
        "greater than or equal to 1024",
    ),
    "a budget over the limit": (
        body(model=OLD, thinking={"type": "enabled", "budget_tokens": 1024}),
        "`max_tokens` must be greater than `thinking.budget_tokens`",
    ),
    "adaptive thinking on an old model": (
        body(model=OLD, thinking={"type": "adaptive"}),
        "adaptive thinking is not supported on this model",
    ),
    "effort on an old model": (
        body(model=OLD, output_config={"effort": "low"}),
        "does not support the effort parameter",
    ),
    "more than a model can write": (
        {**body(), "max_tokens": 128_001},
        "max_tokens: 128001 > 128000, which is the maximum allowed number of output tokens",
    ),
    "less than nothing to write": ({**body(), "max_tokens": -1}, "greater than or equal to 0"),
    "nothing to write, as a stream": ({**body(stream=True), "max_tokens": 0}, "max_tokens: 0"),
    "a container": (body(container="c"), "container"),
    "a faster answer": (body(speed="fast"), "speed"),
    "an answer from elsewhere": (body(inference_geo="us"), "inference_geo"),
    "a blank stop sequence": (body(stop_sequences=["\n"]), "must contain non-whitespace"),
    "a system turn at the start": (
        {**body(), "messages": [{"role": "system", "content": "x"}, *asked("hi")]},
        "role 'system' cannot be first",
    ),
    "a system turn after the assistant": (
        {**talk("a", "b"), "messages": [*turns("a", "b"), SYSTEM, *asked("c")]},
        "role 'system' must follow a `user` message",
    ),
    "a system turn before the user": (
        {**body(), "messages": [*asked("a"), SYSTEM, *asked("b")]},
        "role 'system' must be last or before `assistant`",
    ),
    "an empty system turn": (
        {**body(), "messages": [*asked("a"), {**SYSTEM, "content": []}]},
        "messages must have non-empty content",
    ),
    "a system turn on an old model": (
        {**body(model=OLD), "messages": [*asked("hi"), {"role": "system", "content": "x"}]},
        "role 'system' is not supported on this model",
    ),
    "a picture that is another kind": (
        body(picture("image/png", b"\xff\xd8\xff\xe0")),
        "Image does not match the provided media type image/png",
    ),
    "a picture that is none": (body(picture("image/gif", b"text")), "Could not process image"),
    "a picture in broken base64": (body(picture("image/png", "a?")), "invalid base64 data"),
    "a picture of 6 MB": (
        body(picture("image/png", b"\x89PNG" + bytes(6_000_000))),
        "image exceeds 5 MB maximum",
    ),
    "a document by the assistant": (
        talk(
            "a",
            [
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "x"},
                }
            ],
            "b",
        ),
        "`document` blocks are not permitted in `assistant` messages",
    ),
    "five marks": (
        body([block(str(at), **MARK) for at in range(5)]),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "four marks and the automatic one": (
        body([*(block(str(at), **MARK) for at in range(4)), block("last")], **MARK),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "an hour after five minutes": (
        body([block("b", **LONG)], system=[block("a", **MARK)]),
        "content.0.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m'",
    ),
    "an automatic mark of another life": (
        body([block("b", **LONG)], **MARK),
        "Top-level cache_control has ttl='5m' but the target block already has cache_control",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_it_is_refused(emulator: AnthropicEmulator, wrong: str) -> None:
    request, why = WRONG[wrong]
    seen = ask(emulator, "POST", "/v1/messages", request)
    assert (seen.status, seen.json["error"]["type"]) == (400, "invalid_request_error")
    assert why in seen.why
    assert emulator.counts()["messages"] == 0
    assert emulator.violations() == []  # the types allow it


RIGHT: dict[str, dict[str, Any]] = {
    "two turns of the user": {**body(), "messages": asked("a") + asked("b")},
    "a call and its result": talk("a", [CALL], [RESULT, block("b")], tools=[TOOL]),
    "two calls at once": talk(
        "a",
        [CALL, {**CALL, "id": "toolu_2"}],
        [{**RESULT, "tool_use_id": "toolu_2"}, RESULT],
        tools=[TOOL],
    ),
    "a system turn after the user": {
        **body(),
        "messages": [*asked("hi"), {"role": "system", "content": "be brief"}],
    },
    "a schema with a definition": body(
        output_config={
            "format": {
                "type": "json_schema",
                "schema": {
                    "$defs": {"A": {"type": "string", "format": "date"}},
                    "type": "object",
                    "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"anyOf": [{"type": "null"}]}},
                    "additionalProperties": False,
                },
            }
        }
    ),
    "thinking between tools": body(model=SONNET, thinking={"type": "between_tools"}),
    "nothing to write": {**body(), "max_tokens": 0},
    "an hour before five minutes": body([block("b", **MARK)], system=[block("a", **LONG)]),
    "a prefill on an old model": talk("a", "It is", model=OLD),
}


@pytest.mark.parametrize("right", RIGHT)
def test_it_is_answered(emulator: AnthropicEmulator, right: str) -> None:
    seen = ask(emulator, "POST", "/v1/messages", RIGHT[right])
    assert seen.status == 200, seen.why
    if RIGHT[right]["max_tokens"] == 0:
        assert (seen.json["content"], seen.json["stop_reason"]) == ([], "max_tokens")


def test_a_prompt_over_the_window_is_refused(emulator: AnthropicEmulator) -> None:
    emulator.set(context_tokens=10)
    seen = ask(emulator, "POST", "/v1/messages", body(driving.long_text(20)))
    assert seen.why == "prompt is too long: 23 tokens > 10 maximum"


SAMPLING: dict[str, tuple[str, dict[str, Any], int]] = {
    "an old model takes it": (OLD, {"temperature": 0.2, "top_k": 5}, 200),
    "but not both": (OLD, {"temperature": 0.2, "top_p": 0.5}, 400),
    "nor more than one": (OLD, {"temperature": 1.5}, 400),
    "haiku takes the value that it has anyway": (HAIKU, {"temperature": 1}, 200),
    "and its top_p": (HAIKU, {"top_p": 0.99}, 200),
    "but no other": (HAIKU, {"temperature": 0}, 400),
    "not even one": (HAIKU, {"top_p": 1}, 400),
    "and no top_k": (HAIKU, {"top_k": 1}, 400),
    "so do the others": (SONNET, {"temperature": 1}, 200),
    "and those only": (OPUS, {"temperature": 0.5}, 400),
}


@pytest.mark.parametrize("case", SAMPLING)
def test_sampling_is_for_the_version_before(emulator: AnthropicEmulator, case: str) -> None:
    model, fields, status = SAMPLING[case]
    asks = body(model=model, **fields)
    seen = ask(emulator, "POST", "/v1/messages", asks, version="2023-06-01")
    assert seen.status == status
    assert emulator.violations() == []
    seen = ask(emulator, "POST", "/v1/messages", asks)
    assert (seen.status, seen.why) == (400, f"{next(iter(fields))}: Extra inputs are not permitted")
    assert len(emulator.take_violations()) == 1


def test_the_sdk_has_no_sampling_any_more(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    with pytest.raises(TypeError):
        client.messages.create(**body(), temperature=0)
    with pytest.raises(anthropic.BadRequestError, match="Extra inputs are not permitted"):
        client.messages.create(**body(), extra_body={"temperature": 1.0})
    assert len(emulator.take_violations()) == 1


def test_the_same_rules_hold_for_a_count(emulator: AnthropicEmulator) -> None:
    prefill = talk("a", "It is")
    del prefill["max_tokens"]
    seen = ask(emulator, "POST", "/v1/messages/count_tokens", prefill)
    assert (seen.status, "prefill" in seen.why) == (400, True)
    assert emulator.counts()["count_tokens"] == 0
