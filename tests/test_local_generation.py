"""The decoding loop: the same tokens alone, in a batch and in transformers; limits, stops, draws and text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit import clock
from ftkit.errors import DataError
from ftkit_local.answer_text import AnswerText
from ftkit_local.engine import Weights, engine_for
from ftkit_local.generation import Finished, Prompt, Vocabulary, fitted, generate
from ftkit_local.sampling import Sampling, draw
from tests.tiny import tiny_model_folder

NOTHING_STOPS = Vocabulary(lambda ids: "".join(chr(0x100 + id) for id in ids), frozenset())
LENGTHS = (3, 40, 17, 1, 23)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {arch: tiny_model_folder(folder / arch, arch) for arch in ("llama", "qwen3", "gemma3")}


@pytest.fixture
def llama(models: dict[str, Path]) -> Weights:
    return engine_for(models["llama"]).weights()


def some_prompts(max_tokens: int = 24) -> list[Prompt]:
    random = torch.Generator().manual_seed(5)
    return [
        Prompt(tuple(torch.randint(10, 300, (length,), generator=random).tolist()), max_tokens)
        for length in LENGTHS
    ]


def answers(
    decoder: Any, prompts: Sequence[Prompt], vocabulary: Vocabulary = NOTHING_STOPS
) -> list[Finished]:
    found = {i: p for i, p in generate(decoder, prompts, vocabulary) if isinstance(p, Finished)}
    return [found[index] for index in range(len(prompts))]


@dataclass
class Watched:
    """A decoder that counts the rows of each step, and lets a virtual second pass in it."""

    weights: Weights
    rows: list[int] = field(default_factory=list)
    read: list[tuple[int, ...]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def device(self) -> Any:
        return self.weights.device

    @property
    def can_share(self) -> bool:
        return self.weights.can_share

    def cache(self) -> Any:
        return self.weights.cache()

    def step(self, ids: Any, mask: Any, positions: Any, cache: Any) -> Any:
        self.rows.append(len(ids))
        self.read.append(tuple(ids.shape))
        if self.seconds:
            clock.sleep(self.seconds)
        return self.weights.step(ids, mask, positions, cache)


# --- the same tokens ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", ["llama", "qwen3", "gemma3"])
def test_greedy_is_the_same_alone_in_a_batch_and_in_transformers(
    models: dict[str, Path], arch: str
) -> None:
    weights = engine_for(models[arch]).weights()
    prompts = some_prompts()
    reference = []
    for prompt in prompts:
        output = weights.engine.model.generate(
            input_ids=torch.tensor([prompt.ids]),
            attention_mask=torch.ones(1, len(prompt.ids), dtype=torch.long),
            max_new_tokens=prompt.max_tokens,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )
        reference.append(tuple(output[0, len(prompt.ids) :].tolist()))

    together = [answer.ids for answer in answers(weights, prompts)]
    alone = [answers(weights, [prompt])[0].ids for prompt in prompts]

    assert together == reference
    assert alone == reference
    assert len(set(reference)) == len(prompts)  # the answers do depend on the prompts


@pytest.mark.parametrize("arch", ["llama", "gemma3"])
def test_rows_that_are_done_leave_the_batch_and_change_nothing_for_the_others(
    models: dict[str, Path], arch: str
) -> None:
    weights = engine_for(models[arch]).weights()
    limits = (2, 24, 5, 24, 9)
    prompts = [replace(p, max_tokens=n) for p, n in zip(some_prompts(), limits, strict=True)]
    watched = Watched(weights)

    found = answers(watched, prompts)

    assert watched.rows == [5] * 2 + [4] * 3 + [3] * 4 + [2] * 15
    assert [a.ids for a in found] == [answers(weights, [p])[0].ids for p in prompts]


@pytest.mark.parametrize(
    ("arch", "read"),
    # gemma3 slides a window of 16 tokens over some layers: padding inside it would count
    [("llama", [(1, 30), (5, 40)]), ("gemma3", [(5, 70)])],
)
def test_what_all_prompts_start_with_is_read_once_and_changes_no_token(
    models: dict[str, Path], arch: str, read: list[tuple[int, int]]
) -> None:
    weights = engine_for(models[arch]).weights()
    start = tuple(range(100, 130))
    prompts = [replace(prompt, ids=start + prompt.ids) for prompt in some_prompts()]
    watched = Watched(weights)

    found = answers(watched, prompts)

    assert watched.read[: len(read)] == read
    assert [a.ids for a in found] == [answers(weights, [p])[0].ids for p in prompts]


def test_equal_prompts_share_all_but_the_token_that_asks(llama: Weights) -> None:
    prompt = some_prompts(3)[1]
    watched = Watched(llama)
    first, second = answers(watched, [prompt, prompt])
    assert watched.read == [(1, 39), (2, 1), (2, 1), (2, 1)]
    assert first == second == answers(llama, [prompt])[0]


# --- where an answer ends ----------------------------------------------------------------------------------------


def test_a_stop_id_ends_the_answer_counts_as_a_token_and_has_no_text(llama: Weights) -> None:
    [prompt] = some_prompts()[1:2]
    [whole] = answers(llama, [prompt])
    third = whole.ids[2]
    assert third not in whole.ids[:2]

    [answer] = answers(llama, [prompt], replace(NOTHING_STOPS, stop=frozenset({third})))

    assert answer.ids == whole.ids[:3]
    assert answer.text == whole.text[:2]
    assert answer.reason == "stop"


def test_max_tokens_ends_the_answer_with_reason_length(llama: Weights) -> None:
    [answer] = answers(llama, [replace(some_prompts()[0], max_tokens=4)])
    assert (len(answer.ids), answer.reason) == (4, "length")


def test_a_timeout_is_seen_between_tokens_and_keeps_what_is_there(
    llama: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = tmp_path / "now"
    now.write_text("2026-03-01T12:00:00+00:00", encoding="utf-8")
    monkeypatch.setenv("FTKIT_NOW", f"file:{now}")
    patient, hasty = (
        replace(p, timeout_s=t) for p, t in zip(some_prompts(), (None, 6.5), strict=False)
    )

    long, short = answers(Watched(llama, seconds=2.0), [patient, hasty])

    assert (len(short.ids), short.reason) == (4, "timeout")
    assert short.ids == answers(llama, [replace(hasty, timeout_s=None)])[0].ids[:4]
    assert (len(long.ids), long.reason) == (24, "length")


def test_no_time_at_all_asks_the_model_nothing(llama: Weights) -> None:
    watched = Watched(llama)
    [answer] = answers(watched, [replace(some_prompts()[0], timeout_s=0.0)])
    assert (answer, watched.rows) == (Finished("", (), "timeout"), [])


def test_a_cancelled_generation_ends_at_the_next_token(llama: Weights) -> None:
    watched = Watched(llama)
    list(generate(watched, some_prompts(), NOTHING_STOPS, lambda: len(watched.rows) == 3))
    assert watched.rows == [5, 5, 5]


def test_max_tokens_is_cut_to_what_the_model_has_room_for() -> None:
    [fits, cut] = fitted([Prompt((1,) * 10, 5), Prompt((1,) * 10, 50)], 32)
    assert (fits.max_tokens, cut.max_tokens) == (5, 22)


def test_a_prompt_that_fills_the_model_is_refused_with_both_numbers_and_its_row() -> None:
    with pytest.raises(DataError) as caught:
        fitted([Prompt((1,) * 31, 5), Prompt((1,) * 32, 5), Prompt((1,) * 40, 5)], 32)
    assert [fault.row for fault in caught.value.faults] == [2, 3]
    assert "row 3" in str(caught.value)
    assert "40 tokens" in str(caught.value)
    assert "reads 32" in str(caught.value)


# --- draws -------------------------------------------------------------------------------------------------------


def test_a_seeded_draw_is_the_same_again_and_whatever_rows_are_beside_it(llama: Weights) -> None:
    hot = [
        replace(prompt, sampling=Sampling(1.5, 0.95, seed))
        for seed, prompt in enumerate(some_prompts())
    ]
    together = [answer.ids for answer in answers(llama, hot)]
    alone = [answers(llama, [prompt])[0].ids for prompt in hot]
    other_seed = answers(llama, [replace(hot[1], sampling=Sampling(1.5, 0.95, 99))])[0].ids

    assert together == alone
    assert other_seed != alone[1]
    assert [a.ids for a in answers(llama, some_prompts())] != together


def test_without_a_seed_two_draws_differ(llama: Weights) -> None:
    prompt = replace(some_prompts()[1], sampling=Sampling(temperature=2.0))
    assert answers(llama, [prompt])[0].ids != answers(llama, [prompt])[0].ids


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax_of_the_scaled_logits(temperature: float) -> None:
    logits = torch.tensor([1.0, 0.0, 2.0, -1.0])
    generator = torch.Generator().manual_seed(0)
    n = 2000
    counts = Counter(draw(logits, Sampling(temperature), generator) for _ in range(n))
    for token, chance in enumerate(torch.softmax(logits / temperature, -1).tolist()):
        spread = math.sqrt(n * chance * (1 - chance))
        assert abs(counts[token] - n * chance) < 4 * spread


@pytest.mark.parametrize(("top_p", "kept"), [(0.5, {2}), (0.7, {2, 0}), (0.95, {2, 0, 1})])
def test_top_p_keeps_the_fewest_tokens_that_reach_it(top_p: float, kept: set[int]) -> None:
    logits = torch.tensor([0.25, 0.12, 0.60, 0.03]).log()
    generator = torch.Generator().manual_seed(0)
    sampling = Sampling(1.0, top_p)
    assert {draw(logits, sampling, generator) for _ in range(500)} == kept


def test_top_p_is_right_where_the_mass_is_spread_over_thousands_of_tokens() -> None:
    logits = torch.linspace(0, -1, 5000)
    heap = logits.softmax(-1).cumsum(-1)
    last = int((heap < 0.9).sum())  # 4324: the token with which 0.9 is reached
    generator = torch.Generator().manual_seed(0)
    drawn = {draw(logits, Sampling(1.0, 0.9), generator) for _ in range(200)}
    assert 3000 < max(drawn) <= last < 4500


def test_a_tiny_temperature_is_greedy_and_not_an_infinity() -> None:
    logits = torch.tensor([50.0, 80.0, 79.9])
    generator = torch.Generator().manual_seed(0)
    assert {draw(logits, Sampling(1e-9), generator) for _ in range(50)} == {1}


# --- text --------------------------------------------------------------------------------------------------------


def by_byte(ids: Sequence[int]) -> str:
    """A tokenizer whose ids are bytes: every character outside ASCII spans tokens."""
    return bytes(ids).decode("utf-8", "replace")


def shown(text: str | bytes, stops: Sequence[str] = (), *, cut_short: bool = False) -> list[str]:
    answer = AnswerText(by_byte, stops)
    pieces = []
    for token in text.encode() if isinstance(text, str) else text:
        pieces.append(answer.push(token))
        if answer.stopped:
            break
    pieces.append(answer.finish(cut_short=cut_short))
    assert "".join(pieces) == answer.text
    return [piece for piece in pieces if piece]


def test_a_piece_never_holds_half_a_character() -> None:
    assert shown("aß東🙂b") == ["a", "ß", "東", "🙂", "b"]


def test_bytes_that_never_become_a_character_stay_in_the_text_once_that_is_certain() -> None:
    assert "".join(shown(b"a\xe6\x9dz")) == "a\N{REPLACEMENT CHARACTER}z"


def test_an_answer_cut_inside_a_character_ends_before_it() -> None:
    half = "a🙂".encode()[:-1]
    assert shown(half, cut_short=True) == ["a"]
    assert shown(half, cut_short=False) == ["a", "\N{REPLACEMENT CHARACTER}"]


def test_text_that_may_become_a_stop_string_waits_until_it_is_certain() -> None:
    assert shown("ab\n\nc", ["\n\nX"]) == ["a", "b", "\n\nc"]
    assert shown("ab\n", ["\n\n"]) == ["a", "b", "\n"]


def test_a_hidden_token_has_no_text() -> None:
    answer = AnswerText(by_byte, hidden=lambda token: token == 0)
    assert [answer.push(token) for token in b"a\0b"] == ["a", "", "b"]


@given(
    chunks=st.lists(st.text("ab\nß🙂", min_size=1, max_size=5), max_size=6),
    stops=st.lists(st.text("ab\nß🙂", min_size=1, max_size=4), max_size=3),
)
def test_the_text_ends_exactly_before_the_stop_string_that_is_complete_first(
    chunks: list[str], stops: list[str]
) -> None:
    text = "".join(chunks)
    ends = [(text.find(s) + len(s), text.find(s)) for s in stops if s in text]
    expected = text[: min(ends)[1]] if ends else text

    assert "".join(shown(text, stops)) == expected
    by_chunk = AnswerText(lambda ids: "".join(chunks[id] for id in ids), stops)
    for token in range(len(chunks)):
        if not by_chunk.stopped:
            by_chunk.push(token)
    by_chunk.finish(cut_short=False)
    assert by_chunk.text == expected


@dataclass
class Scripted:
    """A decoder that says the given bytes."""

    says: bytes
    device: Any = "cpu"
    can_share: bool = False

    def cache(self) -> Any:
        return None

    def step(self, ids: Any, mask: Any, positions: Any, cache: Any) -> Any:
        token, self.says = self.says[0], self.says[1:]
        return torch.nn.functional.one_hot(torch.tensor([token]), 256)


@pytest.mark.parametrize(
    ("says", "max_tokens", "text", "reason"),
    [
        ("a🙂\0", 3, "a", "length"),
        ("a🙂\0", 5, "a🙂", "length"),
        ("a🙂\0", 9, "a🙂", "stop"),
    ],
)
def test_an_answer_that_its_limit_cuts_inside_a_character_ends_before_it(
    says: str, max_tokens: int, text: str, reason: str
) -> None:
    vocabulary = Vocabulary(by_byte, frozenset({0}))
    [answer] = answers(Scripted(says.encode()), [Prompt((1,), max_tokens)], vocabulary)
    assert (answer.text, answer.reason) == (text, reason)


def test_a_stop_string_over_several_tokens_ends_the_answer_and_the_work(llama: Weights) -> None:
    prompt = some_prompts()[1]
    [whole] = answers(llama, [prompt])
    stop = whole.text[3:6]
    at = whole.text.find(stop)
    watched = Watched(llama)

    pieces = list(generate(watched, [replace(prompt, stop=(stop,))], NOTHING_STOPS))

    assert pieces[-1] == (0, Finished(whole.text[:at], whole.ids[: at + 3], "stop"))
    assert "".join(piece for _, piece in pieces[:-1] if isinstance(piece, str)) == whole.text[:at]
    assert len(watched.rows) == at + 3
