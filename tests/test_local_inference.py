"""Answering with local models: one base for many adapters, records that are checked, twins that agree."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.backend import Answer, Call, ModelRecord
from ftkit.catalogue.schema import Catalogue
from ftkit.data.example import Message
from ftkit.errors import CapabilityError, ConfigError, DataError, NotFound, StorageError
from ftkit_local import engine
from ftkit_local.engine import engine_for, unload_all
from ftkit_local.inference import LocalInference
from tests.adapters import adapter_folder, with_record
from tests.tiny import tiny_model_folder

QUESTIONS = (
    "Where is my parcel?",
    "Please cancel my order number 4512 and refund the money to my card.",
    "Hi",
    "The capital of Peru?",
)


def asked(question: str, **settings: Any) -> Call:
    return Call((Message("user", question),), **{"max_tokens": 12, **settings})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(autouse=True)
def nothing_in_memory() -> Iterator[None]:
    unload_all()
    yield
    unload_all()


@pytest.fixture
def local(home: Path) -> LocalInference:
    return LocalInference(home, Catalogue())


@pytest.fixture
def tuned(local: LocalInference, base: Path, tmp_path: Path) -> ModelRecord:
    folder = adapter_folder(base, tmp_path / "adapter")
    plain = local.record(str(base))
    with_record(folder, replace(plain, native="ftk1", tuned=True, method="lora"))
    return local.record(str(folder))


# --- one process --------------------------------------------------------------------------------------------------


def test_threads_with_different_adapters_get_the_answers_of_their_own(
    local: LocalInference, tuned: ModelRecord, base: Path
) -> None:
    plain = local.record(str(base))
    records = [plain, tuned, plain, tuned]
    alone = [local.chat(r, asked(q)).text for r, q in zip(records, QUESTIONS, strict=True)]
    assert local.chat(tuned, asked(QUESTIONS[0])).text != alone[0]
    found: dict[int, str] = {}

    def work(index: int) -> None:
        found[index] = local.chat(records[index], asked(QUESTIONS[index])).text

    threads = [Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [found[index] for index in range(4)] == alone


def test_loading_and_answering_write_nothing_to_the_terminal(
    local: LocalInference, tuned: ModelRecord, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    local.chat(tuned, asked("Hi"))
    list(local.score(tuned, [(Message("user", "Hi"), Message("assistant", "Hello"))]))
    assert capfd.readouterr() == ("", "")


def test_importing_the_modules_does_not_load_torch() -> None:
    code = "import sys, ftkit_local.inference; print(sorted({'torch', 'peft'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# --- records -----------------------------------------------------------------------------------------------------


def test_a_base_has_a_record_that_pins_its_content_and_template(
    local: LocalInference, base: Path
) -> None:
    record = local.record(str(base))
    assert (record.tuned, record.adapter, record.family) == (False, None, "llama")
    assert record.snapshot.startswith("sha256:")
    assert record.template


def test_a_run_has_the_record_that_the_trainer_left(
    local: LocalInference, tuned: ModelRecord, home: Path
) -> None:
    assert tuned.adapter is not None
    run = home / "runs" / "ftk1"
    run.mkdir(parents=True)
    (run / "spec.json").write_text("{}", encoding="utf-8")
    with pytest.raises(NotFound, match="ftk1"):
        local.record("ftk1")

    Path(tuned.adapter).rename(run / "adapter")
    outcome = {"status": "succeeded", "raw_status": "succeeded", "error": None}
    (run / "result.json").write_text(
        json.dumps(outcome | {"published": "adapter"}), encoding="utf-8"
    )

    assert local.record("ftk1") == replace(tuned, adapter=str((run / "adapter").resolve()))


def test_another_content_under_the_base_s_name_is_refused_with_both(
    local: LocalInference, tuned: ModelRecord
) -> None:
    stale = replace(tuned, snapshot="sha256:0000")
    with pytest.raises(CapabilityError) as caught:
        local.chat(stale, asked("Hi"))
    assert "sha256:0000" in str(caught.value)
    assert tuned.snapshot in str(caught.value)


def test_a_model_that_was_trained_under_another_template_is_refused(
    local: LocalInference, tuned: ModelRecord
) -> None:
    with pytest.raises(CapabilityError, match="another chat template"):
        local.chat(replace(tuned, template="f" * 64), asked("Hi"))


def test_weights_that_are_gone_are_not_found(local: LocalInference, tuned: ModelRecord) -> None:
    with pytest.raises(NotFound, match="gone"):
        local.chat(replace(tuned, adapter=str(Path(str(tuned.adapter)) / "gone")), asked("Hi"))


def test_a_fully_tuned_model_answers_from_its_own_folder_without_its_base(
    local: LocalInference, base: Path, tmp_path: Path
) -> None:
    folder = tiny_model_folder(tmp_path / "full", seed=3)
    plain = local.record(str(base))
    with_record(folder, replace(plain, base="no/longer-there", tuned=True, method="full"))

    record = local.record(str(folder))

    as_base = LocalInference(tmp_path, Catalogue()).record(
        str(tiny_model_folder(tmp_path / "x", seed=3))
    )
    assert local.chat(record, asked("Hi")).text == local.chat(as_base, asked("Hi")).text
    assert local.chat(record, asked("Hi")).text != local.chat(plain, asked("Hi")).text


# --- answers -----------------------------------------------------------------------------------------------------


def test_a_stream_adds_up_to_the_answer_and_ends_with_it(
    local: LocalInference, tuned: ModelRecord
) -> None:
    *pieces, last = local.stream(tuned, asked(QUESTIONS[1], max_tokens=30))
    assert isinstance(last, Answer)
    assert len(pieces) > 1
    assert "".join(str(piece) for piece in pieces) == last.text
    assert last == local.chat(tuned, asked(QUESTIONS[1], max_tokens=30))


def test_many_calls_get_the_answers_that_each_gets_alone(
    local: LocalInference, tuned: ModelRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftkit_local.batching._ROWS", {"cpu": 3})
    calls = [asked(question, max_tokens=4 + 3 * i) for i, question in enumerate(QUESTIONS * 2)]
    many = dict(local.chat_many(tuned, calls))
    assert [many[index] for index in range(8)] == [local.chat(tuned, call) for call in calls]


def test_usage_counts_the_prompt_as_rendered_and_every_token_made(
    local: LocalInference, base: Path
) -> None:
    from ftkit_local.render import ChatRenderer

    call = asked("Hi", max_tokens=5)
    answer = local.chat(local.record(str(base)), call)
    assert answer.usage.input_tokens == len(ChatRenderer(base).prompt(call.messages))
    assert answer.usage.output_tokens == len(answer.raw["ids"]) <= 5


def test_async_twins_give_the_same_answer(local: LocalInference, tuned: ModelRecord) -> None:
    async def both() -> tuple[Answer, list[Any]]:
        streamed = [piece async for piece in local.astream(tuned, asked("Hi"))]
        return await local.achat(tuned, asked("Hi")), streamed

    answer, streamed = asyncio.run(both())
    assert answer == local.chat(tuned, asked("Hi")) == streamed[-1]
    assert "".join(streamed[:-1]) == answer.text


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each forward pass."""
    taken: list[int] = []
    step = engine.Weights.step

    def counted(self: Any, *inputs: Any) -> Any:
        taken.append(1)
        return step(self, *inputs)

    monkeypatch.setattr(engine.Weights, "step", counted)
    return taken


