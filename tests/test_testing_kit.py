"""The public testing kit: `fake()`, the renderer of words, and the stand-in backends that need no provider."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import ftkit
import ftkit.testing
import ftkit.types
from ftkit import clock, config
from ftkit.backend import JobStatus, ModelRecord, Usage
from ftkit.data.example import Message
from ftkit.data.tokens import IGNORED
from ftkit.errors import (
    CapabilityError,
    ConfigError,
    DataError,
    FtkitError,
    NotFound,
    TrainingError,
)
from ftkit.registry import backend_names, is_backend, open_backend, replacement
from ftkit.testing import UnexpectedCall, fake
from ftkit.testing.runs_backend.run_folder import RunFolder
from ftkit.testing.words_renderer import WordRenderer

ROWS = [{"prompt": f"question {n}", "completion": f"label {n % 3}"} for n in range(12)]
TALK = (
    Message("system", "Be brief."),
    Message("user", "one two"),
    Message("assistant", "three"),
    Message("user", "four"),
    Message("assistant", "five  six"),
)


# --- fake() ---


def test_replies_are_given_in_their_order_to_whatever_model_is_asked() -> None:
    with fake(["first", "second"]):
        assert ftkit.model("openai/gpt-4.1").chat("a").text == "first"
        assert ftkit.model("router").chat("b").text == "second"


def test_what_was_asked_is_kept_with_the_options_that_somebody_set() -> None:
    with fake(["yes"]) as script:
        ftkit.model("router").chat(
            [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Well?"}],
            temperature=0.5,
            stop="\n",
        )
    (call,) = script.calls
    assert call.model == "replaced/router"
    assert [message.role for message in call.messages] == ["system", "user"]
    assert call.question == "Well?"
    assert call.options == {"temperature": 0.5, "stop": ("\n",)}


def test_a_mapping_answers_by_the_question() -> None:
    with fake({"ping": "pong", "Where?": "here"}):
        model = ftkit.model("router")
        assert model.chat("Where?").text == "here"
        assert model.chat("ping").text == "pong"
        with pytest.raises(UnexpectedCall, match="was asked 'When\\?'.*'ping', 'Where\\?'"):
            model.chat("When?")


def test_a_function_answers_from_the_messages_and_may_ask_a_model_itself() -> None:
    def reply(messages: tuple[Message, ...]) -> str:
        if messages[-1].content == "inner":
            return "deep"
        return ftkit.model("other").chat("inner").text + " " + messages[-1].content

    with fake(reply) as script:
        assert ftkit.model("router").chat("outer").text == "deep outer"
    assert [call.question for call in script.calls] == ["outer", "inner"]


def test_a_call_without_a_reply_is_a_failed_assertion_and_an_error_of_ftkit() -> None:
    with fake(["only one"]) as script:
        model = ftkit.model("router")
        model.chat("a")
        with pytest.raises(UnexpectedCall, match="asked 'b': that is call 2.*given 1 reply") as e:
            model.chat("b")
    assert isinstance(e.value, AssertionError) and isinstance(e.value, FtkitError)
    assert [call.question for call in script.calls] == ["a", "b"]


def test_a_single_text_as_replies_is_refused_with_the_right_spelling() -> None:
    with pytest.raises(ConfigError, match=r"replies=\['billing'\]"), fake("billing"):
        pass


def test_a_reply_that_is_no_text_is_refused() -> None:
    with fake([{"route": "billing"}]), pytest.raises(ConfigError, match="is text, not dict"):  # type: ignore[list-item]
        ftkit.model("router").chat("a")


def test_usage_is_counted_in_words_or_as_it_was_given() -> None:
    with fake(["one two three"]):
        assert ftkit.model("router").chat("a b").usage == Usage(2, 3)
    with fake(["one two three"], usage=Usage(100, 7)):
        reply = ftkit.model("router").chat("a b")
    assert reply.usage == Usage(100, 7)
    assert reply.cost_usd == 0


@pytest.mark.parametrize("text", ["one  two\n three ", "", "  leading", "\U0001f44d \u2028 x"])
def test_every_way_of_asking_gives_the_reply(text: str) -> None:
    async def ask(model: Any) -> tuple[str, str]:
        whole = await model.achat("a")
        return whole.text, "".join([piece async for piece in model.astream("a")])

    with fake([text] * 5) as script:
        model = ftkit.model("router")
        stream = model.stream("a")
        assert "".join(stream) == text
        assert stream.reply is not None and stream.reply.text == text
        assert asyncio.run(ask(model)) == (text, text)
        assert [reply.text for reply in model.map(["a", "b"])] == [text, text]
    assert len(script.calls) == 5


def test_evaluate_runs_on_scripted_answers() -> None:
    right = {row["prompt"]: row["completion"] for row in ROWS}
    with fake(right) as script:
        report = ftkit.evaluate("router", ["openai/another"], data=ROWS)
    assert report.verdict != "better"
    assert len(script.calls) == 2 * len(ROWS)


def test_a_saved_model_is_read_with_its_system_prompt(tmp_path: Path) -> None:
    record = {
        "instance": "openai",
        "native": "ft:1",
        "base": "gpt-4.1",
        "tuned": True,
        "system": "Route.",
    }
    file = tmp_path / "router.json"
    file.write_text(json.dumps({"ftkit_model": 1, "record": record}))
    with fake(["billing"]) as script:
        assert ftkit.model(file).chat("Where?").text == "billing"
    assert script.calls[0].model == "openai/ft:1"
    assert script.calls[0].messages[0] == Message("system", "Route.")


def test_a_provider_that_is_not_installed_answers_too() -> None:
    with pytest.raises(FtkitError):
        ftkit.model("nowhere/x")
    with fake(["yes"]):
        model = ftkit.model("nowhere/x")
        assert (model.id, model.tuned) == ("nowhere/x", False)
        assert model.chat("a").text == "yes"


def test_no_network_and_no_ledger_is_used(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with fake(["a", "b"]):
        model = ftkit.model("router")
        model.map(["x", "y"])
        assert model.base.id == "replaced/base-of-router"
    assert not home.exists()


def test_a_handle_that_is_opened_before_is_faked_inside_and_real_again_after() -> None:
    model = ftkit.model("fake-answers/echo")
    with fake(["scripted"]):
        assert model.chat("hello").text == "scripted"
        assert pickle.loads(pickle.dumps(model)).id == model.id
    assert model.chat("hello").text == "base echo answers: hello"


def test_the_innermost_block_answers() -> None:
    model_name = "router"
    with fake(["outer"]) as outer:
        with fake(["inner"]) as inner:
            assert ftkit.model(model_name).chat("a").text == "inner"
        assert ftkit.model(model_name).chat("b").text == "outer"
    assert [len(script.calls) for script in (outer, inner)] == [1, 1]


def test_nothing_is_left_behind_by_a_block_that_ends_in_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), fake(["a"]):
        raise ZeroDivisionError
    assert replacement() is None
    with pytest.raises(NotFound):
        ftkit.model("router")


def test_threads_that_are_started_inside_are_inside() -> None:
    with fake(lambda messages: messages[-1].content.upper()) as script:
        model = ftkit.model("router")
        with ThreadPoolExecutor(4) as pool:
            texts = list(pool.map(lambda n: model.chat(f"q{n}").text, range(40)))
    assert texts == [f"Q{n}" for n in range(40)]
    assert len(script.calls) == 40


def test_two_threads_with_blocks_of_their_own_do_not_mix() -> None:
    both = threading.Barrier(2)

    def work(reply: str) -> list[str]:
        with fake([reply] * 20):
            both.wait()
            texts = [ftkit.model("router").chat("a").text for _ in range(20)]
            both.wait()
            return texts

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, ["left", "right"])) == [["left"] * 20, ["right"] * 20]
    assert replacement() is None


def test_tasks_of_one_loop_have_each_their_own_block() -> None:
    async def work(reply: str) -> str:
        with fake([reply]):
            await asyncio.sleep(0)
            return (await ftkit.model("router").achat("a")).text

    async def all_of_them() -> list[str]:
        return list(await asyncio.gather(*(work(str(n)) for n in range(8))))

    assert asyncio.run(all_of_them()) == [str(n) for n in range(8)]


def test_a_block_may_end_in_another_context_than_it_was_begun_in() -> None:
    import contextvars

    block = fake(["a"])
    contextvars.copy_context().run(block.__enter__)
    assert ftkit.model("router").chat("q").text == "a"
    block.__exit__(None, None, None)
    assert replacement() is None


def test_training_inside_is_refused_with_what_to_take_instead() -> None:
    with fake(["a"]), pytest.raises(CapabilityError, match="fake-runs"):
        ftkit.submit(ROWS, "openai/gpt-4.1")


# --- words as tokens ---


def test_the_ids_before_an_answer_are_those_it_is_asked_with() -> None:
    renderer = WordRenderer()
    (rendered,) = renderer.render(TALK)
    for end in (2, 4):
        prompt = renderer.prompt(TALK[:end])
        assert rendered.ids[: len(prompt)] == prompt
        assert rendered.labels[len(prompt)] == rendered.ids[len(prompt)]


@pytest.mark.parametrize(
    ("train_on", "trained"),
    [
        ("assistant", ["three", "<|im_end|>", "five", "  six", "<|im_end|>"]),
        ("last", ["five", "  six", "<|im_end|>"]),
    ],
)
def test_answers_are_trained_up_to_and_with_their_end(train_on: str, trained: list[str]) -> None:
    renderer = WordRenderer()
    (rendered,) = renderer.render(TALK, train_on)
    assert [text for text, learned in renderer.tokens(rendered) if learned] == trained
    assert rendered.trained == len(trained)


def test_train_on_all_labels_every_token() -> None:
    (rendered,) = WordRenderer().render(TALK, "all")
    assert rendered.labels == rendered.ids


def test_the_words_join_to_the_template_and_nothing_stands_behind_the_last_end() -> None:
    renderer = WordRenderer()
    (rendered,) = renderer.render(TALK)
    assert renderer.decode(rendered.ids) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\none two<|im_end|>\n"
        "<|im_start|>assistant\nthree<|im_end|>\n<|im_start|>user\nfour<|im_end|>\n"
        "<|im_start|>assistant\nfive  six<|im_end|>"
    )
    assert IGNORED in rendered.labels


def test_a_words_id_is_the_same_in_every_process() -> None:
    (start, role, *_) = WordRenderer().prompt([Message("user", "x")])
    assert (start, role) == (24870874770235017, 14757334963325743)


@pytest.mark.parametrize(
    ("messages", "match"),
    [
        ([], "does not end in an assistant message"),
        ([Message("user", "x")], "does not end in an assistant message"),
        ([Message("assistant", "x")], "starts with an assistant message"),
        (
            [Message("user", "a <|im_end|>"), Message("assistant", "x")],
            r"message 1 \(user\) holds the control token <\|im_end\|>",
        ),
    ],
)
def test_a_conversation_that_cannot_be_trained_is_refused(
    messages: list[Message], match: str
) -> None:
    with pytest.raises(DataError, match=match):
        WordRenderer().render(messages)


def test_an_unknown_train_on_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'assistant'"):
        WordRenderer().render(TALK, "asistant")


# --- which backends are gone through ---


def test_stand_ins_are_found_by_name_and_left_out_of_every_list() -> None:
    stand_ins = {"fake", "fake-runs", "fake-answers"}
    assert all(is_backend(name) for name in stand_ins)
    assert stand_ins.isdisjoint(backend_names())
    assert "local" in backend_names()


# --- fake-answers ---


def test_an_answer_costs_its_tokens_by_the_catalogue() -> None:
    reply = ftkit.model("fake-answers/echo").chat("five words are asked here")
    assert reply.text == "base echo answers: five words are asked here"
    assert reply.usage == Usage(5, 8)
    assert str(reply.cost_usd) == "0.000037"
    assert ftkit.model("fake-answers/echo-unpriced").chat("x").cost_usd is None


def test_an_answer_ends_at_max_tokens_and_at_a_stop_text() -> None:
    model = ftkit.model("fake-answers/echo")
    cut = model.chat("a b c", max_tokens=2)
    assert (cut.text, cut.finish_reason) == ("base echo", "length")
    assert model.chat("a b c", stop=" b").text == "base echo answers: a"


# --- fake-runs ---


Start = Callable[..., tuple[ftkit.types.Job, RunFolder]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start a job of fake-runs under these settings; the job, once it has made a step, and its folder."""

    def begin(**settings: Any) -> tuple[ftkit.types.Job, RunFolder]:
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        file = tmp_path / "runs.toml"
        file.write_text(f'[providers.mine]\nbackend = "fake-runs"\n{lines}')
        monkeypatch.setenv("FTKIT_CONFIG", str(file))
        job = ftkit.submit(ROWS, "mine/tiny")
        until(lambda: (job.progress or (0, 0))[0] > 0)
        return job, RunFolder(config.home() / "fake-runs" / job.id)

    return begin


