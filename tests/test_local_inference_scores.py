"""The likelihood of an answer under a local model, against the model's own logits and whatever the batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.backend import ModelRecord
from ftkit.data.example import Message
from ftkit.errors import DataError
from ftkit_local.engine import engine_for
from ftkit_local.inference import LocalInference
from tests import local_models
from tests.local_models import QUESTIONS
from tests.tiny import tiny_model_folder

base, local, tuned = local_models.base, local_models.local, local_models.tuned
nothing_in_memory = local_models.nothing_in_memory

CONVERSATIONS = [
    (Message("user", question), Message("assistant", answer))
    for question, answer in zip(
        QUESTIONS, ("It was sent.", "Done", "Hello there", "Lima."), strict=True
    )
] + [
    (
        Message("system", "You are a helpful assistant."),
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "The capital of Peru?"),
        Message("assistant", "Lima."),
    )
]


@pytest.mark.parametrize("arch", ["llama", "gemma2"])
def test_a_score_is_the_summed_loss_of_the_last_answer_and_its_end_of_turn(
    local: LocalInference, tmp_path: Path, arch: str
) -> None:
    from ftkit_local.render import ChatRenderer

    folder = tiny_model_folder(tmp_path / arch, arch)
    found = dict(local.score(local.record(str(folder)), CONVERSATIONS))

    model, renderer = engine_for(folder).model, ChatRenderer(folder)
    for index, conversation in enumerate(CONVERSATIONS):
        prompt = renderer.prompt(conversation[:-1])
        [row] = renderer.render(conversation, "last")
        with torch.inference_mode():
            chances = model(torch.tensor([row.ids])).logits[0].log_softmax(-1)
        answer = row.ids[len(prompt) :]
        expected = -sum(float(chances[len(prompt) + i - 1, id]) for i, id in enumerate(answer))
        assert answer[-1] in renderer.stop_ids
        assert found[index].tokens == len(answer)
        assert found[index].nll == pytest.approx(expected, rel=1e-4)


def test_scores_do_not_depend_on_the_batch(
    local: LocalInference, tuned: ModelRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = dict(local.score(tuned, CONVERSATIONS))
    monkeypatch.setattr("ftkit_local.batching._ROWS", {"cpu": 1})
    alone = dict(local.score(tuned, CONVERSATIONS))
    plain = dict(local.score(replace(tuned, adapter=None), CONVERSATIONS))
    for index in range(len(CONVERSATIONS)):
        assert together[index].nll == pytest.approx(alone[index].nll, rel=1e-5)
        assert together[index].nll != pytest.approx(plain[index].nll, rel=1e-2)


def test_conversations_that_cannot_be_scored_are_named_by_row(
    local: LocalInference, base: Path
) -> None:
    long = (Message("user", "parcel " * 600), Message("assistant", "Yes"))
    open_ended = (Message("user", "Hi"),)
    with pytest.raises(DataError) as caught:
        list(local.score(local.record(str(base)), [CONVERSATIONS[0], long, open_ended]))
    assert [fault.row for fault in caught.value.faults] == [2, 3]
    assert "the model reads 512" in str(caught.value)
