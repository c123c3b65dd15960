"""The model handle: what was trained is frozen and applied, files open anywhere, a broken map resumes."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import ftkit
import ftkit.types
from ftkit.backend import Answer, Call, ModelRecord
from ftkit.errors import (
    CapabilityError,
    ConfigError,
    DataError,
    NotFound,
    ProviderError,
    StorageError,
)
from ftkit.models.mapping import answer_key
from ftkit.models.reply import as_reply
from ftkit.models.schemas import json_schema
from ftkit.types import Example, Message, Reply, Usage
from tests.tiny import tiny_model_folder

SYSTEM = "Route the ticket."
ROWS = [{"prompt": f"question {n}", "completion": f"label {n % 3}"} for n in range(12)]


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FTKIT_HOME with one job `router`, trained under a system prompt."""
    folder = tmp_path_factory.mktemp("models") / "home"
    base = f"local/{tiny_model_folder(tmp_path_factory.mktemp('base') / 'tiny')}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FTKIT_HOME", str(folder))
        data = ftkit.load(ROWS, system=SYSTEM)
        ftkit.finetune(data, base, hyperparameters={"max_steps": 2}, name="router")
    return folder


@pytest.fixture
def model(trained_home: Path, home: Path) -> ftkit.types.Model:
    shutil.copytree(trained_home, home)
    return ftkit.model("router")


def ids(reply: ftkit.types.Reply) -> tuple[int, ...]:
    return tuple(reply.raw["ids"])


def test_the_trained_system_prompt_is_put_in_front(model: ftkit.types.Model) -> None:
    asked = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "question 1"}]
    with_it, without = model.chat(asked, max_tokens=4), model.chat("question 1", max_tokens=4)
    assert model.system == SYSTEM
    assert with_it.usage == without.usage
    assert ids(with_it) == ids(without)


def test_another_system_prompt_is_an_error_unless_asked_for(model: ftkit.types.Model) -> None:
    other = [{"role": "system", "content": "Be rude."}, {"role": "user", "content": "question 1"}]
    with pytest.raises(CapabilityError, match="was trained under the system prompt"):
        model.chat(other)
    assert model.chat(other, override_system=True, max_tokens=1).usage.output_tokens == 1


def test_the_base_is_asked_under_the_same_system_prompt(model: ftkit.types.Model) -> None:
    assert not model.base.tuned
    assert model.base.base.id == model.base.id
    question = "question 1"
    assert (
        model.base.chat(question, max_tokens=1).usage.input_tokens
        == model.chat(question, max_tokens=1).usage.input_tokens
    )


def test_a_stream_adds_up_to_the_answer(model: ftkit.types.Model) -> None:
    stream = model.stream("question 2", max_tokens=6)
    assert stream.reply is None
    text = "".join(stream)
    assert stream.reply is not None
    assert text == stream.reply.text == model.chat("question 2", max_tokens=6).text


def test_a_saved_model_answers_elsewhere_without_its_ledger(
    model: ftkit.types.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ids(model.chat("question 3", max_tokens=6))
    model.save("router.json")
    away = tmp_path / "away"
    away.mkdir()
    shutil.move("router.json", away)
    shutil.move("router.adapter", away)
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "other-home"))
    again = ftkit.model(away / "router.json")
    assert ids(again.chat("question 3", max_tokens=6)) == before
    assert (again.system, again.id) == (model.system, model.id)


def test_a_model_that_cannot_be_saved_leaves_the_older_file(
    model: ftkit.types.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(old: Path, new: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    Path("router.json").write_text("older")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageError, match="cannot write router.json: No space left on device"):
        model.save("router.json")
    assert Path("router.json").read_text() == "older"
    assert sorted(path.name for path in Path().glob(".f*")) == []


def test_a_saved_model_without_or_with_other_weights_is_refused(model: ftkit.types.Model) -> None:
    model.save("router.json")
    weights = Path("router.adapter/adapter_model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00\x01")
    with pytest.raises(DataError, match="its content differs"):
        ftkit.model("router.json")
    shutil.rmtree("router.adapter")
    with pytest.raises(NotFound, match="copy both together"):
        ftkit.model("router.json")
    Path("router.json").write_text('{"name": "my package"}')
    with pytest.raises(DataError, match="is not a model saved by"):
        ftkit.model("router.json")


def test_a_folder_with_an_adapter_opens_as_its_model(model: ftkit.types.Model) -> None:
    model.save("router.json")
    opened = ftkit.model("router.adapter")
    assert ids(opened.chat("question 1", max_tokens=3)) == ids(
        model.chat("question 1", max_tokens=3)
    )


def test_a_name_that_means_two_things_is_an_error_that_lists_both(
    model: ftkit.types.Model,
) -> None:
    model.save("router.json")
    Path("router.json").rename("router2.json")
    shutil.copytree("router.adapter", "router")
    with pytest.raises(ConfigError, match=r"the job ftk\w+ and the folder router"):
        ftkit.model("router")


def test_map_resumes_from_its_file_and_marks_what_it_read(model: ftkit.types.Model) -> None:
    questions = [f"question {n}" for n in range(5)]
    first = model.map(questions, out="a.jsonl", max_tokens=4)
    assert [reply.replayed for reply in first] == [False] * 5
    lines = Path("a.jsonl").read_text().splitlines(keepends=True)
    Path("a.jsonl").write_text("".join(lines[:2]) + lines[2][:9])  # killed in the third line
    again = model.map(questions, out="a.jsonl", max_tokens=4)
    assert [reply.text for reply in again] == [reply.text for reply in first]
    assert sum(reply.replayed for reply in again) == 2
    rows = [json.loads(line)["row"] for line in Path("a.jsonl").read_text().splitlines()]
    assert sorted(rows) == [1, 2, 3, 4, 5]
    other = model.map(questions, out="a.jsonl", max_tokens=3)
    assert not any(reply.replayed for reply in other), "other options are other questions"


def test_map_does_not_take_a_strangers_file(model: ftkit.types.Model) -> None:
    Path("notes.jsonl").write_text('{"text": "mine"}\n')
    with pytest.raises(DataError, match="line 1: not an answer written by map"):
        model.map(["question 1"], out="notes.jsonl")
    assert Path("notes.jsonl").read_text() == '{"text": "mine"}\n'


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ([], "list of messages is empty"),
        ([{"role": "robot", "content": "x"}], "unknown role 'robot'"),
        ([{"role": "user", "content": 3}], "must be text, is a number"),
        ([{"role": "user", "content": "x", "name": "y"}], "holds a name, which cannot be rendered"),
        (["x"], "a message must be an object, is text"),
        ("say <|im_end|>", r"<\|im_end\|>"),
    ],
)
def test_a_question_that_cannot_be_sent_is_one_typed_error(
    question: object, words: str, model: ftkit.types.Model
) -> None:
    with pytest.raises(DataError, match=words):
        model.chat(question)  # type: ignore[arg-type]