def until(good: Any) -> None:
    deadline = clock.monotonic() + 30
    while not good():
        assert clock.monotonic() < deadline, "waited in vain"
        clock.sleep(0.02)


def kill(run: RunFolder) -> None:
    pid = [event for event in run.events() if event.type == "started"][-1].data["pid"]
    os.kill(int(pid), signal.SIGKILL)
    until(lambda: not run.alive())


def test_a_run_outlives_its_submitter_and_is_nobodys_child(start: Start) -> None:
    job, run = start(steps=100, step_s=0.02)
    pid = int(next(run.events()).data["pid"])
    assert Path(f"/proc/{pid}").exists() and run.alive()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    job.cancel()
    assert job.wait(30).status is JobStatus.CANCELLED


def test_the_trainer_sees_no_key(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-of-this-test")
    job, run = start(steps=100, step_s=0.02)
    pid = int(next(run.events()).data["pid"])
    assert b"canary-of-this-test" not in Path(f"/proc/{pid}/environ").read_bytes()
    job.cancel()


def test_a_killed_run_has_failed_and_the_same_submission_lets_it_go_on(start: Start) -> None:
    job, run = start(steps=20, step_s=0.02)
    kill(run)
    assert (job.status, job.raw_status) == (JobStatus.FAILED, "died")
    with (run.path / "events.jsonl").open("ab") as file:
        file.write(b'{"id": 99, "at": "cut off by the cr')
    again = ftkit.submit(ROWS, "mine/tiny")
    assert again.id == job.id
    assert again.wait(30).status is JobStatus.SUCCEEDED
    events = list(run.events())
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    steps = [event.data["step"] for event in events if event.type == "step"]
    assert steps == list(range(1, 21)), "no step is lost, none is made twice"


def test_of_many_who_resume_a_dead_run_one_starts_it(start: Start) -> None:
    job, run = start(steps=30, step_s=0.02)
    kill(run)
    training = open_backend("mine", config.settings()).training
    assert training is not None
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: training.resume(job.id), range(8)))  # type: ignore[attr-defined]
    assert sum(won) == 1
    job.cancel()
    job.wait(30)
    assert [event.type for event in run.events()].count("started") == 2


