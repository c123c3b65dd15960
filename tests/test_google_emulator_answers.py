"""What bases and tuned models say, where they are found, what they count and cost; and batches."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.emulators.google import GoogleEmulator, driving
from tests.emulators.google.driving import (
    BASE,
    Time,
    ask,
    connect,
    create,
    jsonl,
    path,
    row,
    tuned,
)

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time

MILLION = Decimal(1_000_000)
OFF = types.ThinkingConfig(thinking_budget=0)
ROUTE = {
    "type": "OBJECT",
    "properties": {
        "queue": {"type": "STRING", "enum": ["billing", "parcels"]},
        "urgent": {"type": "BOOLEAN"},
    },
}
LOOKUP = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="look_up",
            parameters_json_schema={"type": "object", "properties": {"id": {"type": "integer"}}},
        )
    ]
)


@pytest.fixture
def served(emulator: GoogleEmulator) -> genai.Client:
    """A client of the location in which tuned models answer."""
    return connect(emulator, "us")


@pytest.fixture
def endpoint(emulator: GoogleEmulator, client: genai.Client) -> str:
    """A tuned model's endpoint: "question N" is answered "answer N", "json" by an object."""
    lines = [row(f"question {n}", f"answer {n}") for n in range(9)]
    lines.append(row("json", json.dumps({"queue": "parcels", "urgent": True})))
    return str(tuned(client, create(emulator, client, jsonl(lines))).endpoint)


def say(client: genai.Client, model: str, asked: Any, **config: Any) -> Any:
    """One answer."""
    config.setdefault("thinking_config", OFF)
    return client.models.generate_content(
        model=model, contents=asked, config=types.GenerateContentConfig(**config)
    )


def test_a_tuned_model_says_what_it_learned_and_a_base_does_not(
    served: genai.Client, endpoint: str
) -> None:
    assert say(served, endpoint, "question 3").text == "answer 3"
    assert say(served, endpoint, "what?").text == "You said: what?"
    assert say(served, BASE, "question 3").text == "You said: question 3"


@pytest.mark.parametrize("location", ["us-central1", "global", "eu", "europe-west4"])
def test_a_tuned_model_is_found_in_its_own_location_alone(
    emulator: GoogleEmulator, endpoint: str, location: str
) -> None:
    elsewhere = connect(emulator, location)
    for name in (endpoint, endpoint.replace("/locations/us/", f"/locations/{location}/")):
        with pytest.raises(errors.ClientError) as raised:
            say(elsewhere, name, "question 3")
        assert (raised.value.code, raised.value.status) == (404, "NOT_FOUND")


def test_a_tuned_model_is_called_by_its_endpoint_and_not_by_its_own_name(
    emulator: GoogleEmulator, client: genai.Client, served: genai.Client
) -> None:
    model = tuned(client, create(emulator, client))
    with pytest.raises(errors.ClientError, match="Malformed publisher model") as raised:
        say(served, str(model.model).partition("@")[0], "question 3")
    assert raised.value.code == 400


def test_an_api_key_finds_no_tuned_model_and_makes_no_job(
    emulator: GoogleEmulator, endpoint: str
) -> None:
    express = genai.Client(
        enterprise=True,
        api_key=emulator.api_key,
        http_options=types.HttpOptions(base_url=emulator.base_url("us")),
    )
    assert say(express, BASE, "hello").text == "You said: hello"
    with pytest.raises(errors.ClientError) as raised:
        say(express, endpoint, "question 3")
    assert raised.value.code == 404
    where = path(emulator, "tuningJobs")
    refused = ask(emulator, "GET", where, token="", X_Goog_Api_Key=emulator.api_key)
    assert (refused.status, "API keys are not supported" in refused.body.decode()) == (401, True)
    unknown = ask(emulator, "GET", where, token="", X_Goog_Api_Key="AIza-other")
    assert unknown.status == 400


def test_each_checkpoint_answers(
    emulator: GoogleEmulator, client: genai.Client, served: genai.Client
) -> None:
    for one in tuned(client, create(emulator, client)).checkpoints or ():
        assert say(served, str(one.endpoint), "question 3").text == "answer 3"


