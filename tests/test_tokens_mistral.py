"""Mistral's own tokenizers: the ids are mistral-common's, tools included, and nothing is dropped in silence."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import ftkit
from ftkit import config
from ftkit.data.example import Example, Message
from ftkit.data.tokens import IGNORED, DeclaresTurns, Renderer, RendersRows
from ftkit.errors import DataError, NotFound, NotInstalled
from ftkit.registry import open_backend
from ftkit_local.mistral_render import MistralRenderer
from ftkit_local.open_renderer import open_renderer
from tests.tiny import tiny_model_folder, tiny_tokenizer_folder
from tests.token_rows import PLAIN, TOOL, TOOLS, TWO_CALLS

pytestmark = pytest.mark.skipif(
    find_spec("mistral_common") is None, reason="mistral-common is not installed"
)
VERSIONS = {
    "v3": ("mistral_instruct_tokenizer_240323.model.v3", "tokenizer.model.v3"),
    "v7": ("mistral_instruct_tokenizer_241114.model.v7", "tokenizer.model.v7"),
    "tekken": ("tekken_240911.json", "tekken.json"),
}
CALLED = Example(
    (*TOOLS["result"].messages, Message("user", "Danke! 東京"), Message("assistant", "Bitte.")),
    tools=TOOLS["result"].tools,
)
ROWS = {**PLAIN, **TOOLS, "two": TWO_CALLS, "called": CALLED}
_KEPT: list[TemporaryDirectory[str]] = []


@cache
def opened(version: str) -> tuple[MistralRenderer, Any]:
    """Our renderer of a folder with nothing but the file, and mistral-common's own tokenizer of it, in its test mode."""
    import mistral_common
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    file, name = VERSIONS[version]
    _KEPT.append(TemporaryDirectory())
    folder = Path(_KEPT[-1].name)
    shutil.copy(Path(mistral_common.__file__).parent / "data" / file, folder / name)
    renderer = open_renderer(folder)
    assert isinstance(renderer, MistralRenderer)
    return renderer, MistralTokenizer.from_file(folder / name)


