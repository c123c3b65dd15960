"""Answers of Gemini: tools, images, schemas and ends, what is sent, what it costs, and what is asked again."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import patience
from ftkit.backend import Call, LostReply, ModelRecord, Unavailable
from ftkit.data.example import Image, Message, ToolCall
from ftkit.errors import CapabilityError, LifecycleError, NotFound
from ftkit_google import chat_wire
from tests.emulators.google import GoogleEmulator
from tests.google_desk import BASE, CHAT, MODEL, NOON, STREAM, configure, lead, sent, tuned

pytest_plugins = ("tests.google_fixtures",)

BASE_CHAT = "POST publishers/google/models/ID:generateContent"
TOOL = {
    "type": "function",
    "function": {
        "name": "find_parcel",
        "description": "Where it is",
        "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"queue_name": {"type": "string"}},
    "required": ["queue_name"],
}
PICTURE = "data:image/png;base64,aGVsbG8+"


@pytest.fixture(autouse=True)
def _fresh_budget() -> None:
    patience._budgets.clear()


def body(*messages: Message, base: str = BASE, **options: Any) -> dict[str, Any]:
    record = ModelRecord("google", base, base)
    asked: dict[str, Any] = chat_wire.ChatWire("global").body(record, Call(messages, **options))
    return dict(asked["request"])


def test_a_call_and_its_result_go_there_and_back(google: GoogleEmulator) -> None:
    call = {"name": "find_parcel", "arguments": {"order_id": "4512"}}
    google.reply_with({"tool_calls": [call]}, "It is on its way")
    model = ftkit.model(MODEL)
    first = model.chat("Where is 4512?", tools=[TOOL])
    (made,) = first.tool_calls
    assert (made.name, json.loads(made.arguments)) == ("find_parcel", {"order_id": "4512"})
    assert first.finish_reason == "tool_calls"
    turns = [
        {"role": "user", "content": "Where is 4512?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": made.id,
                    "type": "function",
                    "function": {"name": made.name, "arguments": made.arguments},
                }
            ],
        },
        {"role": "tool", "tool_call_id": made.id, "content": '{"place": "van"}'},
    ]
    assert model.chat(turns, tools=[TOOL]).text == "It is on its way"
    told = sent(google, BASE_CHAT)
    assert told["contents"][1]["parts"][0]["functionCall"]["args"] == {"order_id": "4512"}
    assert told["contents"][2]["parts"][0]["functionResponse"]["response"] == {"place": "van"}
    declared = told["tools"][0]["functionDeclarations"][0]
    assert declared["parametersJsonSchema"]["properties"] == {"order_id": {"type": "string"}}


def test_a_schema_is_enforced_and_parsed_and_keeps_the_names_of_its_fields(
    google: GoogleEmulator,
) -> None:
    """The SDK would spell a field in another way."""
    google.reply_with('{"queue_name": "billing"}')
    reply = ftkit.model(MODEL).chat("hello", schema=SCHEMA)
    assert reply.parsed == {"queue_name": "billing"}
    config = sent(google, BASE_CHAT)["generationConfig"]
    assert config["responseJsonSchema"] == SCHEMA
    assert config["responseMimeType"] == "application/json"


def test_an_image_goes_along_byte_for_byte(google: GoogleEmulator) -> None:
    parts = [
        {"type": "text", "text": "Look: "},
        {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
    ]
    ftkit.model(MODEL).chat([{"role": "user", "content": parts}])
    text, image = sent(google, BASE_CHAT)["contents"][0]["parts"]
    assert text == {"text": "Look: "}
    assert image["inlineData"] == {"mimeType": "image/png", "data": "aGVsbG8+"}
    assert image["mediaResolution"] == {"level": "MEDIA_RESOLUTION_LOW"}


def test_an_address_says_its_kind_or_is_refused() -> None:
    seen = body(Message("user", "x", parts=(Image("https://a.test/cat.png?x=1"),)))
    assert seen["contents"][0]["parts"][0]["fileData"]["mimeType"] == "image/png"
    with pytest.raises(CapabilityError, match="give it as a data URL"):
        body(Message("user", "x", parts=(Image("https://a.test/cat"),)))


def test_what_gemini_has_no_place_for_is_refused_by_number() -> None:
    with pytest.raises(CapabilityError, match="message 1 has the name of a speaker"):
        body(Message("user", "x", name="Ada"))
    with pytest.raises(CapabilityError, match="message 1 answers the call 'c1'"):
        body(Message("tool", "x", tool_call_id="c1"))
    broken = Message("assistant", "", tool_calls=(ToolCall("c1", "f", "{"),))
    with pytest.raises(CapabilityError, match="message 2 calls f with arguments"):
        body(Message("user", "x"), broken)


@pytest.mark.parametrize(
    ("base", "thinking"),
    [
        ("gemini-2.5-flash", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", {"thinkingBudget": 128}),
        ("gemini-3.5-flash", {"thinkingLevel": "MINIMAL"}),
    ],
)
def test_thinking_is_as_little_as_the_model_can(base: str, thinking: dict[str, Any]) -> None:
    config = body(Message("user", "x"), base=base)["generationConfig"]
    assert config["thinkingConfig"] == thinking


def test_extra_goes_over_everything_and_none_takes_out() -> None:
    extra = {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}, "topP": None}}
    config = body(Message("user", "x"), extra=extra, seed=7, stop=("END",))["generationConfig"]
    assert config["thinkingConfig"] == {"thinkingLevel": "HIGH"}
    assert "topP" not in config
    assert (config["seed"], config["stopSequences"]) == (7, ["END"])


def test_thoughts_are_output_that_is_paid_for_and_no_part_of_the_text(
    google: GoogleEmulator,
) -> None:
    google.set(thoughts=7)
    extra = {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}}
    model = ftkit.model(MODEL)
    little, much = model.chat("hello"), model.chat("hello", extra=extra)
    assert much.usage.output_tokens == little.usage.output_tokens + 7
    assert much.text == little.text
    assert Decimal(google.counts()["usd"]) == (little.cost_usd or 0) + (much.cost_usd or 0)


@pytest.mark.parametrize(
    ("scripted", "finish"),
    [
        ({"content": "x", "finish_reason": "MAX_TOKENS"}, "length"),
        ({"content": "", "finish_reason": "SAFETY"}, "safety"),
        ({"block_reason": "PROHIBITED_CONTENT"}, "prohibited_content"),
    ],
)
def test_every_end_is_told(scripted: dict[str, Any], finish: str, google: GoogleEmulator) -> None:
    google.reply_with(scripted)
    assert ftkit.model(MODEL).chat("hello").finish_reason == finish


def test_a_stream_has_the_calls_and_the_usage_too(google: GoogleEmulator) -> None:
    model = tuned().model()
    stream = model.stream("question 1")
    assert "".join(stream) == "answer 1"
    assert stream.reply is not None and stream.reply.usage.output_tokens > 0
    assert google.counts()["requests"][STREAM] == 1


def test_a_question_is_counted_free_of_charge_and_as_it_is_billed(
    google: GoogleEmulator,
) -> None:
    from ftkit_google.inference import GoogleInference
    from tests.google_desk import opened

    inference = opened().inference
    assert isinstance(inference, GoogleInference)
    record = inference.record(BASE)
    asked = Call((Message("system", "Be brief."), Message("user", "Where is my parcel?")))
    counted = inference.count_tokens(record, asked)
    assert google.counts()["usd"] == "0"
    assert counted == inference.chat(record, asked).usage.input_tokens


# --- asked again ---


def test_what_was_turned_away_is_asked_again_after_googles_own_wish(
    google: GoogleEmulator,
) -> None:
    model = tuned().model()
    google.refuse(CHAT, "RESOURCE_EXHAUSTED", retry_after=7, times=2)
    assert model.chat("question 1").text == "answer 1"
    assert google.counts()["requests"][CHAT] == 3


def test_a_wish_in_the_details_of_an_error_is_heard() -> None:
    from ftkit_google.verdicts import read_verdict, seen

    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "13.5s"}
    error = {"code": 429, "message": "busy", "status": "RESOURCE_EXHAUSTED", "details": [info]}
    for told in ({"error": error}, [{"error": error}]):
        verdict = read_verdict("POST x", seen(429, {}, json.dumps(told).encode()))
        assert isinstance(verdict, Unavailable)
        assert verdict.retry_after_s == 13.5


def test_a_lost_answer_is_asked_for_once_more_and_counted(google: GoogleEmulator) -> None:
    model = tuned().model()
    google.fault(CHAT, "close", process=True, times=None)
    with pytest.raises(LostReply, match="may have been answered, and billed"):
        model.chat("question 1")
    assert google.counts()["requests"][CHAT] == 2


def cut(google: GoogleEmulator) -> int:
    """How often a question is asked whose answer says that it can be gone on with."""
    google.reply_with({"content": "half", "finish_reason": "CONTINUATION"})
    google.fault(BASE_CHAT, "patch", fields={"candidates.0.continuationToken": "YWJj"})
    assert ftkit.model(MODEL).chat("hello").text.startswith("half")
    return int(google.counts()["requests"][BASE_CHAT])


def test_an_answer_that_is_cut_is_not_gone_on_with_unasked(google: GoogleEmulator) -> None:
    """By its own settings the SDK asks, and pays, again."""
    assert cut(google) == 1


def test_the_count_sees_an_sdk_that_asks_on(
    google: GoogleEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.genai import _extra_utils

    monkeypatch.setattr(
        _extra_utils, "should_enable_automatic_continuation", lambda config, default_enabled: True
    )
    own = chat_wire._given
    monkeypatch.setattr(chat_wire, "_given", lambda asked, timeout_s, **_: own(asked, timeout_s))
    google.reply_with({"content": "half", "finish_reason": "CONTINUATION"})
    google.fault(BASE_CHAT, "patch", fields={"candidates.0.continuationToken": "YWJj"})
    ftkit.model(MODEL).chat("hello")
    assert google.counts()["requests"][BASE_CHAT] == 2
    google.take_violations()


# --- models ---


def test_a_model_that_is_gone_says_so(
    google: GoogleEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "now").write_text("2026-10-01T12:00:00+00:00")
    model = tuned(model="google/gemini-2.5-flash").model()
    (tmp_path / "now").write_text("2027-04-02T12:00:00+00:00")
    with pytest.raises(LifecycleError, match="switched off on 2027-03-31"):
        model.chat("question 1")


def test_a_base_answers_where_the_settings_say(
    google: GoogleEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, answers_in="eu")
    ftkit.model(MODEL).chat("hello")
    assert "/at/eu/" in google.log()[-1]["path"]


def test_an_unknown_endpoint_is_not_found(google: GoogleEmulator) -> None:
    with pytest.raises(NotFound, match="was it deleted"):
        ftkit.model("google/projects/418203957162/locations/us/endpoints/77")


def test_the_hosts_are_those_of_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    from google import genai
    from google.auth.credentials import AnonymousCredentials

    from ftkit_google.names import host_of

    lead({"FTKIT_NOW": NOON}, monkeypatch)
    for location in ("global", "us", "eu", "us-central1", "europe-west4"):
        sdk = genai.Client(
            enterprise=True, project="p", location=location, credentials=AnonymousCredentials()
        )
        assert sdk._api_client._http_options.base_url == f"{host_of(location)}/"


def test_tokens_out_of_a_cache_are_told_and_thoughts_are_output() -> None:
    counted = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 30,
    }
    found = chat_wire.usage({"usageMetadata": counted})
    assert (found.input_tokens, found.cached_input_tokens, found.output_tokens) == (105, 60, 37)
