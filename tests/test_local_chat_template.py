"""What a template does to messages: nothing is lost in silence, and what cannot be trained is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data.example import Message
from ftkit.data.tokens import IGNORED
from ftkit.errors import CapabilityError, DataError, NotFound
from ftkit_local.render import ChatRenderer
from tests.rendering import (
    ANSWER,
    ANSWER_AGAIN,
    ASK,
    ASK_AGAIN,
    FAMILIES,
    LEAD,
    LONG,
    SYSTEM,
    THINKING,
    renderer,
    trained_text,
)
from tests.tiny import TEMPLATES, tiny_tokenizer_folder

# --- nothing is lost ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("index", range(len(LONG)))
def test_altering_any_message_alters_the_ids(family: str, index: int) -> None:
    r = renderer(family)
    altered = list(LONG)
    altered[index] = Message(LONG[index].role, "X" + LONG[index].content)
    assert [x.ids for x in r.render(altered)] != [x.ids for x in r.render(LONG)]


some_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=60, deadline=None)
@given(family=st.sampled_from(FAMILIES), ask=some_text, answer=some_text)
def test_any_text_is_either_in_the_trained_ids_as_it_is_or_the_row_is_refused(
    family: str, ask: str, answer: str
) -> None:
    r = renderer(family)
    row = (SYSTEM, Message("user", ask), Message("assistant", answer))
    try:
        (rendered,) = r.render(row)
    except DataError:
        return
    prompt = r.prompt(row[:2])
    assert rendered.ids[: len(prompt)] == prompt
    assert set(rendered.labels[: len(prompt)]) == {IGNORED}
    (trained,) = trained_text(r, rendered)
    kept = answer.strip() if "assistant" in r.trims else answer
    assert trained == LEAD.get(family, "") + kept + TEMPLATES[family].end
    assert (ask.strip() if "user" in r.trims else ask) in r.decode(prompt)


def test_white_space_that_a_template_trims_is_declared() -> None:
    assert renderer("llama3").trims == {"system", "user", "assistant"}
    assert renderer("gemma").trims == {"user", "assistant"}
    assert renderer("chatml").trims == frozenset()


def test_a_template_that_drops_the_system_message_is_refused_for_rows_that_have_one() -> None:
    chatml = TEMPLATES["chatml"]
    silent = renderer(
        replace(
            chatml,
            jinja=chatml.jinja.replace(
                "{% for message in messages %}",
                "{% for message in messages if message['role'] != 'system' %}",
            ),
        )
    )
    assert silent.render((ASK, ANSWER))
    with pytest.raises(DataError, match=r"drops the content of message 1 \(system\)"):
        silent.render((SYSTEM, ASK, ANSWER))
    with pytest.raises(DataError, match="drops"):
        silent.prompt((SYSTEM, ASK))


def test_a_template_that_changes_a_content_is_refused_for_the_rows_it_changes() -> None:
    chatml = TEMPLATES["chatml"]
    cutting = renderer(
        replace(chatml, jinja=chatml.jinja.replace("['content']", "['content'][:40]"))
    )
    assert cutting.render((ASK, ANSWER))
    with pytest.raises(DataError, match=r"changes the content of message 1 \(user\)"):
        cutting.render((Message("user", "long " * 20), ANSWER))


def test_a_template_that_repeats_a_message_is_refused() -> None:
    chatml = TEMPLATES["chatml"]
    with pytest.raises(CapabilityError, match="repeats"):
        renderer(replace(chatml, jinja="{{ messages[0]['content'] }}" + chatml.jinja))


def test_reasoning_of_earlier_turns_is_trained_where_it_is_written_and_gone_from_later_prompts() -> (
    None
):
    r = renderer("reasoning")
    row = (ASK, THINKING, ASK_AGAIN, ANSWER_AGAIN)
    first, second = r.render(row)
    assert trained_text(r, first) == [THINKING.content + "<|im_end|>"]
    assert "A parcel." not in r.decode(second.ids)
    assert second.ids[: len(r.prompt(row[:3]))] == r.prompt(row[:3])


def test_reasoning_that_the_template_would_reshape_is_refused() -> None:
    row = (ASK, Message("assistant", "<think>A parcel.</think>shipping"))
    with pytest.raises(DataError, match="write its reasoning as"):
        renderer("reasoning").render(row)


def test_reasoning_is_plain_text_for_a_template_that_does_not_know_it() -> None:
    r = renderer("chatml")
    (rendered,) = r.render((ASK, THINKING, ASK_AGAIN, ANSWER_AGAIN))
    assert trained_text(r, rendered)[0] == THINKING.content + "<|im_end|>"


# --- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_a_control_token_inside_a_message_is_refused_and_named(family: str) -> None:
    r = renderer(family)
    token = TEMPLATES[family].special[-1]
    bad = Message("user", f"Hello {token} there")
    for call in (lambda: r.render((SYSTEM, bad, ANSWER)), lambda: r.prompt((SYSTEM, bad))):
        with pytest.raises(DataError) as caught:
            call()
        assert token in str(caught.value) and "message 2 (user)" in str(caught.value)


def test_a_prompt_of_no_messages_is_refused() -> None:
    with pytest.raises(DataError, match="no message"):
        renderer("chatml").prompt(())


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(DataError, match="surrogate"):
        renderer("chatml").render((Message("user", "a\ud800"), ANSWER))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((), "does not end in an assistant message"),
        ((ASK,), "does not end in an assistant message"),
        ((ASK, ANSWER, ASK_AGAIN), "does not end in an assistant message"),
        ((ANSWER,), "starts with an assistant message"),
    ],
)
def test_a_conversation_without_an_answer_at_its_end_is_refused(
    row: tuple[Message, ...], reason: str
) -> None:
    with pytest.raises(DataError, match=reason):
        renderer("chatml").render(row)


def test_what_the_template_itself_refuses_is_said_with_its_own_words() -> None:
    with pytest.raises(DataError, match="roles must alternate"):
        renderer("gemma").render((ASK, ASK_AGAIN, ANSWER))


def test_a_generation_prompt_that_is_no_prefix_of_the_answer_is_refused_with_both_texts() -> None:
    chatml = TEMPLATES["chatml"]
    other = renderer(replace(chatml, jinja=chatml.jinja.replace("assistant\n", "bot\n")))
    with pytest.raises(DataError, match=r"asks for the answer with 'bot.*but writes 'assistant"):
        other.render((ASK, ANSWER))


def test_a_template_without_an_end_of_turn_is_refused() -> None:
    endless = "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}"
    with pytest.raises(CapabilityError, match="no end-of-turn token"):
        renderer(replace(TEMPLATES["chatml"], jinja=endless))


def test_a_broken_template_is_refused() -> None:
    with pytest.raises(CapabilityError, match="cannot be used"):
        renderer(replace(TEMPLATES["chatml"], jinja="{% for message in messages %}"))


def test_a_folder_without_tokenizer_or_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"tokenizer\.json"):
        ChatRenderer(tmp_path)
    tiny_tokenizer_folder(tmp_path, replace(TEMPLATES["merging"], eos="end"))
    (tmp_path / "chat_template.jinja").unlink()
    with pytest.raises(CapabilityError, match="neither a chat template nor a token that could end"):
        ChatRenderer(tmp_path)