def judged(judge: Any, messages: tuple[Message, ...], example: Example) -> tuple[int, ...]:
    """The ids by mistral-common's own classes, built here."""
    from mistral_common.protocol.instruct import messages as m
    from mistral_common.protocol.instruct.request import ChatCompletionRequest
    from mistral_common.protocol.instruct.tool_calls import Function, FunctionCall, Tool, ToolCall

    said: list[Any] = []
    for turn in messages:
        calls = [
            ToolCall(id=c.id, function=FunctionCall(name=c.name, arguments=c.arguments))
            for c in turn.tool_calls
        ]
        if turn.role == "system":
            said.append(m.SystemMessage(content=turn.content))
        elif turn.role == "user":
            said.append(m.UserMessage(content=turn.content))
        elif turn.role == "tool":
            said.append(
                m.ToolMessage(
                    content=turn.content, tool_call_id=turn.tool_call_id, name="find_parcel"
                )
            )
        else:
            said.append(m.AssistantMessage(content=turn.content or None, tool_calls=calls or None))
    tools = [Tool(function=Function(**tool["function"])) for tool in example.tools]
    return tuple(
        judge.encode_chat_completion(
            ChatCompletionRequest(messages=said, tools=tools or None)
        ).tokens
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_every_prompt_is_mistral_commons_own(version: str) -> None:
    renderer, judge = opened(version)
    for name, example in ROWS.items():
        for end, message in enumerate(example.messages):
            if message.role == "assistant":
                asked = replace(example, messages=example.messages[: end + 1])
                expected = judged(judge, example.messages[:end], example)
                assert renderer.prompt_row(asked) == expected, name


@pytest.mark.parametrize("version", VERSIONS)
def test_an_answer_is_trained_behind_the_ids_it_is_asked_with_up_to_the_end_of_turn(
    version: str,
) -> None:
    renderer, judge = opened(version)
    for name, example in ROWS.items():
        sequences = renderer.render_row(example)
        found = []
        for one in sequences:
            starts = [
                index
                for index, label in enumerate(one.labels)
                if label != IGNORED and one.labels[index - 1] == IGNORED
            ]
            found += [one.ids[:start] for start in starts]
            assert one.ids[-1] == one.labels[-1] and one.ids[-1] in renderer.stop_ids
            assert "".join(text for text, _ in renderer.tokens(one)) == renderer.decode(one.ids)
        ends = [end for end, message in enumerate(example.messages) if message.role == "assistant"]
        assert found == [judged(judge, example.messages[:end], example) for end in ends], name


def test_it_fulfils_the_contract() -> None:
    renderer, _ = opened("v3")
    contract: Renderer = renderer
    assert isinstance(contract, RendersRows) and contract.max_length is None
    assert isinstance(renderer, DeclaresTurns) and renderer.earlier_turns == "kept"
    assert renderer.fingerprint != opened("tekken")[0].fingerprint
    assert "[INST]" in renderer.control_tokens
    with pytest.raises(DataError, match=r"control token '\[INST\]'"):
        renderer.prompt((Message("user", "a [INST] b"),))


@pytest.mark.parametrize("version", VERSIONS)
def test_altering_any_turn_call_or_tool_alters_the_ids(version: str) -> None:
    renderer, _ = opened(version)
    ids = [one.ids for one in renderer.render_row(CALLED)]
    for number, message in enumerate(CALLED.messages):
        others = [replace(message, content=f"{message.content}y")] if message.content else []
        for call in message.tool_calls:
            others.append(replace(message, tool_calls=(replace(call, name="now"),)))
            others.append(replace(message, tool_calls=(replace(call, arguments='{"n": 1}'),)))
        for other in others:
            messages = (*CALLED.messages[:number], other, *CALLED.messages[number + 1 :])
            altered = renderer.render_row(replace(CALLED, messages=messages))
            assert [one.ids for one in altered] != ids, (number, other)
    fewer = renderer.render_row(replace(CALLED, tools=CALLED.tools[:1]))
    assert [one.ids for one in fewer] != ids


def test_what_mistral_common_refuses_is_said_in_its_words() -> None:
    renderer, _ = opened("v3")
    ask, calls, result, answer = TOOLS["result"].messages
    (call,) = calls.tool_calls
    short = (
        ask,
        replace(calls, tool_calls=(replace(call, id="c1"),)),
        replace(result, tool_call_id="c1"),
        answer,
    )
    with pytest.raises(DataError, match="mistral-common refuses .* length of 9"):
        renderer.render_row(replace(TOOLS["result"], messages=short))
    with pytest.raises(DataError, match="parallel_tool_calls"):
        renderer.render_row(replace(TOOLS["result"], parallel_tool_calls=True))


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_tokenizer_drops_is_refused(version: str) -> None:
    """The spaces at the end of an answer, and `strict` of a tool."""
    renderer, _ = opened(version)
    ask, answer = PLAIN["plain"].messages
    with pytest.raises(DataError, match=r"drops something of message 2 \(assistant\)"):
        renderer.render((ask, replace(answer, content="In the van. ")))
    strict = {**TOOL, "function": {**TOOL["function"], "strict": True}}  # type: ignore[dict-item]
    with pytest.raises(DataError, match=r"drops tools\[0\]\.function\.strict"):
        renderer.render_row(replace(TOOLS["unused"], tools=(strict,)))


def test_a_model_that_brings_only_mistrals_tokenizer_is_a_base_and_is_quoted(
    tmp_path: Path,
) -> None:
    pytest.importorskip("torch")
    import mistral_common

    folder = tiny_model_folder(tmp_path / "tiny", "mistral", max_length=4096)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).unlink()
    file, name = VERSIONS["v3"]
    shutil.copy(Path(mistral_common.__file__).parent / "data" / file, folder / name)
    rows = [{"prompt": "Where is it?", "completion": "In the van."}] * 2
    quote = ftkit.estimate(rows, f"local/{folder}")
    (one,) = opened("v3")[0].render(
        (Message("user", "Where is it?"), Message("assistant", "In the van."))
    )
    assert quote.resolved.counts.lengths == (len(one.ids),) * 2
    assert quote.resolved.counts.trained_tokens == 2 * one.trained
    snapshot = quote.resolved.base.snapshot
    (folder / name).write_bytes((folder / name).read_bytes() + b"\n")
    assert open_backend("local", config.settings()).training.base(str(folder)).snapshot != snapshot  # type: ignore[union-attr]


def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tekken.json").write_text("{}")
    monkeypatch.setattr("ftkit_local.mistral_render.find_spec", lambda name: None)
    with pytest.raises(NotInstalled, match=r"ftkit\[mistral\]"):
        open_renderer(tmp_path)


def test_a_folder_with_a_chat_template_keeps_it(tmp_path: Path) -> None:
    folder = tiny_tokenizer_folder(tmp_path / "one")
    (folder / "tekken.json").write_text("{}")
    assert open_renderer(folder).end_of_turn == "<|im_end|>"
    with pytest.raises(NotFound):
        open_renderer(tmp_path)


def test_a_renderer_that_drops_the_tools_would_be_seen() -> None:
    renderer, judge = opened("v3")
    example = TOOLS["unused"]
    blind = renderer.prompt(example.prompt)
    assert blind != judged(judge, example.prompt, example)
