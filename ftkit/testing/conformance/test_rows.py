"""Rows as they are sent, and the request as it would be sent."""

from __future__ import annotations

import json
import os

import pytest

from ftkit.backend import Base, Pricing, Training
from ftkit.data.example import Message
from ftkit.errors import NotFound
from ftkit.testing.conformance.subject import Subject
from ftkit.testing.conformance.work import SYSTEM, Work

TRICKY = (
    'quotes " and \\ and a tab\t',
    "two\nlines\r\nand a third",
    "separators \u2028 \u2029 \x85 that are no line ends",
    "emoji \U0001f44d\U0001f3fd, accents e\u0301, right to left \u05e9\u05dc\u05d5\u05dd",
)


@pytest.mark.judges("encode")
@pytest.mark.parametrize("text", TRICKY)
def test_a_row_is_one_line_of_json_that_holds_the_text(text: str, training: Training) -> None:
    """One JSON object, UTF-8, no line end inside, and the text in it as it was."""
    row = training.encode(
        (Message("system", SYSTEM), Message("user", text), Message("assistant", text[::-1]))
    )
    assert b"\n" not in row and b"\r" not in row
    held = _texts(json.loads(row.decode("utf-8")))
    assert {SYSTEM, text, text[::-1]} <= held


@pytest.mark.judges("encode")
def test_the_same_row_is_the_same_bytes(training: Training) -> None:
    """The key of a job is made from these bytes."""
    row = (Message("user", TRICKY[0]), Message("assistant", "yes"))
    assert training.encode(row) == training.encode(tuple(row))
    assert training.encode(row) != training.encode((row[0], Message("assistant", "no")))


@pytest.mark.judges("base")
def test_a_base_is_pinned_to_its_content(subject: Subject, training: Training) -> None:
    """The same name gives the same snapshot; a name that is none is NotFound."""
    found = training.base(subject.base)
    assert isinstance(found, Base) and found.id and found.snapshot
    assert training.base(subject.base) == found
    with pytest.raises(NotFound):
        training.base("there/is-no-such-model")


@pytest.mark.judges("renderer")
def test_what_is_trained_follows_what_is_asked(subject: Subject, training: Training) -> None:
    """Where the tokenizer is at hand: the ids before the trained answer are those that the model is asked with."""
    renderer = training.renderer(training.base(subject.base))
    if renderer is None:
        pytest.skip("the provider keeps its tokenizer")
    messages = (Message("user", "Where is it?"), Message("assistant", "on its way"))
    (rendered,) = renderer.render(messages)
    prompt = renderer.prompt(messages[:1])
    assert rendered.ids[: len(prompt)] == prompt
    assert rendered.trained == len(rendered.ids) - len(prompt)


@pytest.mark.judges("preview")
def test_a_preview_shows_no_credential_and_sends_nothing(
    work: Work,
    subject: Subject,
    pricing: Pricing,
    training: Training,
    request: pytest.FixtureRequest,
) -> None:
    """A dry run is printed, pasted and committed; it is the request without what proves who asks."""
    ready = work.request("previewed", pricing, training)
    request.getfixturevalue("blocked_network")
    shown = json.dumps(dict(training.preview(ready)), default=str)
    assert dict(training.preview(ready)) == dict(training.preview(ready))
    assert ready.key in shown, "the key by which the job is found again is not in the request"
    for name in subject.environment:
        assert os.environ[name] not in shown, f"the value of {name} is in the preview"


@pytest.mark.judges("preview")
def test_a_preview_creates_nothing(
    work: Work, subject: Subject, pricing: Pricing, training: Training
) -> None:
    """What was only looked at is not there afterwards."""
    ready = work.request("only looked at", pricing, training)
    training.preview(ready)
    assert training.find(ready.key) == []
    if subject.witness is not None:
        assert subject.witness.jobs().get(ready.key, 0) == 0


def _texts(value: object) -> set[str]:
    if isinstance(value, str):
        return {value}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {text for part in parts for text in _texts(part)}
