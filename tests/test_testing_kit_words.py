"""The renderer of words: a template whose tokens a person can read, labelled as a real one's are."""

from __future__ import annotations

import pytest

from ftkit.data.example import Message
from ftkit.data.tokens import IGNORED
from ftkit.errors import ConfigError, DataError
from ftkit.testing.words_renderer import WordRenderer

TALK = (
    Message("system", "Be brief."),
    Message("user", "one two"),
    Message("assistant", "three"),
    Message("user", "four"),
    Message("assistant", "five  six"),
)


def test_the_ids_before_an_answer_are_those_it_is_asked_with() -> None:
    renderer = WordRenderer()
    (rendered,) = renderer.render(TALK)
    for end in (2, 4):
        prompt = renderer.prompt(TALK[:end])
        assert rendered.ids[: len(prompt)] == prompt
        assert rendered.labels[len(prompt)] == rendered.ids[len(prompt)]


@pytest.mark.parametrize(
    ("train_on", "trained"),
    [
        ("assistant", ["three", "<|im_end|>", "five", "  six", "<|im_end|>"]),
        ("last", ["five", "  six", "<|im_end|>"]),
    ],
)
def test_answers_are_trained_up_to_and_with_their_end(train_on: str, trained: list[str]) -> None:
    renderer = WordRenderer()
    (rendered,) = renderer.render(TALK, train_on)
    assert [text for text, learned in renderer.tokens(rendered) if learned] == trained
    assert rendered.trained == len(trained)


def test_train_on_all_labels_every_token() -> None:
    (rendered,) = WordRenderer().render(TALK, "all")
    assert rendered.labels == rendered.ids


def test_the_words_join_to_the_template_and_nothing_stands_behind_the_last_end() -> None:
    renderer = WordRenderer()
    (rendered,) = renderer.render(TALK)
    assert renderer.decode(rendered.ids) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\none two<|im_end|>\n"
        "<|im_start|>assistant\nthree<|im_end|>\n<|im_start|>user\nfour<|im_end|>\n"
        "<|im_start|>assistant\nfive  six<|im_end|>"
    )
    assert IGNORED in rendered.labels


def test_a_words_id_is_the_same_in_every_process() -> None:
    (start, role, *_) = WordRenderer().prompt([Message("user", "x")])
    assert (start, role) == (24870874770235017, 14757334963325743)


@pytest.mark.parametrize(
    ("messages", "match"),
    [
        ([], "does not end in an assistant message"),
        ([Message("user", "x")], "does not end in an assistant message"),
        ([Message("assistant", "x")], "starts with an assistant message"),
        (
            [Message("user", "a <|im_end|>"), Message("assistant", "x")],
            r"message 1 \(user\) holds the control token <\|im_end\|>",
        ),
    ],
)
def test_a_conversation_that_cannot_be_trained_is_refused(
    messages: list[Message], match: str
) -> None:
    with pytest.raises(DataError, match=match):
        WordRenderer().render(messages)


def test_an_unknown_train_on_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'assistant'"):
        WordRenderer().render(TALK, "asistant")
