"""A second judge of the same requests, by other hands: what the SDK sends the emulator is accepted by Prism too."""

from __future__ import annotations

import openai
import pytest

from tests.emulators.openai import OpenAIEmulator, driving
from tests.emulators.openai import prism as judge
from tests.emulators.openai.driving import BASE, ask, create, supervised, upload
from tests.emulators.openai.prism import Prism

pytestmark = judge.at_hand
server, emulator, client, prism = driving.server, driving.emulator, driving.client, judge.prism


def test_prism_accepts_what_the_sdk_sends(
    client: openai.OpenAI, emulator: OpenAIEmulator, prism: Prism
) -> None:
    file = upload(client)
    job = create(client, file, method=supervised(n_epochs=3), metadata={"key": "k"}, suffix="a")
    create(client, file, method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1}}})
    client.fine_tuning.jobs.list(metadata={"key": "k"}, limit=5)
    client.fine_tuning.jobs.list_events(job.id)
    client.fine_tuning.jobs.checkpoints.list(job.id)
    client.models.list()
    client.chat.completions.create(model=BASE, messages=[{"role": "user", "content": "hello"}])
    client.uploads.create(filename="a.jsonl", purpose="fine-tune", bytes=3, mime_type="text/jsonl")
    client.files.delete(file)
    assert prism.refused(emulator.log()) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"training_file": None},
        {"suffix": "x" * 65},
        {"method": supervised(n_epochs="three")},
        {"method": {"type": "grpo"}},
        {"metadata": {"key": 7}},
    ],
)
def test_prism_refuses_what_is_wrong(
    emulator: OpenAIEmulator, prism: Prism, fields: dict[str, object]
) -> None:
    body = {"model": BASE, "training_file": "file-1", **fields}
    ask(emulator, "POST", "/v1/fine_tuning/jobs", body)
    assert [one["route"] for one in prism.refused(emulator.log())] == [driving.CREATE]
    assert len(emulator.take_violations()) == 1  # and so does the emulator's own judge
