"""A base without a chat template is tuned in ChatML of the tokens it has, and the result is asked under the same template."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.backend import Call
from ftkit.catalogue.schema import Catalogue
from ftkit.data.example import Message
from ftkit.data.tokens import IGNORED
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Method
from ftkit_local import chatml
from ftkit_local.bases import find_base
from ftkit_local.chatml import attached_template
from ftkit_local.inference import LocalInference
from ftkit_local.render import ChatRenderer
from ftkit_local.trainer.__main__ import main
from tests import prepared_runs
from tests.local_runs import Home, conversation
from tests.tiny import TEMPLATES, TinyTemplate, tiny_model_folder

here, prepared = prepared_runs.here, prepared_runs.prepared
torch_as_before = prepared_runs.torch_as_before

TURNS = [Message("user", "Where is it?"), Message("assistant", "on its way")]
# no ChatML in it: an end of text, and a beginning that the tokenizer puts before any text
LLAMA = TEMPLATES["llama3"]


def bare(path: Path, template: str | TinyTemplate = "chatml", **options: Any) -> Path:
    """A base whose folder has no chat template."""
    tiny_model_folder(path, template=template, **options)
    (path / "chat_template.jinja").unlink()
    return path


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bare(tmp_path_factory.mktemp("base") / "bare", LLAMA)


def trained(renderer: ChatRenderer) -> str:
    (one,) = renderer.render(TURNS)
    return renderer.decode([label for label in one.labels if label != IGNORED])


# --- the template ------------------------------------------------------------------------------------------------


def test_a_model_that_has_chatmls_tokens_is_asked_as_chatml_is(tmp_path: Path) -> None:
    own = ChatRenderer(tiny_model_folder(tmp_path / "own"))
    attached = ChatRenderer(bare(tmp_path / "bare"))
    assert attached.render(TURNS) == own.render(TURNS)
    assert attached.prompt(TURNS[:1]) == own.prompt(TURNS[:1])
    assert own.attached is None and attached.attached is not None


def test_else_its_end_of_text_ends_a_turn_and_is_trained(base_folder: Path) -> None:
    renderer = ChatRenderer(base_folder)
    assert renderer.end_of_turn == "<|end_of_text|>"
    assert trained(renderer) == "on its way<|end_of_text|>"
    text = renderer.decode(renderer.prompt(TURNS[:1]))
    assert text == (
        "<|begin_of_text|><|im_start|>user\nWhere is it?<|end_of_text|>\n<|im_start|>assistant\n"
    )


def test_no_embedding_is_added(base_folder: Path) -> None:
    renderer = ChatRenderer(base_folder)
    size = json.loads((base_folder / "config.json").read_text())["vocab_size"]
    (one,) = renderer.render([Message("system", "Route."), *TURNS])
    assert max(one.ids) < size and len(renderer.stop_ids - set(range(size))) == 0


def test_a_base_without_a_token_that_ends_a_turn_is_refused(tmp_path: Path, home: Path) -> None:
    folder = bare(tmp_path / "bare", LLAMA)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    del config["eos_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(CapabilityError, match="nor a token that could end a turn"):
        find_base(str(folder), catalogue=Catalogue(), home=home)


def test_a_token_that_the_model_has_no_embedding_for_ends_no_turn(tmp_path: Path) -> None:
    folder = bare(tmp_path / "bare")
    config = json.loads((folder / "config.json").read_text())
    tokens = {
        t["content"]: t["id"]
        for t in json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    }
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": tokens["<|im_end|>"]}))
    with pytest.raises(CapabilityError, match="nor a token that could end a turn"):
        attached_template(folder)


def test_a_template_of_ones_own_takes_its_place(tmp_path: Path) -> None:
    folder = bare(tmp_path / "bare")
    assert attached_template(folder) is not None
    (folder / "chat_template.jinja").write_text(TEMPLATES["chatml_default_system"].jinja)
    assert attached_template(folder) is None
    assert "helpful" in ChatRenderer(folder).decode(ChatRenderer(folder).prompt(TURNS[:1]))


def test_what_is_attached_is_logged_once_and_stands_in_the_quote(
    here: Home, caplog: pytest.LogCaptureFixture
) -> None:
    chatml._attached.cache_clear()
    with caplog.at_level(logging.WARNING, logger="ftkit"):
        resolved = here.resolve([conversation(0)])
    told = [record.message for record in caplog.records]
    assert told == [
        f"{here.base_folder} has no chat template: ftkit attaches ChatML, a turn of which ends with <|end_of_text|>"
    ]
    assert any(
        "has no chat template" in note and "<|end_of_text|>" in note for note in resolved.notes
    )


# --- a run -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [Method.LORA, Method.FULL])
def test_a_tuned_model_carries_the_template_and_is_asked_under_it(
    prepared: Any, here: Home, method: Method
) -> None:
    run = prepared(method=method, epochs=12, learning_rate=0.01)
    assert main([str(run.path)]) == 0
    folder = run.published()
    facts = json.loads((folder / "ftkit.json").read_text())
    assert facts["chat_template"] == "attached by ftkit"
    assert (folder / "chat_template.jinja").read_text() == ChatRenderer(
        Path(here.base_folder)
    ).attached
    assert "chat_template.jinja" in facts["files"]

    record = here.training.result("ftkrun1")
    asked = conversation(3)
    answer = LocalInference(here.path, here.catalogue).chat(
        record, Call(tuple(asked[:-1]), max_tokens=16)
    )
    assert (answer.text, answer.finish_reason) == (asked[-1].content, "stop")


def test_an_older_template_in_an_adapters_folder_is_what_it_is_asked_under(
    prepared: Any, here: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared()
    assert main([str(run.path)]) == 0
    record = here.training.result("ftkrun1")
    true_source = chatml._source
    chatml._attached.cache_clear()
    monkeypatch.setattr(chatml, "_source", lambda *parts: true_source(*parts) + "{# a later one #}")
    inference = LocalInference(here.path, here.catalogue)
    assert inference.chat(record, Call((TURNS[0],), max_tokens=2)).usage.output_tokens > 0
    assert replace(here, base_folder="ftkrun1").resolve([conversation(0)]).steps  # and gone on from
    assert ChatRenderer(Path(here.base_folder)).fingerprint != record.template
    chatml._attached.cache_clear()
