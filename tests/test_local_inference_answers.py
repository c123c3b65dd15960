"""Answering with local models: threads and twins that agree, streams that add up, and settings that are honoured."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.backend import Answer, ModelRecord
from ftkit.data.example import Message
from ftkit.errors import CapabilityError, ConfigError, DataError
from ftkit_local import engine
from ftkit_local.engine import engine_for
from ftkit_local.inference import LocalInference
from tests import local_models
from tests.local_models import QUESTIONS, asked

base, local, tuned = local_models.base, local_models.local, local_models.tuned
nothing_in_memory = local_models.nothing_in_memory


# --- one process -------------------------------------------------------------------------------------------------


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