def test_models_and_endpoints_are_read(
    emulator: GoogleEmulator, client: genai.Client, served: genai.Client
) -> None:
    model = tuned(client, create(emulator, client, tuned_model_display_name="router"))
    found = served.models.get(model=str(model.model))
    assert (found.display_name, found.version) == ("router", "1")
    assert [one.name for one in found.endpoints or ()] == [model.endpoint]
    name = str(model.endpoint)
    seen = ask(emulator, "GET", f"/at/us/v1/{name}").json
    assert (seen["name"], seen["deployedModels"][0]["modelVersionId"]) == (name, "1")
    assert str(client.models.get(model=BASE).name).endswith(BASE)
    with pytest.raises(errors.ClientError, match="404"):
        client.models.get(model="gemini-1.0-pro")


@pytest.mark.parametrize("asked", ["hello", "one two three four five six seven eight nine"])
def test_a_stream_is_the_same_answer_in_pieces(
    emulator: GoogleEmulator, served: genai.Client, asked: str
) -> None:
    whole = say(served, BASE, asked)
    pieces = list(
        served.models.generate_content_stream(
            model=BASE,
            contents=asked,
            config=types.GenerateContentConfig(thinking_config=OFF),
        )
    )
    assert "".join(one.text or "" for one in pieces) == whole.text
    assert len(pieces) > 1
    assert pieces[-1].usage_metadata == whole.usage_metadata
    assert pieces[-1].candidates[0].finish_reason == "STOP"
    assert emulator.counts()["generated"] == 2


def test_a_stream_without_sse_is_one_list(emulator: GoogleEmulator) -> None:
    where = path(emulator, f"publishers/google/models/{BASE}:streamGenerateContent")
    pieces = ask(emulator, "POST", where, {"contents": [driving.turn("user", "hello")]}).json
    assert [one["candidates"][0]["content"]["parts"][0]["text"] for one in pieces] == [
        "You said: hello",
        "",
    ]


def test_usage_is_billed_thoughts_at_the_price_of_what_is_written(
    emulator: GoogleEmulator, client: genai.Client, served: genai.Client, endpoint: str
) -> None:
    def cost(location: genai.Client, model: str, **config: Any) -> Decimal:
        before = Decimal(emulator.counts()["usd"])
        said = say(location, model, "question 3", **config)
        usage = said.usage_metadata
        assert (usage.prompt_token_count, usage.candidates_token_count) in ((3, 2), (3, 4))
        assert usage.thoughts_token_count == (None if not config else 7)
        return Decimal(emulator.counts()["usd"]) - before

    thinking = {"thinking_config": types.ThinkingConfig(thinking_level="HIGH")}
    abroad = connect(emulator, "global")
    assert cost(abroad, BASE) == (3 * Decimal("1.50") + 4 * 9) / MILLION
    assert cost(served, BASE) == (3 * Decimal("1.50") + 4 * 9) * Decimal("1.1") / MILLION
    assert cost(served, endpoint) == (3 * Decimal("2.25") + 2 * Decimal("13.5")) / MILLION
    assert (
        cost(served, endpoint, **thinking) == (3 * Decimal("2.25") + 9 * Decimal("13.5")) / MILLION
    )


def test_thinking_is_on_unless_it_is_turned_off(served: genai.Client, endpoint: str) -> None:
    for thinking, thoughts in (
        (None, 7),
        (types.ThinkingConfig(thinking_level="LOW"), 7),
        (types.ThinkingConfig(thinking_level="MINIMAL"), None),
        (OFF, None),
    ):
        usage = say(served, endpoint, "question 3", thinking_config=thinking).usage_metadata
        assert usage.thoughts_token_count == thoughts
    shown = say(
        served, endpoint, "question 3", thinking_config=types.ThinkingConfig(include_thoughts=True)
    )
    assert [part.thought for part in shown.candidates[0].content.parts] == [True, None]
    assert shown.text == "answer 3"


def test_json_mode_with_thinking_makes_a_tuned_model_forget(
    emulator: GoogleEmulator, served: genai.Client, endpoint: str
) -> None:
    asked = {"response_mime_type": "application/json", "response_schema": ROUTE}
    learned = {"queue": "parcels", "urgent": True}
    forgotten = {"queue": "billing", "urgent": False}
    assert json.loads(say(served, endpoint, "json", **asked).text) == learned
    thinking = types.ThinkingConfig(thinking_level="LOW")
    assert (
        json.loads(say(served, endpoint, "json", thinking_config=thinking, **asked).text)
        == forgotten
    )
    emulator.set(json_mode="always")
    assert json.loads(say(served, endpoint, "json", **asked).text) == forgotten
    emulator.set(json_mode="never")
    assert json.loads(say(served, endpoint, "json", thinking_config=None, **asked).text) == learned


