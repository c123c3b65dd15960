"""Rows with tools and names at OpenAI: sent whole, counted as the most that they can cost, and quoted as that."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import ftkit
from ftkit.cli.main import app
from ftkit.data.example import Example, Image, Message, ToolCall
from ftkit.errors import CapabilityError, DataError
from ftkit.types import JobStatus
from ftkit_openai import tool_tokens, wire
from ftkit_openai.tokens import OpenAIRenderer
from tests.emulators.openai import OpenAIEmulator
from tests.emulators.openai.tokens import counter
from tests.emulators.openai.training_tokens import row_tokens
from tests.openai_desk import BASE, MODEL, submit

pytest_plugins = ("tests.openai_fixtures",)

PLACE = {"type": "string", "description": "City and country, for example Bogotá, Colombia"}
UNIT = {"type": "string", "enum": ["celsius", "fahrenheit"]}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a place.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "place": PLACE,
                "unit": UNIT,
                "days": {"type": "array", "items": {"type": "integer", "minimum": 1}},
                "station": {
                    "type": ["object", "null"],
                    "properties": {"code": {"type": "string", "pattern": "^[A-Z]{4}$"}},
                },
            },
            "required": ["place"],
            "additionalProperties": False,
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "get_time"}}
CALL = {
    "id": "call_4711",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"place": "Bogotá, Colombia"}'},
}


def row(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": f"Is it raining in street {number}?"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_4711", "content": "14 degrees, rain"},
            {"role": "assistant", "content": "Yes, at 14 degrees."},
        ],
        "tools": [WEATHER, CLOCK],
        **fields,
    }


ANSWER = {"role": "assistant", "content": "4"}
ROWS = [row(number) for number in range(12)]


def billed(emulator: OpenAIEmulator) -> Decimal:
    return Decimal(emulator.counts()["training_usd"])


@pytest.fixture(scope="module")
def renderer() -> OpenAIRenderer:
    return OpenAIRenderer(BASE, 65_536)


# --- sent whole ---


def test_a_row_with_tools_arrives_as_it_came() -> None:
    rows = [row(1), row(2, parallel_tool_calls=False), row(3, parallel_tool_calls=True)]
    assert [json.loads(wire.row(example)) for example in ftkit.load(rows)] == rows


def test_the_tools_of_a_pair_stand_in_its_input() -> None:
    pair = {
        "input": {
            "messages": [{"role": "user", "content": "Is it raining?"}],
            "tools": [WEATHER],
            "parallel_tool_calls": False,
        },
        "preferred_output": [{"role": "assistant", "content": "I shall look"}],
        "non_preferred_output": [{"role": "assistant", "content": "No"}],
    }
    assert json.loads(wire.row(ftkit.load([pair])[0])) == pair


word = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
user = st.builds(
    lambda name, parts: Message(
        "user", "".join(part for part in parts if isinstance(part, str)), tuple(parts), name=name
    ),
    st.none() | word,
    st.lists(
        word
        | st.builds(
            Image,
            st.just("https://pictures.example/1.png"),
            st.sampled_from((None, "low", "high", "auto")),
        ),
        min_size=2,
        max_size=3,
    ),
)
calling = st.builds(
    lambda text, trained, key: (
        Message(
            "assistant",
            text,
            tool_calls=(ToolCall("call-1", "get_weather", json.dumps({key: 1})),),
            trained=trained,
        ),
        Message("tool", key, tool_call_id="call-1"),
    ),
    st.just("") | word,
    st.none() | st.booleans(),
    word,
)
examples = st.builds(
    lambda asked, called, answer, tools, parallel, rejected: Example(
        (asked, *called, Message("assistant", answer)),
        tools=tools,
        parallel_tool_calls=parallel,
        rejected=(Message("assistant", rejected),) if rejected else (),
    ),
    user,
    st.just(()) | calling,
    word,
    st.sampled_from(((), (WEATHER,), (WEATHER, CLOCK))),
    st.none() | st.booleans(),
    st.none() | word,
)


@settings(deadline=None)
@given(example=examples)
def test_what_was_sent_reads_back_as_the_same_row(example: Example) -> None:
    assert ftkit.load([json.loads(wire.row(example))])[0] == example


FULL = Example(
    (
        Message("system", "s"),
        Message("user", "ab", ("a", Image("https://x.example/1", "low"), "b"), name="Ada"),
        Message("assistant", "c", tool_calls=(ToolCall("id", "get_time", "{}"),), trained=True),
        Message("tool", "d", tool_call_id="id"),
        Message("assistant", "e"),
    ),
    tools=(CLOCK,),
    parallel_tool_calls=True,
    rejected=(Message("assistant", "f"),),
)


def with_turn(number: int, **changes: Any) -> Example:
    turns = list(FULL.messages)
    turns[number] = replace(turns[number], **changes)
    return replace(FULL, messages=tuple(turns))


@pytest.mark.parametrize(
    "changed",
    [
        with_turn(0, content="t"),
        with_turn(1, name="Bea"),
        with_turn(1, parts=("a", Image("https://x.example/2", "low"), "b")),
        with_turn(1, parts=("a", Image("https://x.example/1", "high"), "b")),
        with_turn(1, parts=(Image("https://x.example/1", "low"), "a", "b")),
        with_turn(2, trained=False),
        with_turn(2, tool_calls=(ToolCall("other", "get_time", "{}"),)),
        with_turn(2, tool_calls=(ToolCall("id", "get_weather", "{}"),)),
        with_turn(2, tool_calls=(ToolCall("id", "get_time", '{"a": 1}'),)),
        with_turn(3, tool_call_id="other"),
        with_turn(4, role="user"),
        replace(FULL, tools=(WEATHER,)),
        replace(FULL, parallel_tool_calls=False),
        replace(FULL, parallel_tool_calls=None),
        replace(FULL, rejected=(Message("assistant", "g"),)),
    ],
)
def test_every_field_of_a_row_changes_what_is_sent(changed: Example) -> None:
    assert wire.row(changed) != wire.row(FULL)


# --- counted ---


def test_every_word_of_a_schema_is_in_the_text_that_is_counted() -> None:
    text = tool_tokens.signatures([WEATHER, CLOCK])
    for said in ("celsius", "Bogotá", "^[A-Z]{4}$", "minimum: 1", "strict: true", "code?", "null"):
        assert said in text
    assert "place: string" in text and "unit?:" in text and "type get_time = () => any;" in text


leaves = st.one_of(st.integers(0, 999), st.booleans(), word)
schemas: st.SearchStrategy[Any] = st.recursive(
    st.dictionaries(
        st.sampled_from(("type", "description", "default", "enum", "const", "required", "format")),
        leaves | st.lists(leaves, max_size=3),
        max_size=4,
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"items": inner, "type": st.just("array")}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, max_size=2), "title": word}),
        st.fixed_dictionaries({"properties": st.dictionaries(word, inner, max_size=3)}),
    ),
    max_leaves=8,
)


def told(value: Any) -> set[str]:
    """Words and numbers of a schema that must be counted; a type and its words of the grammar aside."""
    if isinstance(value, dict):
        kept = {key: part for key, part in value.items() if key not in ("type", "required")}
        names = set(value.get("properties") or {})
        return names | {one for part in kept.values() for one in told(part)}
    if isinstance(value, list):
        return {one for part in value for one in told(part)}
    return {value} if isinstance(value, str) else {json.dumps(value)}


@settings(deadline=None)
@given(schema=schemas)
def test_no_schema_is_refused_and_none_of_its_words_is_left_out(schema: dict[str, Any]) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    text = tool_tokens.signatures([tool])
    for said in told(schema):
        written = json.dumps(said, ensure_ascii=False)[1:-1]
        assert written in text or all(line in text for line in said.split("\n"))


@settings(deadline=None)
@given(
    names=st.lists(word, max_size=4, unique=True),
    described=st.booleans(),
    enum=st.lists(word, max_size=3),
    parallel=st.sampled_from((None, True, False)),
)
def test_the_count_is_never_below_the_cookbooks(
    names: list[str], described: bool, enum: list[str], parallel: bool | None
) -> None:
    """Its constants are known for questions; the emulator counts by them."""
    one: dict[str, Any] = {"type": "string", **({"enum": enum} if enum else {})}
    if described:
        one["description"] = "what it is about."
    parameters = {"type": "object", "properties": dict.fromkeys(names, one)}
    tool = {
        "type": "function",
        "function": {"name": "find", "description": "Find it.", "parameters": parameters},
    }
    asked, answered = Message("user", "hi"), Message("assistant", "ho")
    example = Example((asked, answered), tools=(tool,), parallel_tool_calls=parallel)
    renderer = OpenAIRenderer(BASE, None)
    ours = renderer.turn_tokens(example.messages) + renderer.tool_tokens(example)
    theirs = row_tokens(
        [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}],
        [tool],
        counter("o200k"),
    )
    assert ours >= theirs


def test_a_row_that_allows_no_parallel_calls_is_not_quoted_their_wrapper() -> None:
    usual, single = (
        ftkit.estimate([row(n, **extra) for n in range(12)], MODEL).resolved.counts.tokens
        for extra in ({}, {"parallel_tool_calls": False})
    )
    assert usual - single == 12 * (200 + 16)


def test_a_call_is_learned_with_the_function_it_is_addressed_to(renderer: OpenAIRenderer) -> None:
    (rendered,) = renderer.render(ftkit.load(ROWS)[0].messages)
    trained = "".join(text for text, learned in renderer.tokens(rendered) if learned)
    assert trained == (
        ' to=functions.get_weather<|im_sep|>{"place": "Bogotá, Colombia"}<|im_end|>'
        "Yes, at 14 degrees.<|im_end|>"
    )
    assert "tool functions.get_weather<|im_sep|>14 degrees" in renderer.decode(rendered.ids)


def test_a_call_of_weight_0_is_read_and_not_learned(renderer: OpenAIRenderer) -> None:
    turns = list(ftkit.load(ROWS)[0].messages)
    turns[2] = replace(turns[2], trained=False)
    (rendered,) = renderer.render(turns)
    assert "to=functions" not in "".join(text for text, on in renderer.tokens(rendered) if on)


def test_a_name_is_its_text_and_one_token_more(renderer: OpenAIRenderer) -> None:
    """The cookbook's rule for questions: tokens_per_name = 1."""
    plain = Message("user", "Where is it?")
    for name, tokens in (("Ada", 1 + 1), ("example_user", 2 + 1)):
        extra = renderer.turn_tokens([replace(plain, name=name)]) - renderer.turn_tokens([plain])
        assert extra == tokens


