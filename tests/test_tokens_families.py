"""Counts that are exact: for every family's real tokenizer and template the ids are transformers' own, tools included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ftkit.data import load
from ftkit.data.example import Example
from ftkit.data.token_counts import count_row, count_rows, totals
from ftkit.data.tokens import IGNORED, Rendered
from ftkit.errors import DataError
from ftkit_local.render import ChatRenderer
from tests.assets import WrongContent, into_place, tokenizer_folder, verify
from tests.families import opened
from tests.rendering import trained_text
from tests.token_rows import PLAIN, TOOL, TOOLS, TWO_CALLS, judged

FAMILIES = ("qwen3", "gemma3", "llama3_1", "gptoss", "deepseek_v3", "smollm2")
WITH_TOOLS = ("qwen3", "llama3_1", "gptoss")
WITHOUT_TOOLS = tuple(family for family in FAMILIES if family not in WITH_TOOLS)


def rows_of(family: str) -> dict[str, Example]:
    return {**PLAIN, **(TOOLS if family in WITH_TOOLS else {})}


def learned(sequences: tuple[Rendered, ...]) -> list[tuple[int, ...]]:
    """The ids before each run of trained tokens."""
    return [
        one.ids[:index]
        for one in sequences
        for index, label in enumerate(one.labels)
        if label != IGNORED and one.labels[index - 1] == IGNORED
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_sequence_is_transformers_own_up_to_its_end_of_turn(family: str) -> None:
    """What stands behind the last end of turn is white space that a template writes and nobody asks a model for."""
    renderer, judge = opened(family)
    for name, example in rows_of(family).items():
        sequences = renderer.render_row(example)
        answers = [n for n, m in enumerate(example.messages, 1) if m.role == "assistant"]
        ends = answers if len(sequences) > 1 else answers[-1:]
        for end, one in zip(ends, sequences, strict=True):
            whole = judged(judge, example.messages[:end], example)
            assert list(one.ids) == whole[: len(one.ids)], name
            assert judge.decode(whole[len(one.ids) :]).strip() == "", name


@pytest.mark.parametrize("family", FAMILIES)
def test_the_count_is_the_length_of_what_transformers_encodes(family: str) -> None:
    renderer, judge = opened(family)
    for name, example in rows_of(family).items():
        whole = judged(judge, example.messages, example)
        behind = whole[len(renderer.render_row(example)[-1].ids) :]
        assert count_row(example, renderer).longest == len(whole) - len(behind), name


@pytest.mark.parametrize("family", FAMILIES)
def test_every_answer_and_every_call_is_trained_behind_the_ids_it_is_asked_with(
    family: str,
) -> None:
    renderer, judge = opened(family)
    for name, example in rows_of(family).items():
        answers = [n for n, m in enumerate(example.messages) if m.role == "assistant"]
        asked = [
            tuple(judged(judge, example.messages[:n], example, generation=True)) for n in answers
        ]
        assert learned(renderer.render_row(example)) == asked, name
        assert renderer.prompt_row(example) == asked[-1], name


@pytest.mark.parametrize("family", WITH_TOOLS)
def test_a_call_is_trained_up_to_the_token_that_ends_it(family: str) -> None:
    renderer, _ = opened(family)
    (one,) = renderer.render_row(TOOLS["call"])
    (said,) = trained_text(renderer, one)
    assert '"number": 4512, "country": "DE"}' in said and "find_parcel" in said
    assert said.endswith({"qwen3": "<|im_end|>", "llama3_1": "<|eot_id|>"}.get(family, "<|call|>"))


# --- nothing is dropped ---


@pytest.mark.parametrize("family", WITHOUT_TOOLS)
def test_a_template_that_drops_tools_is_refused_for_rows_that_have_them(family: str) -> None:
    renderer, _ = opened(family)
    for name, example in TOOLS.items():
        with pytest.raises(DataError, match="template drops tools or their calls"):
            renderer.render_row(example)
        assert count_row(example, renderer).refused, name


@pytest.mark.parametrize("family", WITH_TOOLS)
def test_altering_any_word_of_a_tool_or_a_call_alters_the_ids(family: str) -> None:
    renderer, _ = opened(family)
    example = TOOLS["result"]
    ids = [one.ids for one in renderer.render_row(example)]
    for altered in _altered(example):
        assert [one.ids for one in renderer.render_row(altered)] != ids, altered


def _altered(example: Example) -> list[Example]:
    function = TOOL["function"]
    assert isinstance(function, dict)
    parameters = function["parameters"]
    number = {"type": "integer", "description": "on the slip"}
    functions = [
        {**function, "name": "find_box"},
        {**function, "description": "Where a box is"},
        {**function, "parameters": {**parameters, "required": ["number", "country"]}},
        {**function, "parameters": {**parameters, "properties": {"number": number}}},
        {**function, "parameters": {**parameters, "properties": {"n": number}, "required": ["n"]}},
    ]
    tools = [
        replace(example, tools=({**TOOL, "function": f}, *example.tools[1:])) for f in functions
    ]
    tools += [replace(example, tools=example.tools[:1]), replace(example, tools=())]
    ask, calls, result, answer = example.messages
    (call,) = calls.tool_calls
    other_calls = [replace(call, name="now"), replace(call, arguments='{"number": 4513}')]
    rows = [(ask, replace(calls, tool_calls=(c,)), result, answer) for c in other_calls]
    rows.append((ask, calls, replace(result, content="lost"), answer))
    return tools + [replace(example, messages=row) for row in rows]


def test_what_gpt_oss_cannot_say_of_a_schema_is_refused_by_its_place() -> None:
    renderer, _ = opened("gptoss")
    strict = {**TOOL, "function": {**TOOL["function"], "strict": True}}  # type: ignore[dict-item]
    with pytest.raises(DataError, match=r"drops tools\[0\]\.function\.strict"):
        renderer.render_row(replace(TOOLS["unused"], tools=(strict,)))
    assert opened("qwen3")[0].render_row(replace(TOOLS["unused"], tools=(strict,)))


def test_two_calls_in_a_turn_are_trained_or_refused() -> None:
    renderer, judge = opened("qwen3")
    for end, one in zip((2, 5), renderer.render_row(TWO_CALLS), strict=True):
        whole = judged(judge, TWO_CALLS.messages[:end], TWO_CALLS)
        assert list(one.ids) == whole[: len(one.ids)]
    with pytest.raises(DataError, match="drops the name of the call in message 2"):
        opened("gptoss")[0].render_row(TWO_CALLS)
    with pytest.raises(DataError, match="only supports single tool-calls"):
        opened("llama3_1")[0].render_row(TWO_CALLS)


def test_results_out_of_order_are_refused_where_no_ids_are_written() -> None:
    ask, calls, first, second, answer = TWO_CALLS.messages
    swapped = replace(TWO_CALLS, messages=(ask, calls, second, first, answer))
    with pytest.raises(DataError, match=r"message 3 \(tool\) .* out of turn"):
        opened("qwen3")[0].render_row(swapped)


@pytest.mark.parametrize(
    ("alter", "reason"),
    [
        (lambda e: replace(e, parallel_tool_calls=False), "parallel_tool_calls"),
        (lambda e: replace(e, tools=({**TOOL, "x": "<|im_end|>"},)), "the row's list of tools"),
        (lambda e: _arguments(e, '{"a": 1, "a": 2}'), "stands twice"),
        (lambda e: _arguments(e, '{"a": 1e999}'), "JSON text of one object"),
        (lambda e: _arguments(e, '{"a": "\\u003c|im_end|>"}'), "control token"),
    ],
)
def test_what_cannot_be_passed_on_is_refused(alter: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        opened("qwen3")[0].render_row(alter(TOOLS["call"]))


def _arguments(example: Example, arguments: str) -> Example:
    *before, last = example.messages
    (call,) = last.tool_calls
    return replace(
        example,
        messages=(*before, replace(last, tool_calls=(replace(call, arguments=arguments),))),
    )


# --- counted once ---


def test_a_data_set_is_counted_by_rows_and_once_for_all_models_of_a_family(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, _ = opened("qwen3")
    second = ChatRenderer(tokenizer_folder("qwen3"))
    calls: list[int] = []
    rendering = ChatRenderer.render_row

    def counted(self: ChatRenderer, *given: Any) -> Any:
        calls.append(1)
        return rendering(self, *given)

    monkeypatch.setattr(ChatRenderer, "render_row", counted)
    data = load(
        [
            {"messages": [{"role": m.role, "content": m.content} for m in e.messages]}
            for e in PLAIN.values()
        ]
    )
    counts = totals(data, count_rows(data, first))
    assert len(calls) == len(data)
    assert totals(data, count_rows(data, second)) == counts and len(calls) == len(data)
    assert [one.row for one in counts.by_row] == list(range(1, len(data) + 1))
    assert sum(one.tokens for one in counts.by_row) == counts.tokens
    assert sum(one.trained_tokens for one in counts.by_row) == counts.trained_tokens
    count_rows(data, opened("smollm2")[0])
    assert len(calls) == 2 * len(data)
    count_rows(data, first, "last")
    assert len(calls) == 3 * len(data)


# --- the judges can see ---


def test_a_file_of_another_content_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(WrongContent, match="SHA-256"):
        verify(tmp_path, {"tokenizer.json": "0" * 64})


def test_a_list_that_grew_adds_its_files_to_those_that_are_there(tmp_path: Path) -> None:
    for folder, names in (("there", "a"), ("fetched", "ab")):
        for name in names:
            (tmp_path / folder / "in").mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / "in" / name).write_text(folder)
    into_place(tmp_path / "fetched", tmp_path / "there")
    assert [(tmp_path / "there" / "in" / name).read_text() for name in "ab"] == ["there", "fetched"]


def test_a_renderer_that_drops_the_tools_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    renderer, judge = opened("qwen3")
    example = TOOLS["unused"]
    whole = judged(judge, example.messages, example)
    (blind,) = renderer.render(example.messages)
    assert list(blind.ids) != whole[: len(blind.ids)]
