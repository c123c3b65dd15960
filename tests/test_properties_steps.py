"""Steps on tiny models of every family: gradients, losses and weights, judged by plain torch and PEFT."""

from __future__ import annotations

import math
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.backend import JobStatus
from ftkit.data.tokens import IGNORED
from ftkit.hyperparameters import Hyperparameters
from ftkit_local.projection import labelled_logits
from ftkit_local.trainer.adapter import add_adapter
from ftkit_local.trainer.batches import batches_of_run
from ftkit_local.trainer.gradients import Work, accumulate_gradients
from ftkit_local.trainer.rows import TrainingRow
from ftkit_local.trainer.supervised import Supervised
from tests.families import FAMILIES, model_folder, opened, shows
from tests.family_runs import ROWS, SETTINGS, load, rows_for, run_of, trained

CPU = torch.device("cpu")
PEAK = SETTINGS["learning_rate"]
# Gradients of one step that is put together in two ways, relative. The head's gradient is a sum over the vocabulary: of
# 262,144 words in single precision, its rounding for a row of two labels alone is 1e-5 by itself.
SAME = {"gemma3": 3e-5}


def work(budget: int = 10_000, pad: int = 0) -> Work:
    return Work(Hyperparameters(), 1, budget, pad, CPU, Supervised())


def nats(model: Any, row: TrainingRow) -> Any:
    """Summed cross-entropy of a row alone, from the model's own logits: no code of ftkit."""
    logits = model(input_ids=torch.tensor([row.ids])).logits[0, :-1].float()
    labels = torch.tensor(row.labels[1:])
    return torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")


# --- 4, 9: every token counts once, however the rows are put together ------------------------------------------------


@shows(4)
def test_the_end_of_turn_is_learned_though_rows_are_padded_with_it(family: str) -> None:
    _, judge = opened(family)
    end = judge.convert_tokens_to_ids(FAMILIES[family].end)
    rows = rows_for(family, 4)
    assert len({row.length for row in rows}) > 1
    model = load(model_folder(family))
    with torch.no_grad():
        expected = sum(float(nats(model, row)) for row in rows)
        ends = sum(float(nats(model, TrainingRow(0, row.ids, tuple(
            label if label == end else IGNORED for label in row.labels)))) for row in rows)  # fmt: skip
        found = float(Supervised().summed_loss(model, rows, work(pad=end)))
    assert ends > 0.01 * expected
    assert found == pytest.approx(expected, rel=1e-5)


@shows(9)
def test_a_batch_of_8_is_8_batches_of_1_in_any_order_and_with_any_padding(family: str) -> None:
    rows = rows_for(family)
    assert len({row.length for row in rows}) > 3
    model = load(model_folder(family))

    def gradients() -> list[Any]:
        found = [None if value.grad is None else value.grad.clone() for value in model.parameters()]
        model.zero_grad()
        return found

    weight = sum(sum(label != IGNORED for label in row.labels[1:]) for row in rows)
    total = 0.0
    for row in rows:
        loss = nats(model, row)
        (loss / weight).backward()
        total += loss.item()
    expected = gradients()
    shuffled = rows[:]
    random.Random(1).shuffle(shuffled)
    longest = max(row.length for row in rows)
    for some, budget in ((rows, 10_000), (rows, 1), (shuffled, 2 * longest), (rows[::-1], 10_000)):
        loss = accumulate_gradients(model, some, work(budget))
        assert loss == pytest.approx(total / weight, rel=1e-5)
        for one, two in zip(expected, gradients(), strict=True):
            assert (one is None) == (two is None)
            if one is not None:
                assert (
                    float((one - two).norm()) <= SAME.get(family, 1e-5) * float(one.norm()) + 1e-9
                )


# --- 10: rows of a batch do not see one another ----------------------------------------------------------------------


def other_words(row: TrainingRow) -> TrainingRow:
    """A row of the same length and the same labelled places with other ids."""
    ids = tuple(id - 1 if n else id for n, id in enumerate(row.ids))
    labels = tuple(
        IGNORED if label == IGNORED else id for id, label in zip(ids, row.labels, strict=True)
    )
    return TrainingRow(row.number, ids, labels)