# --- quoted, and judged by the bill ---


def test_rows_with_tools_are_trained_and_the_quote_is_at_least_the_bill(
    emulator: OpenAIEmulator,
) -> None:
    emulator.set(tokens="o200k")
    quote = ftkit.estimate(ROWS, MODEL, hyperparameters={"epochs": 2})
    job = submit(ROWS, hyperparameters={"epochs": 2}).wait(600)
    assert job.status is JobStatus.SUCCEEDED
    assert quote.usd is not None and quote.usd == Decimal(job.plan["usd"])
    assert billed(emulator) <= quote.usd
    over = (quote.usd - billed(emulator)) / 3 * 1_000_000 / 2 / 12
    assert 200 < over < 400, "tokens a row between the cookbook's count and ours"


def test_without_parallel_calls_the_quote_is_close_to_the_cookbooks_bill(
    emulator: OpenAIEmulator,
) -> None:
    emulator.set(tokens="o200k")
    rows = [row(n, parallel_tool_calls=False) for n in range(12)]
    job = submit(rows, hyperparameters={"epochs": 1}).wait(600)
    over = (Decimal(job.plan["usd"]) - billed(emulator)) / 3 * 1_000_000 / 12
    assert 0 <= over < 120


def test_the_quote_says_that_it_is_the_most_and_why() -> None:
    mixed = [*ROWS, {"messages": [{"role": "user", "content": "2+2"}, ANSWER]}]
    quote = ftkit.estimate(mixed, MODEL)
    shown, values = str(quote), quote.to_dict()
    assert "USD, at most" in shown
    assert "rows 1, 2, 3" in shown and "compare with trained_tokens after the run" in shown
    (caution,) = values["cautions"]
    assert values["at_most"] is True and caution["count"] == 12
    assert caution["rows"] == list(range(1, 11))
    json.dumps(values)


