"""Stand-in backends: left out of every list, and `fake-answers`, whose answers cost their tokens."""

from __future__ import annotations

import ftkit
from ftkit.backend import Usage
from ftkit.registry import backend_names, is_backend


def test_stand_ins_are_found_by_name_and_left_out_of_every_list() -> None:
    stand_ins = {"fake", "fake-runs", "fake-answers"}
    assert all(is_backend(name) for name in stand_ins)
    assert stand_ins.isdisjoint(backend_names())
    assert "local" in backend_names()


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
