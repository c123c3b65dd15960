"""A forecast is made of numbers that a real run shows, and every open setting is decided or refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit_local import device, sizing
from ftkit_local.sizing import Load, Shape, forecast, memory_needed, shape_of, token_budget
from tests.local_runs import Home, conversation
from tests.tiny import tiny_model_folder

CPU = torch.device("cpu")
# SmolLM2-135M-Instruct
SMALL = Shape(30, 576, 1536, 49152, queries=576, keys=192, parameters=134_515_008)
GIB = 2**30


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("base") / "tiny-llama")


@pytest.fixture
def here(tmp_path: Path, base_folder: Path) -> Home:
    return Home(tmp_path, base_folder)


def load(lengths: tuple[int, ...] = (100,) * 64, **changes: Any) -> Load:
    settings = {"batch_size": 8, "lora_rank": 16, "target_modules": "all-linear", "max_length": 128}
    return Load(
        shape=changes.pop("shape", SMALL),
        method=changes.pop("method", Method.LORA),
        hyperparameters=Hyperparameters(**(settings | changes)),
        lengths=lengths,
        trained_tokens=sum(lengths) // 2,
        steps=8,
    )


# --- memory and time ---------------------------------------------------------------------------------------------


def test_the_trained_parameters_are_those_that_peft_makes(here: Home) -> None:
    import json

    from transformers import AutoModelForCausalLM

    from ftkit_local.trainer.adapter import add_adapter

    config = json.loads((Path(here.base_folder) / "config.json").read_text())
    for targets in ("all-linear", ("q_proj", "down_proj")):
        settings = Hyperparameters(lora_rank=4, lora_alpha=8, target_modules=targets)
        model = add_adapter(AutoModelForCausalLM.from_pretrained(here.base_folder), settings, "x")
        actual = sum(p.numel() for p in model.parameters() if p.requires_grad)

        assert sizing.trainable_parameters(shape_of(config, 0), Method.LORA, 4, targets) == actual


def test_experts_that_are_no_linear_layers_get_no_adapter(tmp_path: Path) -> None:
    import json

    from transformers import AutoModelForCausalLM

    from ftkit_local.trainer.adapter import add_adapter

    folder = tiny_model_folder(tmp_path / "experts", arch="gptoss")
    settings = Hyperparameters(lora_rank=4, lora_alpha=8, target_modules="all-linear")
    model = add_adapter(AutoModelForCausalLM.from_pretrained(folder), settings, "x")
    actual = sum(p.numel() for p in model.parameters() if p.requires_grad)
    shape = shape_of(json.loads((folder / "config.json").read_text()), 0)
    assert sizing.trainable_parameters(shape, Method.LORA, 4, "all-linear") == actual


def test_the_trained_parameters_of_the_real_model_at_rank_16() -> None:
    assert sizing.trainable_parameters(SMALL, Method.LORA, 16, "all-linear") == 4_884_480
    assert sizing.trainable_parameters(SMALL, Method.FULL, 0, "all-linear") == 134_515_008


def test_memory_grows_with_tokens_rank_and_trained_weights() -> None:
    usual = memory_needed(load(), CPU, 800)

    assert memory_needed(load(), CPU, 400) < usual
    assert memory_needed(load(lora_rank=64), CPU, 800) > usual
    # gradients take the place of activations, Adam's two averages come on top
    assert memory_needed(load(method=Method.FULL), CPU, 800) > usual + 0.9 * GIB
    assert memory_needed(load((50,) * 64), CPU, 800) < usual


def test_what_a_step_can_hold_does_not_grow_with_the_number_of_rows() -> None:
    assert memory_needed(load((100,) * 640), CPU, 800) == memory_needed(load(), CPU, 800)


def test_gradients_that_wait_for_the_next_micro_batch_count() -> None:
    at_once = memory_needed(load(method=Method.FULL, batch_size=4), CPU, 400)
    in_two = memory_needed(load(method=Method.FULL, batch_size=8), CPU, 400)

    assert in_two - at_once == 4 * SMALL.parameters


def test_gradients_wait_beside_the_micro_batch_that_comes_last_and_is_small() -> None:
    seven_and_one = memory_needed(load(method=Method.FULL, batch_size=8), CPU, 700)

    assert seven_and_one == memory_needed(load(method=Method.FULL, batch_size=7), CPU, 700)


def test_a_token_keeps_more_over_a_base_in_4_bits_whose_layers_are_pefts() -> None:
    def of_a_row(method: Method) -> int:
        two, one = (memory_needed(load(method=method), CPU, budget) for budget in (200, 100))
        return two - one

    gated = 30 * 2 * 1536 * 100 * 4  # the gate's two products, in fp32
    more = of_a_row(Method.QLORA) - of_a_row(Method.LORA)
    assert more == pytest.approx(gated * sizing._kept(), rel=0.01)


def test_an_allocator_that_leaves_no_holes_needs_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing, "_kept", lambda: sizing._KEPT_BY_GLIBC)
    usual = memory_needed(load(), CPU, 800)
    monkeypatch.setattr(sizing, "_kept", lambda: sizing._KEPT_BY_TCMALLOC)

    assert memory_needed(load(), CPU, 800) < usual


def test_micro_batches_are_halved_until_the_run_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = load((128,) * 64)
    roomy = token_budget(rows, CPU)
    assert roomy == 1024

    monkeypatch.setattr(sizing, "free_memory", lambda _: memory_needed(rows, CPU, 300))
    assert token_budget(rows, CPU) == 256
    monkeypatch.setattr(sizing, "free_memory", lambda _: 0)
    assert token_budget(rows, CPU) == 128  # one row


def test_activations_are_computed_again_only_where_the_run_does_not_fit_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = load((128,) * 64)
    kept = memory_needed(rows, CPU, 128)
    again = memory_needed(rows, CPU, 128, recomputed=True)
    assert kept - again > 0.05 * GIB

    monkeypatch.setattr(sizing, "free_memory", lambda _: kept)
    roomy = forecast(rows, CPU, 128)
    assert not sizing.recomputes(rows, CPU, 128) and roomy.fits

    monkeypatch.setattr(sizing, "free_memory", lambda _: again)
    tight = forecast(rows, CPU, 128)
    assert sizing.recomputes(rows, CPU, 128) and tight.fits
    assert tight.memory_needed == again and tight.seconds > roomy.seconds


def test_matrices_in_bf16_lie_beside_the_file_that_they_were_read_from() -> None:
    matrices = 30 * (2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536)

    more = memory_needed(load(precision="bf16"), CPU, 800) - memory_needed(load(), CPU, 800)
    assert more == 2 * matrices


def test_matrices_that_were_read_from_a_file_in_bf16_are_held_once_but_were_fp32_for_a_moment() -> (
    None
):
    matrices = 30 * (2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536)
    half = replace(SMALL, stored_half=True)

    saved = memory_needed(load(shape=half), CPU, 800) - memory_needed(
        load(shape=half, precision="bf16"), CPU, 800
    )
    assert saved == 2 * matrices
    short = load((9,) * 64, shape=half, batch_size=1, precision="bf16")
    assert memory_needed(short, CPU, 9) == sizing._LIBRARIES + 4 * SMALL.parameters


def test_a_processor_that_multiplies_bf16_faster_takes_less_time_but_not_for_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sizing, "free_memory", lambda _: 2**40)
    monkeypatch.setattr(
        sizing, "matrix_rate", lambda _, kind="fp32": 6e6 if kind == "bf16" else 3e6
    )
    whole = forecast(load(), CPU, 800).seconds
    rounded = forecast(load(precision="bf16"), CPU, 800).seconds

    assert 0.6 * whole < rounded < 0.9 * whole


def test_logits_that_are_more_than_one_product_are_all_there_at_once() -> None:
    capped = shape_of(
        {
            "num_hidden_layers": 30,
            "hidden_size": 576,
            "intermediate_size": 1536,
            "vocab_size": 49152,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
            "final_logit_softcapping": 30.0,
        },
        SMALL.parameters,
    )

    assert capped == replace(SMALL, plain_head=False)
    assert memory_needed(load(shape=capped), CPU, 800) > memory_needed(load(), CPU, 800) + GIB / 8


def test_a_run_that_does_not_fit_is_told_what_would_lower_its_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sizing, "free_memory", lambda _: GIB)
    large = replace(SMALL, layers=32, hidden=4096, intermediate=14336, parameters=8_000_000_000)

    lora = forecast(load(shape=large, lora_rank=512), CPU, 100)
    full = forecast(load(shape=large, method=Method.FULL), CPU, 100)

    assert not lora.fits and not full.fits
    assert lora.remedies[0].startswith("lora_rank 4: ")
    assert full.remedies[0].startswith("method lora: ")
    assert lora.remedies[-1] == full.remedies[-1] == "a smaller base model"


def test_time_grows_with_steps_and_is_larger_for_full_tuning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sizing, "matrix_rate", lambda *_: 3e11)
    usual = forecast(load(), CPU, 1024).seconds

    twice = forecast(replace(load(), steps=16), CPU, 1024).seconds

    assert twice - usual == pytest.approx(usual - sizing._START_SECONDS)
    assert forecast(load(method=Method.FULL), CPU, 1024).seconds > usual * 1.2


def test_the_matrix_rate_is_measured_once_and_survives_a_clock_that_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sizing.matrix_rate.cache_clear()
    rate = sizing.matrix_rate(CPU)
    assert 1e8 < rate < 1e15
    assert sizing.matrix_rate(CPU) == rate

    sizing.matrix_rate.cache_clear()
    (tmp_path / "now").write_text("2028-01-01T00:00:00+00:00")
    monkeypatch.setenv("FTKIT_NOW", f"file:{tmp_path / 'now'}")
    assert sizing.matrix_rate(CPU) == sizing._NOMINAL_RATE
    sizing.matrix_rate.cache_clear()


def test_free_memory_is_bounded_by_the_control_group(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "max").write_text("3000000\n")
    (tmp_path / "current").write_text("1000000\n")
    files = ((tmp_path / "max", tmp_path / "current"), (tmp_path / "none", tmp_path / "none"))
    monkeypatch.setattr(device, "_cgroup_files", lambda: files)
    assert device.free_memory(CPU) == 2_000_000

    (tmp_path / "max").write_text("max\n")
    assert device.free_memory(CPU) > 2_000_000


def test_the_text_part_of_a_model_that_reads_images_is_what_counts() -> None:
    text = {
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "num_attention_heads": 4,
        "vocab_size": 100,
        "intermediate_size": 128,
    }

    assert shape_of({"text_config": text}, 7) == Shape(2, 64, 128, 100, 64, 64, 7)
    assert shape_of({"dtype": "bfloat16", **text}, 7).stored_half
    assert shape_of({"torch_dtype": "float16", "text_config": text}, 7).stored_half


# --- settings ----------------------------------------------------------------------------------------------------


def test_every_open_setting_is_decided(here: Home) -> None:
    resolved = here.resolve([conversation(n) for n in range(20)])

    settings = resolved.hyperparameters
    open_fields = {name for name, value in settings.model_dump().items() if value is None}
    assert open_fields == {
        "max_steps",
        "max_time_s",
        "learning_rate_multiplier",
        "beta",
        "early_stopping_patience",
    }
    assert settings.epochs == 3 and settings.batch_size == 8 and settings.lora_rank == 16
    assert settings.learning_rate == 5e-4
    assert resolved.steps == 9
    assert settings.max_length is not None and settings.max_length % 64 == 0
    assert settings.max_length - 64 < resolved.counts.longest <= settings.max_length
    assert resolved.forecast is not None and resolved.forecast.seconds > 0


def test_what_was_given_stands(here: Home) -> None:
    resolved = here.resolve(
        [conversation(n) for n in range(20)], learning_rate=1e-3, epochs=0.5, lora_rank=2, seed=7
    )

    settings = resolved.hyperparameters
    assert (settings.learning_rate, settings.lora_rank, settings.seed) == (1e-3, 2, 7)
    assert resolved.steps == 2


@pytest.mark.parametrize(
    ("settings", "steps", "epochs"),
    [
        ({"max_steps": 2}, 2, 2 / 3),
        ({"max_steps": 2, "epochs": 5}, 2, 5),
        ({"max_steps": 99}, 99, 33),
    ],
)
def test_max_steps_bounds_the_run(
    here: Home, settings: dict[str, Any], steps: int, epochs: float
) -> None:
    resolved = here.resolve([conversation(n) for n in range(20)], **settings)

    assert resolved.steps == steps
    assert resolved.hyperparameters.epochs == epochs


@pytest.mark.parametrize(
    ("method", "settings", "word"),
    [
        (Method.QLORA, {"beta": 0.1}, "beta"),
        (Method.DPO, {"train_on": "all"}, "train_on 'all': of a preference pair only the answers"),
        (Method.LORA, {"learning_rate_multiplier": 2}, "learning_rate_multiplier"),
        (Method.LORA, {"beta": 0.1}, "beta"),
        (Method.FULL, {"lora_rank": 8}, "lora_rank"),
        (Method.FULL, {"target_modules": ["q_proj"]}, "target_modules"),
        (Method.LORA, {"max_length": 1024}, "max_length 1024 is more than"),
        (Method.LORA, {"max_length": 16}, "more than max_length 16"),
    ],
)
def test_what_local_cannot_honour_is_refused_by_name(
    here: Home, method: Method, settings: dict[str, Any], word: str
) -> None:
    with pytest.raises(CapabilityError, match=word):
        here.resolve([conversation(0)], method, **settings)


def test_a_row_that_the_model_cannot_hold_is_refused_before_anything_runs(here: Home) -> None:
    from ftkit.data.example import Message

    long = [Message("user", "please " * 200), Message("assistant", "no")]

    with pytest.raises(CapabilityError, match="which is more than the 512 of"):
        here.resolve([long])


def test_full_tuning_has_no_lora_settings_and_a_smaller_rate(here: Home) -> None:
    settings = here.resolve([conversation(0)], Method.FULL).hyperparameters

    assert not {"lora_rank", "lora_alpha", "target_modules"} & settings.given().keys()
    assert settings.learning_rate == 5e-5


def test_the_bill_is_hours_that_nobody_charges_for(here: Home) -> None:
    resolved = here.resolve([conversation(0)])
    assert resolved.forecast is not None
    hour = replace(resolved, forecast=replace(resolved.forecast, seconds=1800.0))

    (line,) = here.pricing.bill(hour)

    assert (str(line.amount), line.unit, line.rate_key) == ("0.500000", "hour", "machine-hour")
    assert line.paid is False