@shows(10)
def test_changing_a_row_leaves_the_logits_of_its_neighbours_as_they_are(family: str) -> None:
    """Bit for bit; experts compute the tokens of all rows together, there it is within rounding."""
    rows = rows_for(family, 4)
    model = load(model_folder(family))

    def logits(batch: list[TrainingRow]) -> list[Any]:
        longest = max(row.length for row in batch)
        ids = torch.tensor([row.ids + (0,) * (longest - row.length) for row in batch])
        learned = torch.tensor(
            [
                tuple(label != IGNORED for label in row.labels) + (False,) * (longest - row.length)
                for row in batch
            ]
        )
        with torch.no_grad():
            found = labelled_logits(model, ids, None, learned)
        return list(found.split([row.weight for row in batch]))

    before = logits(rows)
    after = logits([rows[0], other_words(rows[1]), *rows[2:]])
    assert not torch.equal(before[1], after[1])
    for n in (0, 2, 3):
        if FAMILIES[family].arch == "gptoss":
            torch.testing.assert_close(before[n], after[n], rtol=1e-5, atol=1e-5)
        else:
            assert torch.equal(before[n], after[n])
    for row, one in zip(rows, before, strict=True):  # positions start anew in each
        torch.testing.assert_close(logits([row])[0], one, rtol=1e-4, atol=1e-4)


@shows(10)
def test_the_loss_of_a_batch_is_the_sum_of_its_rows_whatever_stands_beside_them(
    family: str,
) -> None:
    first, second, third = rows_for(family, 3)
    model = load(model_folder(family))
    with torch.no_grad():
        alone = float(nats(model, first))
        for beside in ([second], [third], [second, third], [other_words(second)]):
            together = float(Supervised().summed_loss(model, [first, *beside], work()))
            rest = sum(float(nats(model, row)) for row in beside)
            assert together - rest == pytest.approx(alone, rel=1e-4)


# --- 11, 14: a run is the plain loop ---------------------------------------------------------------------------------


def rate(step: int, steps: int, warmup: int) -> float:
    """The documented schedule, written down again: up in equal parts, then a line that would end behind the last step."""
    if step <= warmup:
        return float(PEAK * step / (warmup + 1))
    return float(PEAK * (steps - step + 1) / (steps - warmup))


@shows(11)
def test_the_losses_of_a_run_are_those_of_a_plain_peft_loop(family: str) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    ran = trained(family)
    renderer, _ = opened(family)
    rows = [one for row in ROWS for one in renderer.render(row)]
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(model_folder(family), dtype=torch.float32)
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(base, lora)
    parameters = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=PEAK, weight_decay=0.0)
    steps = len(ran.steps)
    losses, learned = [], 0
    order = batches_of_run([len(row.ids) for row in rows], 0, SETTINGS["batch_size"], steps)
    for step, (_, batch) in enumerate(order, 1):
        weight = sum(sum(label != IGNORED for label in rows[n].labels[1:]) for n in batch)
        learned += weight
        total = 0.0
        for n in batch:
            row = TrainingRow(n, rows[n].ids, rows[n].labels)
            loss = nats(model, row) / weight
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate(step, steps, round(steps * 0.05))
        optimizer.step()
        optimizer.zero_grad()
        losses.append(total)
    assert steps == 12 and losses[-1] < losses[0]
    assert [step["loss"] for step in ran.steps] == pytest.approx(losses, abs=1e-4)
    finished = list(ran.run.events())[-1].data
    assert finished["trained_tokens"] == learned


@shows(14)
def test_the_learning_rate_of_every_step_is_printed_and_is_a_function_of_the_step(
    family: str,
) -> None:
    steps = trained(family).steps
    expected = [rate(n, len(steps), round(len(steps) * 0.05)) for n in range(1, len(steps) + 1)]
    assert [step["learning_rate"] for step in steps] == pytest.approx(expected, rel=1e-12)
    assert expected[0] <= PEAK == max(expected) and expected[-1] > 0


# --- 12: the first number that is not finite -------------------------------------------------------------------------