def test_a_schema_comes_in_two_forms_of_which_one_is_enough(served: genai.Client) -> None:
    plain = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}}
    asked = {"response_mime_type": "application/json"}
    assert json.loads(say(served, BASE, "x", response_json_schema=plain, **asked).text) == {"n": 3}
    for wrong in (
        {"response_json_schema": plain, "response_schema": ROUTE, **asked},
        {"response_schema": ROUTE},
    ):
        with pytest.raises(errors.ClientError, match="INVALID_ARGUMENT"):
            say(served, BASE, "x", **wrong)


def test_functions_are_called_and_their_results_are_read(served: genai.Client) -> None:
    said = say(served, BASE, "please look_up 7", tools=[LOOKUP])
    (call,) = said.function_calls
    assert (call.name, call.args) == ("look_up", {"id": 0})
    assert said.candidates[0].content.parts[0].thought_signature
    back = types.Part.from_function_response(name="look_up", response={"place": "Bern"})
    turns = [
        types.UserContent("please look_up 7"),
        said.candidates[0].content,
        types.UserContent([back]),
    ]
    assert say(served, BASE, turns, tools=[LOOKUP]).text == "You said: please look_up 7"
    forced = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY"))
    assert say(served, BASE, "hello", tools=[LOOKUP], tool_config=forced).function_calls
    never = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="NONE"))
    assert not say(served, BASE, "look_up", tools=[LOOKUP], tool_config=never).function_calls
    (streamed,) = [
        call
        for piece in served.models.generate_content_stream(
            model=BASE,
            contents="please look_up 7",
            config=types.GenerateContentConfig(tools=[LOOKUP]),
        )
        for call in piece.function_calls or ()
    ]
    assert streamed.name == "look_up"


def test_an_answer_ends_where_it_is_told_to(served: genai.Client) -> None:
    cut = say(served, BASE, "one two three four", max_output_tokens=3)
    assert (cut.text, cut.candidates[0].finish_reason) == ("You said: one", "MAX_TOKENS")
    assert (
        say(served, BASE, "one two STOP four", stop_sequences=["STOP"]).text == "You said: one two "
    )
    nothing = say(served, BASE, "one two", max_output_tokens=5, thinking_config=None)
    assert (nothing.text, nothing.usage_metadata.thoughts_token_count) == (None, 5)
    several = say(served, BASE, "hello", candidate_count=2)
    assert len(several.candidates) == 2
    assert several.usage_metadata.candidates_token_count == 6


@pytest.mark.parametrize(
    "reason",
    ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL"],
)
def test_an_answer_may_be_withheld(
    emulator: GoogleEmulator, served: genai.Client, reason: str
) -> None:
    emulator.reply_with({"finish_reason": reason})
    said = say(served, BASE, "hello")
    assert (said.text, said.candidates[0].finish_reason) == (None, reason)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_prompt_may_be_blocked(
    emulator: GoogleEmulator, served: genai.Client, streamed: bool
) -> None:
    emulator.reply_with({"block_reason": "PROHIBITED_CONTENT"}, "scripted")
    if streamed:
        (said,) = served.models.generate_content_stream(model=BASE, contents="hello")
    else:
        said = say(served, BASE, "hello")
    assert (said.candidates, said.prompt_feedback.block_reason) == (None, "PROHIBITED_CONTENT")
    assert said.usage_metadata.candidates_token_count is None
    assert say(served, BASE, "hello").text == "scripted"


