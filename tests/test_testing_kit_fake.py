"""`fake()`: scripted replies in place of every model inside its block, and nothing of it before or after."""

from __future__ import annotations

import asyncio
import json
import pickle
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.backend import Usage
from ftkit.data.example import Message
from ftkit.errors import CapabilityError, ConfigError, FtkitError, NotFound
from ftkit.registry import replacement
from ftkit.testing import UnexpectedCall, fake

ROWS = [{"prompt": f"question {n}", "completion": f"label {n % 3}"} for n in range(12)]


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