def spoiled(family: str, folder: Path, token: int) -> Path:
    """The base with one token that is read as not a number."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(model_folder(family), folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["model.embed_tokens.weight"][token] = math.nan
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@shows(12)
def test_the_first_loss_that_is_not_finite_stops_the_run_and_names_its_rows(
    family: str, tmp_path: Path
) -> None:
    renderer, _ = opened(family)
    odd = [ROWS[6][0], type(ROWS[6][1])("user", "Where is my zeppelin?"), ROWS[6][2]]
    rows = [*ROWS[:6], odd, *ROWS[7:]]
    common = {id for n, row in enumerate(rows) if n != 6 for id in renderer.render(row)[0].ids}
    token = next(id for id in renderer.render(odd)[0].ids if id not in common)

    ran = run_of(spoiled(family, tmp_path / "base", token), rows)

    state = ran.run.state()
    assert ran.code == 1 and state.status is JobStatus.FAILED and state.error is not None
    lengths = [len(renderer.render(row)[0].ids) for row in rows]
    batches = [batch for _, batch in batches_of_run(lengths, 0, SETTINGS["batch_size"], 3)]
    step, batch = next((n, one) for n, one in enumerate(batches, 1) if 6 in one)
    named = ", ".join(str(n + 1) for n in sorted(batch))
    assert f"step {step}: the loss is nan (rows {named})" in state.error
    assert [one["step"] for one in ran.steps] == list(range(1, step))
    assert ran.run.published() is None and not (ran.run.path / "adapter").exists()


@shows(12)
def test_an_adapter_that_is_not_finite_is_never_published(family: str) -> None:
    def spoil(model: Any) -> None:
        value = next(p for n, p in model.named_parameters() if "lora_A" in n)
        value.data[0, 0] = math.nan

    ran = run_of(model_folder(family), meddle=spoil, epochs=1)
    assert ran.code == 1
    assert "trained weights are not finite" in str(ran.run.state().error)
    assert ran.run.published() is None and not (ran.run.path / "adapter").exists()


# --- 13: frozen means frozen -----------------------------------------------------------------------------------------


def linears(family: str) -> dict[str, tuple[int, int]]:
    """(outputs, inputs) of every linear layer inside the base's layers, by its published name; experts are none."""
    from safetensors import safe_open

    found = {}
    with safe_open(model_folder(family) / "model.safetensors", "pt") as file:
        for key in file.keys():  # noqa: SIM118 - a file that is open is not iterable
            if key.endswith("_proj.weight"):
                found[key.removesuffix(".weight")] = tuple(file.get_slice(key).get_shape())
    return found


@shows(13)
def test_the_base_is_bit_for_bit_as_before_and_every_b_has_moved(family: str) -> None:
    from safetensors.torch import load_file

    ran = trained(family)
    (before, _), (after, _) = ran.before, ran.after
    assert before == after and len(before) > 10
    tensors = load_file(ran.run.published() / "adapter_model.safetensors")
    expected = {f"base_model.model.{name}.lora_{side}.weight" for name in linears(family) for side in "AB"}  # fmt: skip
    assert set(tensors) == expected
    for name, value in tensors.items():
        assert bool(value.isfinite().all())
        assert float(value.abs().max()) > 0, name


@shows(13)
def test_what_is_trained_is_what_rank_and_targets_say(family: str) -> None:
    plan = next(event.data for event in trained(family).run.events() if event.type == "plan")
    shapes = linears(family)
    assert plan["trainable_parameters"] == 16 * sum(map(sum, shapes.values()))
    settings = Hyperparameters(lora_rank=4, lora_alpha=8, target_modules=["q_proj", "v_proj"])
    model = add_adapter(load(model_folder(family)), settings, "org/base")
    counted = sum(value.numel() for value in model.parameters() if value.requires_grad)
    chosen = [sum(shape) for name, shape in shapes.items() if name.endswith(("q_proj", "v_proj"))]
    assert counted == 4 * sum(chosen) and len(chosen) == 4


@shows(13)
def test_a_target_that_never_moves_and_a_base_that_moves_are_errors(family: str) -> None:
    def still(model: Any) -> None:
        next(p for n, p in model.named_parameters() if "lora_B" in n).data.zero_()

    def moved(model: Any) -> None:
        next(p for p in model.parameters() if not p.requires_grad).data[0, 0] += 1e-6

    for meddle, words in ((still, "weights never moved"), (moved, "of the base were changed")):
        ran = run_of(model_folder(family), meddle=meddle, epochs=1)
        assert ran.code == 1 and words in str(ran.run.state().error)
        assert ran.run.published() is None
