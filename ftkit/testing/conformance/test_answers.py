"""Answers: the same one whichever way it is asked for, within its limits, with its usage."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ftkit.backend import (
    Answer,
    Backend,
    Call,
    CountsTokens,
    Inference,
    Installs,
    ModelRecord,
    Remote,
    Scores,
    Training,
)
from ftkit.errors import NotFound
from ftkit.testing.conformance.subject import Subject
from ftkit.testing.conformance.work import Work, conversation, question


@pytest.fixture(scope="session")
def record(subject: Subject, inference: Inference) -> ModelRecord:
    """The base, as a model to ask."""
    return inference.record(subject.base)


@pytest.mark.judges("record")
def test_a_base_is_a_model_that_is_not_tuned(record: ModelRecord, subject: Subject) -> None:
    """The record of a base names itself as its base."""
    assert record.native and record.native == record.base
    assert not record.tuned


@pytest.mark.judges("record")
def test_an_unknown_model_is_not_found(inference: Inference) -> None:
    """NotFound, with what there is."""
    with pytest.raises(NotFound):
        inference.record("there/is-no-such-model")


@pytest.mark.judges("record", "training")
def test_a_tuned_model_is_found_by_its_id(
    inference: Inference, training: Training, finished: Remote
) -> None:
    """What `get` names as the result can be asked in any later process."""
    if finished.model is None:
        pytest.skip("the provider names its result otherwise")
    found = inference.record(finished.model)
    assert found.tuned
    assert found.base == training.result(finished.id).base


@pytest.mark.judges("chat")
def test_an_answer_has_text_a_reason_to_end_and_usage(
    inference: Inference, record: ModelRecord
) -> None:
    """Within `max_tokens`; tokens are counted, not guessed."""
    answer = inference.chat(record, question(max_tokens=5))
    assert isinstance(answer.text, str)
    assert answer.finish_reason in ("stop", "length", "timeout")
    assert answer.usage.input_tokens > 0
    assert 0 < answer.usage.output_tokens <= 5


@pytest.mark.judges("chat")
def test_a_greedy_answer_is_the_same_again(inference: Inference, record: ModelRecord) -> None:
    """Temperature 0 is deterministic on one machine."""
    assert (
        inference.chat(record, question()).text
        == inference.chat(record, question()).text
        != inference.chat(record, question("And what is the capital of Peru?")).text
    )


@pytest.mark.judges("stream")
def test_a_stream_is_the_answer_in_pieces(inference: Inference, record: ModelRecord) -> None:
    """Pieces of text, then the Answer, whose text they are."""
    *pieces, answer = list(inference.stream(record, question()))
    assert isinstance(answer, Answer)
    assert all(isinstance(piece, str) and piece for piece in pieces)
    assert "".join(map(str, pieces)) == answer.text == inference.chat(record, question()).text


@pytest.mark.judges("achat", "astream")
def test_the_async_twins_answer_the_same(inference: Inference, record: ModelRecord) -> None:
    """In one event loop and in a second one after it."""

    async def ask() -> tuple[str, list[str | Answer]]:
        answer = await inference.achat(record, question())
        return answer.text, await _collected(inference.astream(record, question()))

    said = inference.chat(record, question()).text
    for _ in range(2):
        text, (*pieces, answer) = asyncio.run(ask())
        assert isinstance(answer, Answer)
        assert text == "".join(map(str, pieces)) == answer.text == said


@pytest.mark.judges("chat_many")
def test_many_questions_are_each_answered_once(inference: Inference, record: ModelRecord) -> None:
    """Every index comes, none twice; no question means no answer."""
    calls = [question(f"question number {number}" + " and so on" * number) for number in range(5)]
    answers = list(inference.chat_many(record, calls))
    assert sorted(index for index, _ in answers) == list(range(5))
    assert all(answer.usage.input_tokens > 0 for _, answer in answers)
    assert list(inference.chat_many(record, [])) == []


@pytest.mark.judges("chat_many")
def test_a_question_is_taken_when_it_is_begun(
    inference: Inference, record: ModelRecord, backend: Backend
) -> None:
    """Or a budget that is used up could not stop what is left."""
    if backend.pricing is None or backend.pricing.call_rates(record) is None:
        pytest.skip("nobody sends a bill for an answer")
    taken: list[Call] = []

    def questions() -> Iterator[Call]:
        for number in range(200):
            taken.append(question(f"question number {number}"))
            yield taken[-1]

    answers = inference.chat_many(record, questions())
    next(answers)
    assert len(taken) < 200


@pytest.mark.judges("count_tokens")
def test_tokens_are_counted_before_they_are_paid_for(
    inference: Inference, record: ModelRecord
) -> None:
    """As many as the answer will be charged with reading, or nearly so; a longer question has more."""
    assert isinstance(inference, CountsTokens)
    short, long = question(), question("Where is my parcel? " * 50)
    counted = [inference.count_tokens(record, call) for call in (short, long)]
    assert 0 < counted[0] < counted[1]
    read = inference.chat(record, long).usage.input_tokens
    assert counted[1] == pytest.approx(read, rel=0.1)


@pytest.mark.judges("score")
def test_likelihoods_are_nats_over_tokens(inference: Inference, record: ModelRecord) -> None:
    """One a conversation; the same answer twice is as likely."""
    assert isinstance(inference, Scores)
    rows = [conversation(0), conversation(1), conversation(0)]
    scores = dict(inference.score(record, rows))
    assert sorted(scores) == [0, 1, 2]
    assert all(math.isfinite(s.nll) and s.nll >= 0 and s.tokens > 0 for s in scores.values())
    assert scores[0].nll == pytest.approx(scores[2].nll, rel=1e-3)


@pytest.mark.judges("install", "training")
def test_installed_weights_answer_as_before(
    inference: Inference, training: Training, finished: Remote, tmp_path: Path
) -> None:
    """A saved model takes its weights along."""
    assert isinstance(inference, Installs)
    tuned = training.result(finished.id)
    if tuned.adapter is None:
        pytest.skip("the weights of this model are not at hand")
    moved = inference.install(tuned, tmp_path / "weights")
    assert moved.adapter is not None
    assert Path(moved.adapter).resolve().is_relative_to(tmp_path.resolve())
    asked = question(max_tokens=4)
    assert inference.chat(moved, asked).text == inference.chat(tuned, asked).text


@pytest.mark.judges("folder", "install", "training")
def test_a_folder_of_weights_is_opened_by_its_path(
    inference: Inference, training: Training, finished: Remote, tmp_path: Path
) -> None:
    """`ftkit.model("some/folder")` needs no ledger and no job."""
    assert isinstance(inference, Installs)
    tuned = training.result(finished.id)
    if tuned.adapter is None:
        pytest.skip("the weights of this model are not at hand")
    inference.install(tuned, tmp_path / "weights")
    found = inference.record(str(tmp_path / "weights"))
    assert (found.tuned, found.base) == (True, tuned.base)


@pytest.mark.judges("chat", "training")
def test_a_tuned_model_answers_under_its_system_prompt(
    work: Work, backend: Backend, inference: Inference, training: Training, finished: Remote
) -> None:
    """It takes the messages that it was trained with, the system prompt among them; deployed where it has to be."""
    tuned = training.result(finished.id)
    prompt = conversation(0)[:-1]
    with work.served(backend.hosting, tuned):
        whole = inference.chat(tuned, Call(prompt, max_tokens=4))
        bare = inference.chat(tuned, Call(prompt[1:], max_tokens=4))
    assert whole.usage.output_tokens > 0
    assert whole.usage.input_tokens > bare.usage.input_tokens


async def _collected(pieces: AsyncIterator[str | Answer]) -> list[str | Answer]:
    return [piece async for piece in pieces]