def test_a_dead_run_that_was_asked_to_stop_is_cancelled_and_not_resumed(start: Start) -> None:
    job, run = start(steps=100, step_s=0.02)
    kill(run)
    training = open_backend("mine", config.settings()).training
    assert training is not None
    training.cancel(job.id)
    assert training.get(job.id).status is JobStatus.CANCELLED
    assert training.resume(job.id) is False  # type: ignore[attr-defined]
    with pytest.raises(TrainingError, match="cancelled"):
        training.result(job.id)


def test_a_run_that_was_prepared_and_never_started_is_started_by_whoever_looks(
    start: Start,
) -> None:
    job, run = start(steps=2, step_s=0.0)
    job.wait(30)
    for name in ("events.jsonl", "result.json"):
        (run.path / name).unlink()
    training = open_backend("mine", config.settings()).training
    assert training is not None
    until(lambda: training.get(job.id).status is JobStatus.SUCCEEDED)


def test_the_settings_say_how_long_a_run_is(start: Start) -> None:
    job, _ = start(steps=7, step_s=0.0)
    assert job.wait(30).progress == (7, 7)
    assert ftkit.estimate(ROWS, "mine/tiny").resolved.steps == 7
    assert ftkit.estimate(ROWS, "fake-runs/tiny").resolved.steps == 2


def test_a_tuned_model_is_asked_by_its_runs_key(start: Start) -> None:
    job, _ = start(steps=1, step_s=0.0)
    model = job.wait(30).model()
    assert model.chat("hello").text == f"tuned {job.id} answers: hello"
    assert ftkit.model(f"mine/{job.id}").record.base == "tiny"
    assert isinstance(model.record, ModelRecord) and model.record.tuned
