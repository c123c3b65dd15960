"""Rows of every family (properties 5 to 8): nothing of one is dropped, and what cannot be trained on is refused by number."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ftkit.cli.main import app
from ftkit.data.example import Example, Image, Message
from ftkit.data.tokens import IGNORED, Rendered
from ftkit.errors import DataError
from tests.families import (
    FAMILIES,
    model_folder,
    opened,
    shows,
)
from tests.family_rows import (
    LONG,
    REASONED,
    REASONING,
    answers_of,
    control_of,
    read,
)
from tests.rendering import trained_text
from tests.token_rows import (
    ANSWER,
    ASK,
    CALLS,
    PLAIN,
    RESULT,
    SYSTEM,
    TOOL,
    TOOLS,
    as_wire,
)

# --- 5: nothing is dropped in silence ----------------------------------------------------------------------------


@shows(5)
def test_altering_any_message_alters_the_ids(family: str) -> None:
    renderer, _ = opened(family)
    for example in (LONG, REASONING["reasoned turns"]):
        ids = [one.ids for one in renderer.render_row(example)]
        for n, message in enumerate(example.messages):
            for text in (message.content + "x", "x" + message.content, message.content[:-1] + "y"):
                if text.startswith("x<think>"):
                    continue  # not the same reasoning any more; see the next test
                altered = list(example.messages)
                altered[n] = replace(message, content=text)
                assert [one.ids for one in renderer.render_row(Example(tuple(altered)))] != ids


@shows(5)
def test_altering_the_reasoning_alters_the_ids_or_the_row_is_refused(family: str) -> None:
    renderer, _ = opened(family)
    ids = renderer.render_row(REASONING["reasoned"])[0].ids
    for text in (
        REASONED.content.replace("Monday", "Friday"),
        REASONED.content.replace("\n</think>\n\n", "</think>"),
        REASONED.content.replace("<think>\n", "<think>"),
        "x" + REASONED.content,
        REASONED.content.replace("</think>", ""),
        REASONED.content + "</think>",
    ):
        try:
            (one,) = renderer.render_row(Example((ASK, Message("assistant", text))))
        except DataError:
            continue
        assert one.ids != ids
        assert text in renderer.decode(one.ids), "reshaped without a word"


IMAGE = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]  # fmt: skip


@shows(5)
def test_what_a_template_has_no_place_for_is_refused_with_the_rows_number(
    family: str, tmp_path: Path
) -> None:
    ask, answer = as_wire(ASK), as_wire(ANSWER)
    rows: list[Any] = [
        {"messages": [ask, answer]},
        {"messages": [{**ask, "name": "ann"}, answer]},
        {"messages": [{**ask, "content": IMAGE}, answer]},
        {"messages": [ask, {**answer, "weight": 0}, ask, answer]},
        {"messages": [ask, {**answer, "reasoning_content": "It left on Monday."}]},
        {"messages": [ask, answer], "parallel_tool_calls": False, "tools": [TOOL]},
        {"messages": [ask, {**answer, "content": "In the van.\ud800"}]},
    ]
    with pytest.raises(DataError) as caught:
        read(rows, family, tmp_path)
    assert [fault.row for fault in caught.value.faults] == [2, 3, 4, 5, 6, 7]
    with pytest.raises(DataError, match="an image"):
        opened(family)[0].render_row(
            Example((Message("user", "a", parts=("a", Image("https://x.example/a.png"))), ANSWER))
        )


@shows(5)
def test_altering_a_tool_a_call_or_a_result_alters_the_ids_or_the_row_is_refused(
    family: str, tmp_path: Path
) -> None:
    renderer, _ = opened(family)
    if not FAMILIES[family].tools:
        with pytest.raises(DataError, match="drops tools or their calls") as caught:
            read([PLAIN["plain"], *TOOLS.values()], family, tmp_path)
        assert [fault.row for fault in caught.value.faults] == [2, 3, 4, 5, 6]
        return
    example = TOOLS["result"]
    ids = [one.ids for one in renderer.render_row(example)]
    function: Any = TOOL["function"]
    (call,) = CALLS.tool_calls
    one = {**TOOL, "function": {**function, "description": "Where a box is"}}
    altered = [
        replace(example, tools=(one, *example.tools[1:])),
        replace(example, tools=example.tools[:1]),
        replace(example, messages=(ASK, replace(CALLS, tool_calls=(replace(call, name="now"),)), RESULT, ANSWER)),
        replace(example, messages=(ASK, replace(CALLS, tool_calls=(replace(call, arguments='{"number": 1}'),)), RESULT, ANSWER)),
        replace(example, messages=(ASK, CALLS, replace(RESULT, content="lost"), ANSWER)),
    ]  # fmt: skip
    for row in altered:
        assert [one.ids for one in renderer.render_row(row)] != ids


# --- 6: no empty row ---------------------------------------------------------------------------------------------


@shows(6)
def test_rows_without_an_answer_and_rows_over_the_limit_are_refused_by_number_never_cut(
    family: str, tmp_path: Path
) -> None:
    long = Example((Message("user", "please " * 700), ANSWER))
    rows = [PLAIN["plain"], Example((ASK,)), long, Example((SYSTEM, ASK)), PLAIN["turns"]]
    with pytest.raises(DataError) as caught:
        read(rows, family, tmp_path)
    assert [fault.row for fault in caught.value.faults] == [2, 3, 4]
    assert "more than max_length 600" in str(caught.value.faults[1])
    for row in read([PLAIN["plain"], PLAIN["turns"]], family, tmp_path):
        assert row.weight > 0
    (empty,) = read([Example((ASK, Message("assistant", "")))], family, tmp_path)
    lead = FAMILIES[family].lead
    assert trained_text(opened(family)[0], empty) == [lead + FAMILIES[family].end]


@shows(6)
def test_a_row_of_which_nothing_would_be_trained_is_refused_by_number(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer, _ = opened(family)
    rendering = type(renderer).render_row

    def masked(self: Any, example: Example, train_on: str = "assistant") -> tuple[Rendered, ...]:
        found = rendering(self, example, train_on)
        if example.system is None:
            return found
        return tuple(Rendered(one.ids, (IGNORED,) * len(one.ids)) for one in found)

    monkeypatch.setattr(type(renderer), "render_row", masked)
    with pytest.raises(DataError, match="there is no token to learn") as caught:
        read([PLAIN["plain"], PLAIN["system"]], family, tmp_path)
    assert [fault.row for fault in caught.value.faults] == [2]


# --- 7: control tokens -------------------------------------------------------------------------------------------


@shows(7)
def test_each_control_token_of_the_tokenizer_is_refused_in_a_row_and_named(
    family: str, tmp_path: Path
) -> None:
    renderer, _ = opened(family)
    control = list(control_of(family).values())
    assert len(control) >= 9
    for token in control:
        with pytest.raises(DataError, match=re.escape(repr(token))):
            renderer.render_row(Example((Message("user", f"a {token} b"), ANSWER)))
    bad = [Example((ASK, Message("assistant", control[0]))), Example((Message("system", control[-1]), ASK, ANSWER))]  # fmt: skip
    with pytest.raises(DataError) as caught:
        read([PLAIN["plain"], *bad], family, tmp_path)
    assert [fault.row for fault in caught.value.faults] == [2, 3]
    assert "message 2 (assistant)" in str(caught.value.faults[0])


pieces = st.lists(
    st.sampled_from(
        ("<|", "|>", "<", ">", "im_", "im_end", "end", "start", "eot_id", "<end_of_", "turn>", "|")
        + ("<|im_", "<|eot", "_id|>", "return|>", "<|return", "<bos", "</s", " ", "\n", "x")
    ),
    max_size=6,
).map("".join)


@shows(7)
@settings(max_examples=60, deadline=None)
@given(ask=pieces, answer=pieces)
def test_pieces_of_control_tokens_never_join_to_one(family: str, ask: str, answer: str) -> None:
    renderer, _ = opened(family)
    control = control_of(family)

    def structure(example: Example) -> list[int]:
        return [id for one in renderer.render_row(example) for id in one.ids if id in control]

    try:
        found = structure(Example((Message("user", ask), Message("assistant", answer))))
    except DataError:
        return
    assert found == structure(Example((Message("user", "x"), Message("assistant", "x"))))


# --- 8: a person can look ----------------------------------------------------------------------------------------


@shows(8)
def test_show_mask_marks_what_is_trained_and_declares_what_becomes_of_earlier_turns(
    family: str, tmp_path: Path
) -> None:
    renderer, _ = opened(family)
    data = tmp_path / "rows.jsonl"
    rows = [{"messages": [as_wire(message) for message in example.messages]} for example in (PLAIN["plain"], LONG)]  # fmt: skip
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    command = ["check", str(data), "--model", f"local/{model_folder(family)}", "--show-mask", "2"]
    shown = CliRunner().invoke(app, command, env={"COLUMNS": "20000"})
    told = CliRunner().invoke(app, [*command, "--json"])
    assert (shown.exit_code, told.exit_code) == (0, 0), shown.output + told.output

    facts = FAMILIES[family]
    sequences = renderer.render_row(LONG)
    value = json.loads(told.stdout)
    for one, pieces in zip(sequences, value["sequences"], strict=True):
        assert "".join(piece["text"] for piece in pieces) == renderer.decode(one.ids)
        learned = "".join(piece["text"] for piece in pieces if piece["trained"])
        assert learned == "".join(trained_text(renderer, one))
        assert f"{one.trained} of {len(one.ids)} tokens are trained" in shown.stdout
    assert shown.stdout.count(f"[{facts.end}]") == len(answers_of(LONG))
    assert value["earlier_turns"] == ("kept" if facts.keeps_turns else "rewritten")
    policy = "rewrites an answer once its turn is over" in shown.stdout
    assert policy is not facts.keeps_turns
    assert policy is (len(sequences) > 1)