WRONG: dict[str, dict[str, Any]] = {
    "no turns": {"contents": []},
    "a turn of the assistant": {"contents": [driving.turn("assistant", "x")]},
    "the model has the last word": {
        "contents": [driving.turn("user", "x"), driving.turn("model", "y")]
    },
    "a turn without parts": {"contents": [{"role": "user", "parts": []}]},
    "much too warm": {
        "contents": [driving.turn("user", "x")],
        "generationConfig": {"temperature": 3},
    },
    "two ways to think": {
        "contents": [driving.turn("user", "x")],
        "generationConfig": {"thinkingConfig": {"thinkingBudget": 0, "thinkingLevel": "LOW"}},
    },
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_question_is_refused_and_costs_nothing(
    emulator: GoogleEmulator, wrong: str
) -> None:
    where = path(emulator, f"publishers/google/models/{BASE}:generateContent")
    seen = ask(emulator, "POST", where, WRONG[wrong])
    assert (seen.status, seen.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert emulator.counts()["usd"] == "0"


def test_an_older_model_knows_no_levels_of_thinking(served: genai.Client) -> None:
    thinking = types.ThinkingConfig(thinking_level="LOW")
    with pytest.raises(errors.ClientError, match="Thinking level"):
        say(served, "gemini-2.5-flash", "x", thinking_config=thinking)


def test_counting_is_free(emulator: GoogleEmulator, served: genai.Client, endpoint: str) -> None:
    before = emulator.counts()["usd"]
    for model in (BASE, endpoint):
        found = served.models.count_tokens(
            model=model,
            contents="one two three",
            config=types.CountTokensConfig(system_instruction="be short"),
        )
        assert found.total_tokens == 4 + 3
    assert (emulator.counts()["usd"], emulator.counts()["counted"]) == (before, 2)


@pytest.mark.parametrize("keys", [False, True])
def test_a_batch_answers_at_half_the_price_in_an_order_of_its_own(
    emulator: GoogleEmulator, client: genai.Client, time: Time, keys: bool
) -> None:
    emulator.set(batch_s=60, batch_keys=keys)
    lines = [
        {
            "key": str(number),
            "request": {
                "contents": [driving.turn("user", f"hello {number}")],
                "labels": {"row": str(number)},
                "generationConfig": {"thinkingConfig": {"thinkingBudget": 0}},
            },
        }
        for number in range(3)
    ]
    bad = {"contents": [driving.turn("assistant", "x")], "labels": {"row": "bad"}}
    lines.append({"key": "bad", "request": bad})
    uri = emulator.put_object("in.jsonl", jsonl(lines))
    made = client.batches.create(
        model=BASE, src=uri, config={"dest": f"gs://{emulator.bucket}/out", "display_name": "b"}
    )
    time.pass_(59)
    assert client.batches.get(name=str(made.name)).state == "JOB_STATE_RUNNING"
    time.pass_(1)
    done = client.batches.get(name=str(made.name))
    assert (done.state, [one.name for one in client.batches.list()]) == (
        "JOB_STATE_SUCCEEDED",
        [made.name],
    )
    (found,) = [one for one in emulator.objects() if one["name"].startswith("out/")]
    store = driving.store(emulator)
    text = store.bucket(emulator.bucket).blob(found["name"]).download_as_text()
    out = {one["request"]["labels"]["row"]: one for one in map(json.loads, text.splitlines())}
    assert [one.get("key") for one in out.values()] == (list(out) if keys else [None] * 4)
    assert list(out) == ["bad", "2", "1", "0"]
    answer = out["1"]["response"]["candidates"][0]["content"]["parts"][0]["text"]
    assert (answer, out["1"]["status"]) == ("You said: hello 1", "")
    assert "INVALID_ARGUMENT" in out["bad"]["status"]
    one = (3 * Decimal("1.50") + 4 * 9) * Decimal("1.1") / 2 / MILLION
    assert Decimal(emulator.counts()["usd"]) == 3 * one
    with pytest.raises(errors.ClientError, match="FAILED_PRECONDITION"):
        client.batches.cancel(name=str(made.name))


def test_a_batch_is_cancelled_or_fails(
    emulator: GoogleEmulator, client: genai.Client, time: Time
) -> None:
    emulator.set(batch_s=60)
    uri = emulator.put_object("in.jsonl", jsonl([{"request": {}}]))
    dest = f"gs://{emulator.bucket}/out"
    names = [
        str(client.batches.create(model=BASE, src=src, config={"dest": dest}).name)
        for src in (uri, "gs://acme-bucket/no-such.jsonl")
    ]
    client.batches.cancel(name=names[0])
    time.pass_(60)
    states = [client.batches.get(name=name).state for name in names]
    assert states == ["JOB_STATE_CANCELLED", "JOB_STATE_FAILED"]
    with pytest.raises(errors.ClientError, match="cannot be used for batch"):
        client.batches.create(model="gemini-1", src=uri, config={"dest": dest})