def test_options_are_checked(model: ftkit.types.Model) -> None:
    with pytest.raises(TypeError, match="no option 'max_token'"):
        model.chat("q", max_token=3)
    for options in ({"max_tokens": 0}, {"temperature": -1}, {"top_p": 0}):
        with pytest.raises(DataError):
            model.chat("q", **options)


def test_the_likelihood_of_an_answer_is_that_of_its_tokens(model: ftkit.types.Model) -> None:
    likely = model.chat("question 1", max_tokens=3).text
    data = ftkit.load(
        [
            {"prompt": "question 1", "completion": likely},
            {"prompt": "question 1", "completion": "zzzzzz"},
        ]
    )
    good, bad = model.score(data)
    assert good.nll / good.tokens < bad.nll / bad.tokens


# --- tools, schemas, images ---

TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}


class Route(BaseModel):
    team: str


@pytest.mark.parametrize(
    ("question", "options", "lacking"),
    [
        ("Hi", {"tools": [TOOL]}, "'tools'"),
        ("Hi", {"schema": Route}, "'schema'"),
        ("Hi", {"schema": {"type": "object"}}, "'schema'"),
        ([{"role": "user", "content": [PICTURE]}], {}, "'images'"),
        (Example((Message("user", "Hi"), Message("assistant", "x")), tools=(TOOL,)), {}, "'tools'"),
    ],
)
def test_what_a_backend_lacks_is_refused_by_name_and_never_dropped(
    question: Any, options: dict[str, Any], lacking: str
) -> None:
    with pytest.raises(CapabilityError, match=f"cannot do {lacking}"):
        ftkit.model("fake-answers/echo").chat(question, **options)


def test_an_answer_is_read_back_through_its_schema() -> None:
    usage = Usage(1, 1)

    def reply(text: str, schema: Any, reason: str = "stop") -> Reply:
        return as_reply(Answer(text, reason, usage), "fake/x", None, schema)

    assert reply('{"team": "billing"}', Route).parsed == Route(team="billing")
    schema = json_schema(Route)
    assert reply('{"team": "billing"}', schema).parsed == {"team": "billing"}
    assert reply("billing", None).parsed is None
    for text in ('{"team": 5}', "billing", '{"team": "bil'):
        for wanted in (Route, schema):
            with pytest.raises(ProviderError, match="does not fulfil the schema"):
                _ = reply(text, wanted).parsed
    with pytest.raises(ProviderError, match="raise max_tokens"):
        _ = reply('{"team": "bil', Route, "length").parsed
    with pytest.raises(DataError, match="a JSON schema"):
        json_schema("Route")


def test_a_schema_that_refers_to_an_address_fetches_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected: list[object] = []
    monkeypatch.setattr("socket.socket.connect", lambda *to: connected.append(to))
    elsewhere = {"$ref": "http://127.0.0.1:9/route.json"}
    answer = as_reply(Answer('{"team": 5}', "stop", Usage(1, 1)), "fake/x", None, elsewhere)
    with pytest.raises(DataError, match=r"refers to 'http://127.0.0.1:9/route.json'"):
        _ = answer.parsed
    assert connected == []


def test_answers_that_an_earlier_version_wrote_are_not_asked_for_again() -> None:
    """The key of a question of text is what it was before there were tools and schemas."""
    record = ModelRecord("fake", "small", "small", snapshot="s")
    call = Call((Message("user", "Hi"),), max_tokens=8, stop=("x",))
    earlier = {
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 8, "temperature": 0.0, "top_p": 1.0, "stop": ["x"],
        "seed": None, "timeout_s": None, "extra": {},
    }  # fmt: skip
    parts = {"model": "fake/small", "snapshot": "s", "row": 3, "call": earlier}
    known = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    assert answer_key(record, 3, call) == known
    assert answer_key(record, 3, replace(call, tools=(TOOL,))) != known
    assert answer_key(record, 3, replace(call, schema={"type": "object"})) != known
    named = replace(call, messages=(Message("user", "Hi", name="Ada"),))
    assert answer_key(record, 3, named) != known
