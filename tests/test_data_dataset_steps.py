"""Where rows come from and what was done with them; what is asked of a sample; that none of it is in a hash."""

from __future__ import annotations

import dataclasses
import pickle
import random
from pathlib import Path

import pytest

from ftkit.data import Dataset, Example, load
from ftkit.errors import ConfigError

ROWS = [{"q": f"question {i}", "a": f"answer {i}", "n": i} for i in range(6)]


@pytest.fixture
def data() -> Dataset:
    return load(ROWS, prompt="q", completion="a")


def odd(example: Example) -> bool:
    return example.fields["n"] % 2 == 1


def bare(example: Example) -> Example:
    return dataclasses.replace(example, fields={})


def test_hashes_are_those_under_which_jobs_were_started(data: Dataset) -> None:
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert [
        data.sha256,
        data.filter(odd).sha256,
        data.map(bare).sha256,
        load([{"messages": chat}], system="S").sha256,
    ] == [
        "8a34034c6487231331855025ec1f33cbb5f58960ad8d1531bbfafd8792dca0a5",
        "51bb73ff2ec45a9f4cae69353dedccb70c2bc5910be86cc0cf2b9d4579069019",
        "fedfb622b5754da3f9700ee3a56e9f01e18cef9f7fe67407042a41a4cc7897a3",
        "ac13aa2cb4da47b1db6da17720d25985efca11791916f9f60a2dfb5b12c7999e",
    ]


def test_every_step_is_told_in_words(data: Dataset) -> None:
    made = data.filter(odd).map(bare).sample(2, seed=7)[:1].select([0], why="the best one")
    assert made.provenance.steps == (
        "load",
        "filter by odd: 3 of 6 rows",
        "map by bare",
        "sample 2, seed 7: 2 of 3 rows",
        "rows [:1]: 1 of 2 rows",
        "the best one: 1 of 1 rows",
    )
    assert "filter by a lambda: 6 of 6 rows" in data.filter(lambda e: True).provenance.steps
    train, held_out = data.split(test=2, seed=3)
    assert train.provenance.steps[1:] == ("split train, seed 3: 4 of 6 rows",)
    assert held_out.provenance.steps[1:] == ("split held_out, seed 3: 2 of 6 rows",)
    assert data.provenance.steps == ("load",), "what a data set was made from stays as it is"


def test_the_provenance_names_the_file_its_format_and_the_hash_of_all_its_rows(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "c", "completion": "d"}\n')
    data = load(path)
    origin = data[:1].map(bare).provenance
    assert (origin.source, origin.format, origin.rows) == (str(path), "prompt_completion", 2)
    assert origin.sha256 == data.sha256 and origin.detected == data.detected != ""
    told = str(origin).split("\n")
    assert told[0].startswith(f"{path}: 2 rows, prompt_completion (")
    assert told[1:] == [f"  sha256 {data.sha256}", "  1. load", *told[3:]]
    assert told[3:] == ["  2. rows [:1]: 1 of 2 rows", "  3. map by bare"]


def test_the_provenance_travels_to_another_process(data: Dataset) -> None:
    for made in (data, data.filter(odd), data.concat(data).map(bare)):
        again = pickle.loads(pickle.dumps(made))
        assert again.provenance == made.provenance and again.detected == made.detected


def test_a_sample_is_the_same_rows_whatever_their_order(data: Dataset) -> None:
    many = load([{"prompt": f"p{i % 40}", "completion": "c", "n": i} for i in range(200)])
    order = list(range(200))
    random.Random(1).shuffle(order)
    mixed = many.select(order)
    for n, rows in ((33, 33), (0.25, 50), (1.0, 200)):  # five rows each have one content
        one, other = many.sample(n, seed=5), mixed.sample(n, seed=5)
        assert len(one) == len(other) == rows
        assert sorted(map(number, one)) == sorted(map(number, other))
    taken = [row.number for row in many.sample(30).rows]
    assert taken == sorted(taken), "they stand in the order of the data set"


def number(example: Example) -> int:
    return int(example.fields["n"])


def test_another_seed_takes_other_rows_and_more_rows_hold_the_fewer() -> None:
    data = load([{"prompt": f"p{i}", "completion": "c", "n": i} for i in range(200)])
    samples = [set(map(number, data.sample(50, seed=seed))) for seed in range(4)]
    assert all(len(one & other) < 30 for one in samples for other in samples if one is not other)
    assert set(map(number, data.sample(20))) < set(map(number, data.sample(50)))
    held = set(map(number, data.split(test=50, seed=0)[1]))
    assert len(held & samples[0]) < 30, "a sample is no prediction of a split"


@pytest.mark.parametrize("n", [0, -1, 7, 0.0, 1.5, True, "2", None])
def test_a_number_that_cannot_be_taken_is_refused(data: Dataset, n: object) -> None:
    with pytest.raises(ConfigError):
        data.sample(n)  # type: ignore[arg-type]
