"""A step weighs tokens, order and schedule are pure functions, and rows that cannot be learned are named."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.data.example import Example
from ftkit.data.tokens import IGNORED, Rendered
from ftkit.errors import DataError, StorageError
from ftkit.hyperparameters import Hyperparameters
from ftkit_local.trainer.batches import (
    batches_of_run,
    epoch_batches,
    micro_batches,
    steps_of,
)
from ftkit_local.trainer.gradients import Work, accumulate_gradients, mean_loss
from ftkit_local.trainer.rows import TrainingRow, read_rows
from ftkit_local.trainer.schedule import learning_rate
from ftkit_local.trainer.spec import SpecFile
from ftkit_local.trainer.supervised import Supervised
from tests.local_runs import Home, conversation
from tests.tiny import tiny_model_folder

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("base") / "tiny-llama")


@pytest.fixture
def here(tmp_path: Path, base_folder: Path) -> Home:
    return Home(tmp_path, base_folder)


def load(folder: Path | str) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def rows_for(here: Home, count: int = 8, train_on: str = "assistant") -> list[TrainingRow]:
    file = here.file([conversation(n) for n in range(count)])
    renderer = here.training.renderer(here.training.base(str(here.base_folder)))
    assert renderer is not None
    return read_rows(spec_file(file), renderer, train_on=train_on, max_length=512)


def spec_file(path: Path) -> SpecFile:
    import hashlib

    return SpecFile(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def work(budget: int = 10_000, **settings: Any) -> Work:
    return Work(Hyperparameters(**settings), 1, budget, 0, CPU, Supervised())


def gradients(folder: Path | str, rows: list[TrainingRow], budget: int) -> tuple[float, list[Any]]:
    model = load(folder)
    loss = accumulate_gradients(model, rows, work(budget))
    return loss, [parameter.grad for parameter in model.parameters()]


# --- the loss ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [1, 60, 150])
@pytest.mark.parametrize("turned", [False, True])
def test_micro_batches_and_row_order_change_no_gradient(
    here: Home, budget: int, turned: bool
) -> None:
    rows = rows_for(here)
    assert len({len(row.ids) for row in rows}) > 3  # there is padding to go wrong
    loss, whole = gradients(here.base_folder, rows, 10_000)

    other_loss, other = gradients(here.base_folder, rows[::-1] if turned else rows, budget)

    assert other_loss == pytest.approx(loss, rel=1e-5)
    for one, two in zip(whole, other, strict=True):
        assert float((one - two).norm() / one.norm()) < 1e-5


@pytest.mark.parametrize("train_on", ["assistant", "all"])
def test_the_loss_is_that_of_transformers_over_the_labelled_tokens(
    here: Home, train_on: str
) -> None:
    rows = rows_for(here, 1, train_on)
    model = load(here.base_folder)
    expected = model(
        input_ids=torch.tensor([rows[0].ids]), labels=torch.tensor([rows[0].labels])
    ).loss.item()

    assert accumulate_gradients(model, rows, work()) == pytest.approx(expected, rel=1e-5)
    assert mean_loss(model, rows, work()) == pytest.approx(expected, rel=1e-5)


def test_a_step_weighs_tokens_and_not_rows(here: Home) -> None:
    rows = rows_for(here, 6)
    model = load(here.base_folder)
    single = [(mean_loss(model, [row], work()), row.weight) for row in rows]
    assert len({trained for _, trained in single}) > 1

    expected = sum(loss * trained for loss, trained in single) / sum(n for _, n in single)

    assert accumulate_gradients(model, rows, work()) == pytest.approx(expected, rel=1e-5)


# --- order and schedule ------------------------------------------------------------------------------------------


def test_every_row_occurs_once_an_epoch_and_rows_of_like_length_go_together() -> None:
    lengths = [(n * 37) % 101 + 1 for n in range(95)]

    batches = epoch_batches(lengths, seed=3, epoch=0, batch_size=10)

    assert sorted(index for batch in batches for index in batch) == list(range(95))
    assert sorted(len(batch) for batch in batches) == [5] + [10] * 9
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in batches)
    assert padded < sum(lengths) * 1.15


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = [5, 9, 2, 7, 7, 1, 3, 8] * 5

    first = epoch_batches(lengths, 0, 0, 4)

    assert first == epoch_batches(lengths, 0, 0, 4)
    assert first != epoch_batches(lengths, 1, 0, 4)
    assert first != epoch_batches(lengths, 0, 1, 4)


def test_a_run_of_one_and_a_half_epochs_cuts_the_second_one() -> None:
    steps = steps_of(10, 4, 1.5)

    epochs = [epoch for epoch, _ in batches_of_run([1] * 10, 0, 4, steps)]

    assert epochs == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("rows", "batch", "epochs", "steps"),
    [(8, 4, 1, 2), (9, 4, 1, 3), (30, 1, 0.1, 3), (3, 8, 0.1, 1)],
)
def test_steps_are_counted_up(rows: int, batch: int, epochs: float, steps: int) -> None:
    assert steps_of(rows, batch, epochs) == steps


def test_micro_batches_keep_to_the_budget_and_lose_no_row() -> None:
    lengths = [3, 50, 8, 20, 20, 7]

    pieces = micro_batches(lengths, 40)

    assert sorted(index for piece in pieces for index in piece) == list(range(6))
    for piece in pieces:
        assert len(piece) == 1 or len(piece) * max(lengths[i] for i in piece) <= 40


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_a_schedule_rises_to_its_peak_and_is_never_zero(schedule: str) -> None:
    rates = [
        learning_rate(step, steps=20, peak=1.0, schedule=schedule, warmup_ratio=0.2)
        for step in range(1, 21)
    ]

    assert rates[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert rates[4] == 1.0 == max(rates)
    assert min(rates) > 0


def test_the_ends_of_each_schedule() -> None:
    def last(schedule: str) -> float:
        return learning_rate(10, steps=10, peak=2.0, schedule=schedule, warmup_ratio=0.0)

    assert last("constant") == 2.0
    assert last("linear") == pytest.approx(0.2)
    assert last("cosine") == pytest.approx(1 + math.cos(0.9 * math.pi))
    assert learning_rate(1, steps=1, peak=2.0, schedule="linear", warmup_ratio=0.5) == 2.0


# --- rows that cannot be trained on ------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [(IGNORED,) * 3, (5, IGNORED, IGNORED)])
def test_a_row_of_which_no_token_can_be_predicted_is_named(
    here: Home, labels: tuple[int, ...]
) -> None:
    class Blind:
        def render(self, messages: Any, train_on: str) -> tuple[Rendered, ...]:
            return (Rendered((5, 6, 7), labels),)

    file = here.file([conversation(0), conversation(1)])

    with pytest.raises(DataError, match="row 2: there is no token to learn"):
        read_rows(spec_file(file), Blind(), train_on="assistant", max_length=512)  # type: ignore[arg-type]


def test_a_file_that_changed_since_the_run_was_prepared_is_refused(here: Home) -> None:
    file = here.file([conversation(0)])
    spec = spec_file(file)
    file.write_bytes(file.read_bytes() + b"\n")
    renderer = here.training.renderer(here.training.base(str(here.base_folder)))
    assert renderer is not None

    with pytest.raises(StorageError, match="not the file"):
        read_rows(spec, renderer, train_on="assistant", max_length=512)


def test_a_row_that_is_not_a_conversation_is_named(here: Home, tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_bytes(here.training.encode(Example(tuple(conversation(0)))) + b'\n{"text": 1}\n')
    renderer = here.training.renderer(here.training.base(str(here.base_folder)))
    assert renderer is not None

    with pytest.raises(DataError) as caught:
        read_rows(spec_file(file), renderer, train_on="assistant", max_length=512)

    assert [fault.row for fault in caught.value.faults] == [2]
