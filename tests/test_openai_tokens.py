"""Tokens as OpenAI counts them: the right vocabulary, 3 special tokens a message, and rows that would fail a job."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import ftkit
from ftkit.data.example import Message
from ftkit.errors import DataError, NotInstalled
from ftkit_openai.tokens import CONTROL_TOKENS, OpenAIRenderer, base_name, encoding_name
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import BASE, ROWS, submit

pytest_plugins = ("tests.openai_fixtures",)

ORACLE = (
    Message("system", "Classify text as positive or negative"),
    Message("user", "cool"),
    Message("assistant", "positive"),
)


@pytest.fixture(scope="module")
def renderer() -> OpenAIRenderer:
    return OpenAIRenderer(BASE, 65_536)


def test_the_example_of_the_guide_has_21_tokens_and_24_with_the_reply_primed(
    renderer: OpenAIRenderer,
) -> None:
    (rendered,) = renderer.render(ORACLE)
    assert len(rendered.ids) == 21
    assert len(renderer.prompt(ORACLE)) == 24
    assert rendered.trained == 2


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("ft:gpt-4.1-2025-04-14:org::1", "o200k_base"),
        ("ft:gpt-4.1-mini-2025-04-14:org:suffix:1:ckpt-step-9", "o200k_base"),
        ("ft:gpt-4o-mini-2024-07-18:org::1", "o200k_base"),
        ("gpt-4.1", "o200k_base"),
        ("ft:gpt-3.5-turbo-0125:org::1", "cl100k_base"),
        ("davinci-002", "cl100k_base"),
    ],
)
def test_a_tuned_model_has_the_vocabulary_of_its_base(model: str, encoding: str) -> None:
    """tiktoken 0.14.0 takes cl100k_base for `ft:gpt-4.1...`, which is wrong."""
    assert encoding_name(model) == encoding


def test_the_base_is_read_off_the_name_of_a_tuned_model() -> None:
    assert base_name(f"ft:{BASE}:org:suffix:1:ckpt-step-9") == BASE
    assert base_name(BASE) == BASE


@pytest.mark.skipif(find_spec("tiktoken") is None, reason="tiktoken is not installed")
def test_the_trap_is_still_there() -> None:
    import tiktoken

    assert tiktoken.encoding_name_for_model("ft:gpt-4.1-mini:org::1") != "o200k_base"


@pytest.mark.skipif(find_spec("quicktok") is None, reason="quicktok, the judge, is not installed")
@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_another_implementation_gives_the_same_ids(text: str) -> None:
    import quicktok

    judge = quicktok.get_encoding("o200k_base")
    renderer = OpenAIRenderer(BASE, None)
    assert renderer._plain(text) == list(judge.encode_ordinary(text))


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_pieces_are_the_text_again(text: str) -> None:
    assume(not any(token in text for token in CONTROL_TOKENS))
    renderer = OpenAIRenderer(BASE, None)
    (rendered,) = renderer.render((Message("user", "hi"), Message("assistant", text)))
    said = "".join(piece for piece, _ in renderer.tokens(rendered))
    assert said == renderer.decode(rendered.ids)
    assert said.endswith(f"<|im_start|>assistant<|im_sep|>{text}<|im_end|>")


def test_the_emulators_own_count_is_the_same(emulator: OpenAIEmulator) -> None:
    emulator.set(tokens="o200k")
    job = submit(hyperparameters={"epochs": 1}).wait(60)
    assert job.cost_usd is not None
    assert job.plan["tokens"] * 3 == int(job.cost_usd * 1_000_000)


@pytest.mark.parametrize("token", ["<|fim_suffix|>", "<|endoftext|>", "<|im_end|>"])
def test_a_control_token_in_a_row_is_refused_by_its_number_before_the_upload(
    token: str, emulator: OpenAIEmulator
) -> None:
    """At OpenAI the whole job fails for it, at row 6,174 of a file that was uploaded."""
    rows = [dict(row) for row in ROWS]
    rows[6]["completion"] = f"a {token} b"
    with pytest.raises(DataError, match=r"row 7.*") as refused:
        submit(rows)
    assert token in str(refused.value)
    assert emulator.counts()["requests"] == {}


def test_a_row_over_65_536_tokens_is_told_before_its_answer_is_cut_off(
    emulator: OpenAIEmulator,
) -> None:
    rows = [*ROWS, {"prompt": "word " * 70_000, "completion": "an answer that OpenAI would cut"}]
    found = ftkit.check(rows, model=f"openai/{BASE}")
    assert any("13" in str(finding.rows) for finding in found.findings), str(found)


def test_without_a_vocabulary_the_package_that_carries_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ftkit_openai import tokens

    monkeypatch.setattr(tokens, "find_spec", lambda name: None)
    tokens._encoding.cache_clear()
    with pytest.raises(NotInstalled, match="bpe-openai"):
        OpenAIRenderer(BASE, None)
