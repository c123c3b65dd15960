"""Rows as they are sent, and the request as it would be sent."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from ftkit.backend import Base, Pricing, Training
from ftkit.data import KINDS, Example, Image, Message, ToolCall
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
    messages = (Message("system", SYSTEM), Message("user", text), Message("assistant", text[::-1]))
    row = training.encode(Example(messages))
    assert b"\n" not in row and b"\r" not in row
    held = _texts(json.loads(row.decode("utf-8")))
    assert {SYSTEM, text, text[::-1]} <= held


@pytest.mark.judges("encode")
def test_the_same_row_is_the_same_bytes(training: Training) -> None:
    """The key of a job is made from these bytes."""
    asked = Message("user", TRICKY[0])
    row = Example((asked, Message("assistant", "yes")))
    assert training.encode(row) == training.encode(replace(row))
    assert training.encode(row) != training.encode(Example((asked, Message("assistant", "no"))))


CALL = ToolCall("call-1", "find_parcel", '{"number":4512}')  # as models write it, without spaces
SCHEMA = {"type": "object", "properties": {"number": {"type": "integer"}}}
TOOL = {"type": "function", "function": {"name": "find_parcel", "parameters": SCHEMA}}
PICTURE = "data:image/png;base64,aGVsbG8="
ASKED = Message("user", "Where is my parcel?")
ANSWERED = Message("assistant", "It is on its way")
WHOLE: dict[str, tuple[Example, set[str]]] = {
    "tool_rows": (
        Example(
            (
                ASKED,
                Message("assistant", "", tool_calls=(CALL,)),
                Message("tool", "in the van", tool_call_id="call-1"),
                ANSWERED,
            ),
            tools=(TOOL,),
        ),
        {"find_parcel", "4512", "in the van", "integer"},
    ),
    "image_rows": (
        Example((Message("user", "Look: ", parts=("Look: ", Image(PICTURE, "low"))), ANSWERED)),
        {"Look: ", "image/png", "aGVsbG8=", "low"},
    ),
    "preference_rows": (
        Example((ASKED, ANSWERED), rejected=(Message("assistant", "I do not know"),)),
        {ASKED.content, ANSWERED.content, "I do not know"},
    ),
    "calling_pairs": (
        Example(
            (ASKED, Message("assistant", "", tool_calls=(CALL,))),
            tools=(TOOL,),
            rejected=(Message("assistant", "I do not know"),),
        ),
        {"find_parcel", "4512", "I do not know", "integer"},
    ),
    "weighted_rows": (
        Example((ASKED, replace(ANSWERED, trained=False), ASKED, replace(ANSWERED, trained=True))),
        {"0", "1"},
    ),
    "named_rows": (Example((replace(ASKED, name="Ada"), ANSWERED)), {"Ada"}),
}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.judges(kind)) for kind in WHOLE]
)
def test_a_row_of_every_kind_is_whole_or_declared_missing(kind: str, training: Training) -> None:
    """A dropped tool schema or picture looks like success: the job trains, on something else.

    Arguments may be an object, a picture apart from its kind, a word in capitals; a result is told whose it is by the id of
    its call, or by its name.
    """
    example, wanted = WHOLE[kind]
    assert KINDS[kind](example)
    held = sorted(text.lower() for text in _texts(json.loads(training.encode(example))))
    assert [one for one in wanted if not any(one.lower() in text for text in held)] == []


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
    if isinstance(value, int):
        return {str(int(value))}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {text for part in parts for text in _texts(part)}