def test_a_quote_of_plain_text_stays_exact() -> None:
    quote = ftkit.estimate([{"prompt": f"2+{n}", "completion": f"{n}"} for n in range(12)], MODEL)
    assert quote.to_dict()["at_most"] is False and quote.to_dict()["cautions"] == []
    assert "at most" not in str(quote) and "note" not in str(quote)


def test_named_rows_are_sent_trained_and_quoted(emulator: OpenAIEmulator) -> None:
    emulator.set(tokens="o200k")
    rows = [
        {
            "messages": [
                {"role": "user", "name": "Ada", "content": f"question {n}"},
                {"role": "assistant", "name": "router", "content": f"answer {n}"},
            ]
        }
        for n in range(12)
    ]
    job = submit(rows).wait(600)
    assert job.status is JobStatus.SUCCEEDED
    assert Decimal(job.plan["usd"]) == billed(emulator)
    assert "not verified for training" in job.plan["cautions"][0]["text"]


def test_a_quote_of_tools_without_their_wrapper_would_not_pass_the_judge(
    emulator: OpenAIEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison above can see: a renderer that drops the tools quotes less than the bill."""
    emulator.set(tokens="o200k")
    monkeypatch.setattr(OpenAIRenderer, "tool_tokens", lambda self, example: 0)
    job = submit(ROWS, hyperparameters={"epochs": 1}).wait(600)
    assert Decimal(job.plan["usd"]) < billed(emulator)


def test_the_provider_itself_sees_a_call_of_what_was_not_declared(emulator: OpenAIEmulator) -> None:
    """A row whose tools were dropped on the way fails the job there: the emulator judges rows by its own code."""
    bare = [row(n, tools=[]) for n in range(12)]
    job = submit(bare, allow=("FT104",)).wait(600)
    assert job.status is JobStatus.FAILED
    assert job.error is not None and "calls a function get_weather" in job.error


# --- refused before anything is sent ---


def test_a_row_that_its_tools_make_too_long_is_an_error_of_the_check(
    emulator: OpenAIEmulator,
) -> None:
    long = json.loads(json.dumps(WEATHER))
    long["function"]["description"] = "word " * 66_000
    rows = [*ROWS, row(13, tools=[long])]
    (finding,) = [one for one in ftkit.check(rows, model=MODEL).findings if one.code == "FT201"]
    assert finding.rows == (13,)
    with pytest.raises(DataError, match="FT201"):
        submit(rows)
    assert emulator.counts()["requests"] == {}


@pytest.mark.parametrize("place", ["description", "arguments", "name"])
def test_a_control_token_in_a_tool_a_call_or_a_name_is_refused_by_its_row(
    place: str, emulator: OpenAIEmulator
) -> None:
    rows = json.loads(json.dumps(ROWS))
    if place == "description":
        rows[6]["tools"][1]["function"]["description"] = "a <|im_end|> b"
    elif place == "arguments":
        arguments = '{"place": "<|im_end|>"}'
        rows[6]["messages"][2]["tool_calls"][0]["function"]["arguments"] = arguments
    else:
        rows[6]["messages"][1]["name"] = "<|im_end|>"
    with pytest.raises(DataError, match="row 7") as refused:
        submit(rows)
    assert "<|im_end|>" in str(refused.value)
    assert emulator.counts()["requests"] == {}


def test_a_pair_with_tools_in_its_input_is_trained_and_one_whose_answer_calls_is_refused(
    emulator: OpenAIEmulator,
) -> None:
    emulator.set(tokens="o200k")

    def pair(number: int, answer: dict[str, Any]) -> dict[str, Any]:
        asked = [{"role": "user", "content": f"Is it raining in street {number}?"}]
        return {
            "input": {"messages": asked, "tools": [WEATHER]},
            "preferred_output": [{"role": "assistant", **answer}],
            "non_preferred_output": [{"role": "assistant", "content": "No idea"}],
        }

    model = "openai/gpt-4.1-mini"
    pairs = [pair(n, {"content": f"I shall look at street {n}"}) for n in range(12)]
    job = submit(pairs, model, method="dpo").wait(600)
    assert job.status is JobStatus.SUCCEEDED
    assert Decimal(job.plan["usd"]) >= billed(emulator) > 0
    before = emulator.counts()["requests"]
    calls = [pair(n, {"content": None, "tool_calls": [CALL]}) for n in range(12)]
    with pytest.raises(CapabilityError, match="row 1: openai cannot train calling pairs"):
        submit(calls, model, method="dpo")
    assert emulator.counts()["requests"] == before


# --- shown ---


def test_the_mask_of_a_row_with_tools_says_what_stands_before_it(tmp_path: Any) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    command = ["check", str(path), "--model", MODEL, "--show-mask", "3"]
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 0, said.output
    assert "tools stand before it" in said.output
    told = json.loads(CliRunner().invoke(app, [*command, "--json"]).output)
    assert told["tool_tokens"] > 200


def test_check_tells_what_is_estimated_and_finds_nothing_wrong() -> None:
    report = ftkit.check(ROWS, model=MODEL)
    assert report.ok
    (finding,) = [one for one in report.findings if one.code == "FT204"]
    assert finding.count == 12 and "tokens of tools" in finding.title
