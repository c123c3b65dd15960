"""Where no tokenizer is at hand: an estimate that says it is one, and errors that were really measured."""

from __future__ import annotations

import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.data import load, token_estimate
from ftkit.data.token_estimate import NAMES, estimated_counts, estimated_tokens, rates
from ftkit.errors import DataError
from ftkit.testing.runs_backend.training import RunsTraining
from tests.published_data import needs_published
from tests.token_texts import SCRIPTS

FILE = tomllib.loads(Path(token_estimate.__file__).with_name("token_rates.toml").read_text("utf-8"))
ROWS = [
    {"prompt": f"Where is parcel {number}? It was sent on Monday.", "completion": "In the van."}
    for number in range(20)
]
needs_faker = pytest.mark.skipif(find_spec("faker") is None, reason="faker is not installed")


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, tuple[float, float, float]]]:
    """The errors, measured again by what the data file was written with."""
    from tests.token_texts import text_sets
    from tools.fit_token_rates import measured, tokenizers

    return measured(text_sets(), tokenizers(), dict(rates().per_one))


@needs_faker
@needs_published
def test_the_errors_in_the_data_file_are_the_ones_that_are_measured(measured: Any) -> None:
    assert measured.keys() == FILE["errors"].keys()
    for name, by in measured.items():
        for tokenizer, (whole, mean, worst) in by.items():
            said = FILE["errors"][name][tokenizer]
            assert (whole, mean, worst) == pytest.approx(
                (said["whole"], said["mean"], said["worst"]),
                abs=0.1 if name == "Python code" else 0.02,  # each Python has a library of its own
            ), (name, tokenizer)


def test_a_scripts_worst_error_is_the_worst_of_its_sets() -> None:
    for script, said in FILE["scripts"].items():
        wholes = [
            abs(error["whole"])
            for name, by in FILE["errors"].items()
            if SCRIPTS.get(name, "latin") == script
            for error in by.values()
        ]
        assert said["worst"] == pytest.approx(max(wholes), abs=0.002)
        assert said["mean"] == pytest.approx(sum(wholes) / len(wholes), abs=0.002)


@needs_faker
@needs_published
def test_no_set_has_more_tokens_than_the_estimate_says_it_has_at_most() -> None:
    """By the tokenizers themselves, on all of each set; a turn's marks are left out on both sides."""
    from tests.token_texts import text_sets
    from tools.fit_token_rates import tokenizers

    counts = tokenizers()
    for name, texts in text_sets().items():
        worst = rates().errors[SCRIPTS.get(name, "latin")][1]
        most = sum(map(estimated_tokens, texts)) / (1 - worst)
        for tokenizer, count in counts.items():
            assert sum(map(count, texts)) <= most * 1.02, (name, tokenizer)


def test_every_class_has_a_rate() -> None:
    assert set(rates().per_one) == set(NAMES)
    assert all(rate > 0 for rate in rates().per_one.values())


def test_the_tools_and_every_turn_are_in_the_estimate() -> None:
    tool = {"type": "function", "function": {"name": "find", "description": "a parcel"}}
    turns = [{"role": "user", "content": "one two"}, {"role": "assistant", "content": "three"}]
    plain = estimated_counts(load([{"messages": turns}]))
    more = estimated_counts(load([{"messages": turns, "tools": [tool]}]))
    long = estimated_counts(load([{"messages": [*turns, *turns]}]))
    assert plain.tokens < more.tokens and plain.tokens < long.tokens
    assert plain.trained_tokens == more.trained_tokens < long.trained_tokens


def test_a_row_with_an_image_has_no_estimate() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    row = {
        "messages": [
            {"role": "user", "content": [picture]},
            {"role": "assistant", "content": "a van"},
        ]
    }
    with pytest.raises(DataError, match="no estimate") as caught:
        estimated_counts(load([row]))
    assert caught.value.faults[0].row == 1


# --- the quote says so ---


def test_a_quote_without_a_tokenizer_says_estimate_with_its_error_and_counts_the_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(RunsTraining, "renderer", lambda self, base: None)
    quote = ftkit.estimate(ROWS, "fake-runs/tiny")
    estimated = quote.resolved.counts.estimated
    assert estimated is not None and quote.at_most
    most = estimated.tokens / (1 - estimated.worst_error)  # an error is a share of the true number
    assert quote.resolved.counts.tokens >= most - 1 > estimated.tokens
    said = str(quote)
    assert "estimate without a tokenizer" in said and f"{estimated.tokens:,} tokens" in said
    assert f"+-{estimated.worst_error:.0%}, measured on" in said and str(FILE["as_of"]) in said
    assert quote.to_dict()["estimate"]["tokens"] == estimated.tokens
    assert len(quote.resolved.counts.by_row) == len(ROWS)


def test_a_quote_with_a_tokenizer_says_no_such_thing() -> None:
    quote = ftkit.estimate(ROWS, "fake-runs/tiny")
    assert "estimate" not in str(quote) and quote.to_dict()["estimate"] is None


def test_rates_of_half_the_size_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bpe_openai")
    import bpe_openai

    texts = [row["prompt"] for row in ROWS]
    true = sum(len(bpe_openai.get_encoding("o200k_base").encode_ordinary(t)) for t in texts)
    worst = rates().errors["latin"][1]
    guess = sum(map(estimated_tokens, texts))
    assert guess / (1 - worst) >= true > guess / 2 / (1 - worst)
