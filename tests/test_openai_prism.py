"""What ftkit itself sends to OpenAI, before a judge by other hands: Prism on OpenAI's own contract.

/responses is not in that contract; the types of OpenAI's package judge it in the emulator. Forms (uploads) are in no log.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

import ftkit
import ftkit.types
from tests.emulators.openai import OpenAIEmulator
from tests.emulators.openai import prism as judge
from tests.emulators.openai.prism import Prism
from tests.openai_desk import CHAT, CREATE, EVENTS, LIST, MODEL, READ, configure, submit

pytest_plugins = ("tests.openai_fixtures",)
pytestmark = judge.at_hand
prism = judge.prism

PAIRS = [
    {
        "input": {"messages": [{"role": "user", "content": f"question {n}"}]},
        "preferred_output": [{"role": "assistant", "content": f"good {n}"}],
        "non_preferred_output": [{"role": "assistant", "content": f"bad {n}"}],
    }
    for n in range(12)
]
VALIDATION = [{"prompt": f"other {n}", "completion": f"answer {n}"} for n in range(12)]
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "find", "parameters": {}}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}


class Route(BaseModel):
    model_config = ConfigDict(extra="forbid")

    team: str


def story(emulator: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that ftkit asks OpenAI for, once."""
    configure(tmp_path, monkeypatch, part_bytes=500, max_file_bytes=1000)  # parts of uploads
    emulator.set(run_s=60.0)
    job = submit(validation=VALIDATION, name="router")
    list(job.events())
    job.wait(3600)
    submit(rows=PAIRS, model="openai/gpt-4.1-mini", method="dpo", name="pairs").cancel()
    assert job.checkpoints()
    model = job.model()
    model.chat("question 1", max_tokens=9, temperature=0.5, top_p=0.9, stop="END", seed=7)
    emulator.reply_with({"tool_calls": [{"name": "find", "arguments": "{}"}]})
    reply = model.chat("find it", tools=[TOOL])
    asked = ftkit.types.Message("assistant", "", tool_calls=reply.tool_calls)
    result = {"role": "tool", "tool_call_id": reply.tool_calls[0].id, "content": "van"}
    model.chat([{"role": "user", "content": "find it"}, asked, result], tools=[TOOL])
    model.chat("Where?", schema=Route)
    words = {"type": "text", "text": "Is it broken?"}
    model.base.chat([{"role": "user", "content": [words, PICTURE]}])
    list(model.stream("question 2"))
    model.map(["question 3", "question 4"])
    ftkit.rescue("openai", tmp_path / "history")


def test_prism_accepts_all_that_ftkit_sends(
    emulator: OpenAIEmulator, prism: Prism, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story(emulator, tmp_path, monkeypatch)
    log = emulator.log()
    routes = Counter(one["route"] for one in log)
    assert {CREATE, LIST, READ, EVENTS, CHAT, "POST /v1/uploads"} <= routes.keys()
    assert any("metadata" in one["query"] for one in log if one["route"] == LIST)
    print(len(log), dict(routes))
    assert prism.refused(log) == []


def _no_function(body: dict[str, Any]) -> None:
    del body["tools"][0]["function"]


def _no_schema_name(body: dict[str, Any]) -> None:
    del body["response_format"]["json_schema"]["name"]


WRONG: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "no file": (CREATE, lambda body: body.pop("training_file")),
    "a suffix that is too long": (CREATE, lambda body: body.update(suffix="x" * 65)),
    "epochs in words": (
        CREATE,
        lambda body: body["method"]["supervised"]["hyperparameters"].update(n_epochs="three"),
    ),
    "metadata that is no text": (CREATE, lambda body: body.update(metadata={"key": 7})),
    "no messages": (CHAT, lambda body: body.pop("messages")),
    "a temperature in words": (CHAT, lambda body: body.update(temperature="hot")),
    "a temperature out of range": (CHAT, lambda body: body.update(temperature=3)),
    "a tool without its function": (CHAT, _no_function),
    "a schema without a name": (CHAT, _no_schema_name),
}


@pytest.mark.parametrize("name", WRONG)
def test_prism_sees_one_thing_wrong_in_what_ftkit_sends(
    name: str, emulator: OpenAIEmulator, prism: Prism
) -> None:
    route, spoil = WRONG[name]
    submit()
    ftkit.model(MODEL).chat("Where?", schema=Route, tools=[TOOL])
    (sound,) = [one for one in emulator.log() if one["route"] == route]
    spoiled = copy.deepcopy(sound)
    spoil(spoiled["json"])
    assert [one["route"] for one in prism.refused([sound, spoiled])] == [route]