def test_cancelling_a_task_stops_the_model_at_the_next_token(
    local: LocalInference, base: Path, steps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = local.record(str(base))
    monkeypatch.setattr("ftkit_local.render.ChatRenderer.stop_ids", frozenset())

    async def cancel_soon() -> None:
        task = asyncio.create_task(local.achat(record, asked("Hi", max_tokens=400)))
        while not steps:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_soon())  # its end waits for the worker thread
    assert 1 <= len(steps) < 100


def test_a_stream_that_is_left_early_stops_the_model(
    local: LocalInference, base: Path, steps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = local.record(str(base))
    monkeypatch.setattr("ftkit_local.render.ChatRenderer.stop_ids", frozenset())

    async def first_piece() -> int:
        stream = local.astream(record, asked("Hi", max_tokens=400))
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]
        return len(steps)

    at_close = asyncio.run(first_piece())
    assert at_close == len(steps) < 100


def test_an_error_in_the_worker_of_a_stream_reaches_the_caller(
    local: LocalInference, base: Path
) -> None:
    record = local.record(str(base))

    async def read() -> None:
        async for _ in local.astream(record, asked("Hi <|im_end|>")):
            pass

    with pytest.raises(DataError):
        asyncio.run(read())


def test_messages_with_control_tokens_are_refused_by_row_before_anything_is_answered(
    local: LocalInference, base: Path, steps: list[int]
) -> None:
    calls = [asked("Hi"), asked("a<|im_end|>b"), asked("Hi"), asked("<|im_start|>")]
    with pytest.raises(DataError) as caught:
        next(local.chat_many(local.record(str(base)), calls))
    assert [fault.row for fault in caught.value.faults] == [2, 4]
    assert "<|im_end|>" in str(caught.value)
    assert steps == []


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"extra": {"top_k": 5, "logit_bias": {}}}, CapabilityError, "logit_bias, top_k"),
        ({"max_tokens": 0}, ConfigError, "max_tokens = 0"),
        ({"temperature": -1.0}, ConfigError, "temperature = -1.0"),
        ({"top_p": 0.0}, ConfigError, "top_p = 0.0"),
        ({"stop": ("a", "")}, ConfigError, "empty string"),
        ({"messages": ()}, DataError, "no message"),
    ],
)
def test_a_setting_that_cannot_be_honoured_is_refused_by_name(
    local: LocalInference, base: Path, settings: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        local.chat(local.record(str(base)), replace(asked("Hi"), **settings))


def test_a_control_token_in_an_answer_is_not_in_its_text(
    local: LocalInference, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit_local.render import ChatRenderer

    renderer = ChatRenderer(base)
    record = local.record(str(base))
    opening = next(i for i in range(300) if renderer.decode([i]) == "<|im_start|>")
    letter = next(i for i in range(300) if renderer.decode([i]) == "a")
    script = iter([opening, letter, opening, *renderer.stop_ids])

    def scripted(self: Any, ids: Any, mask: Any, positions: Any, cache: Any) -> Any:
        return torch.nn.functional.one_hot(torch.tensor([next(script)]), 600).float()

    monkeypatch.setattr(engine.Weights, "step", scripted)
    answer = local.chat(record, asked("Hi"))
    assert (answer.text, answer.finish_reason, answer.usage.output_tokens) == ("a", "stop", 4)


# --- scores ------------------------------------------------------------------------------------------------------

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


# --- copies ------------------------------------------------------------------------------------------------------


def test_a_copy_answers_the_same_when_the_original_is_gone_and_the_copy_has_moved(
    local: LocalInference, tuned: ModelRecord, tmp_path: Path
) -> None:
    expected = local.chat(tuned, asked("Hi")).text
    copied = local.install(tuned, tmp_path / "out" / "router.adapter")
    assert copied == replace(tuned, adapter=str(tmp_path / "out" / "router.adapter"))
    Path(str(tuned.adapter)).rename(tmp_path / "elsewhere")
    (tmp_path / "out").rename(tmp_path / "moved")

    record = local.record(str(tmp_path / "moved" / "router.adapter"))

    assert local.chat(record, asked("Hi")).text == expected
    assert [path.name for path in (tmp_path / "moved").iterdir()] == ["router.adapter"]


def test_a_changed_file_in_a_copy_is_refused_by_name(
    local: LocalInference, tuned: ModelRecord, tmp_path: Path
) -> None:
    copied = local.install(tuned, tmp_path / "copy")
    path = tmp_path / "copy" / "adapter_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"adapter_model\.safetensors is damaged"):
        local.chat(copied, asked("Hi"))


def test_a_copy_replaces_an_older_copy_and_nothing_else(
    local: LocalInference, tuned: ModelRecord, base: Path, tmp_path: Path
) -> None:
    local.install(tuned, tmp_path / "copy")
    (tmp_path / "copy" / "old").write_text("old", encoding="utf-8")
    local.install(tuned, tmp_path / "copy")
    assert not (tmp_path / "copy" / "old").exists()

    (tmp_path / "mine").mkdir()
    with pytest.raises(StorageError, match="choose another place"):
        local.install(tuned, tmp_path / "mine")
    with pytest.raises(CapabilityError, match="its id finds it"):
        local.install(local.record(str(base)), tmp_path / "base-copy")


# --- the real model ----------------------------------------------------------------------------------------------


@pytest.mark.real
def test_the_real_model_answers_as_transformers_does(home: Path) -> None:
    import ftkit_local
    from ftkit.catalogue.schema import load_catalogue
    from ftkit_local.bases import find_base
    from ftkit_local.render import ChatRenderer

    catalogue = load_catalogue(Path(ftkit_local.__file__).with_name("catalogue.toml"))
    local = LocalInference(home, catalogue)
    record = local.record("smollm2-135m")
    calls = [asked(question, max_tokens=16) for question in QUESTIONS]
    many = dict(local.chat_many(record, calls))

    folder = find_base("smollm2-135m", catalogue=catalogue, home=home).folder
    renderer, model = ChatRenderer(folder), engine_for(folder).model
    for index, call in enumerate(calls):
        prompt = renderer.prompt(call.messages)
        output = model.generate(
            input_ids=torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=16,
            do_sample=False,
        )
        assert many[index].raw["ids"] == tuple(output[0, len(prompt) :].tolist())
