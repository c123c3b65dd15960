"""Frozen weights in bf16 on a processor: the gradients of the rounded weights, fp32 everywhere else, and said where it pays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from safetensors.torch import load_file

from ftkit.data.example import Message
from ftkit.errors import CapabilityError, ConfigError
from ftkit.hyperparameters import Method, parse_hyperparameters
from ftkit_local import sizing
from ftkit_local.trainer.__main__ import main
from ftkit_local.trainer.lora_layers import hold_in_bf16, use_own_layers
from tests.local_runs import Home, conversation, pair
from tests.test_lora_layers import FAMILIES, adapted, farthest, gradients
from tests.tiny import tiny_model_folder

BF16 = torch.bfloat16


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = tmp_path_factory.mktemp("bases")
    return {arch: tiny_model_folder(made / arch, arch, name) for arch, name in FAMILIES.items()}


@pytest.fixture
def here(tmp_path: Path, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr("ftkit_local.training.start_trainer", lambda run: True)
    return Home(tmp_path, folders["llama"])


def held(folder: Path) -> Any:
    model = adapted(folder)
    use_own_layers(model)
    assert hold_in_bf16(model) == 14  # seven projections in two layers
    return model


def rounded(folder: Path) -> Any:
    """PEFT's own layers in fp32, over matrices that have the values which bf16 leaves of them."""
    model = adapted(folder)
    for name, value in model.named_parameters():
        if "base_layer" in name:
            value.data = value.data.to(BF16).float()
    return model


# --- what is computed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [10_000, 45])
@pytest.mark.parametrize("arch", FAMILIES)
def test_the_gradients_are_those_of_the_rounded_weights(
    folders: dict[str, Path], arch: str, budget: int
) -> None:
    ours = gradients(held(folders[arch]), budget)

    assert {value.dtype for value in ours.values()} == {torch.float32}
    assert farthest(ours, gradients(rounded(folders[arch]), budget)) < 0.05


def test_only_the_frozen_matrices_are_held_in_bf16(folders: dict[str, Path]) -> None:
    model = held(folders["qwen3"])

    kinds = {name: value.dtype for name, value in model.named_parameters()}
    assert {name for name, kind in kinds.items() if kind is BF16} == {
        name for name in kinds if "base_layer.weight" in name
    }
    assert set(kinds.values()) == {BF16, torch.float32}
    ids = torch.tensor([[5, 9, 40, 77]])
    hidden = model(input_ids=ids, output_hidden_states=True)
    assert {each.dtype for each in (*hidden.hidden_states, hidden.logits)} == {torch.float32}


def test_an_adapter_that_is_switched_off_leaves_the_rounded_base(folders: dict[str, Path]) -> None:
    ids = torch.tensor([[5, 9, 40, 77, 120, 33]])
    ours, theirs = held(folders["llama"]), rounded(folders["llama"])
    with torch.no_grad(), ours.disable_adapter(), theirs.disable_adapter():
        base, expected = ours(input_ids=ids).logits, theirs(input_ids=ids).logits
    with torch.no_grad():
        tuned = ours(input_ids=ids).logits

    assert float((base - expected).norm() / expected.norm()) < 0.02
    assert float((tuned - base).norm() / base.norm()) > 0.05


def test_a_bias_is_added_in_fp32() -> None:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    base = torch.nn.Sequential(torch.nn.Linear(6, 10))
    with torch.no_grad():
        base[0].bias.copy_(
            torch.linspace(1000, 1001, 10)
        )  # bf16 has no number between 1000 and 1004
        base[0].weight.zero_()
    model = get_peft_model(base, LoraConfig(r=2, target_modules=["0"]))
    use_own_layers(model)
    assert hold_in_bf16(model) == 1

    x = torch.randn(5, 6)
    assert torch.equal(model(x)[0], torch.linspace(1000, 1001, 10))
    with model.disable_adapter():
        assert torch.equal(model(x)[0], torch.linspace(1000, 1001, 10))


# --- a whole run -------------------------------------------------------------------------------------------------


def ran(here: Home, key: str, rows: Any = None, **settings: Any) -> tuple[list[float], Path]:
    """Losses of a run, and the folder of what it made."""
    here.training.submit(here.request(key, rows, **({"epochs": 3} | settings)))
    run = here.run(key)
    assert main([str(run.path)]) == 0, run.state().error
    events = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    folder = run.published()
    assert folder is not None
    return [event["data"]["loss"] for event in events if event["type"] == "step"], folder


def test_a_run_in_bf16_loses_what_one_in_fp32_loses_and_not_the_same_bits(here: Home) -> None:
    whole, _ = ran(here, "ftkwhole")
    rounded, folder = ran(here, "ftkround", precision="bf16")

    assert rounded == pytest.approx(whole, rel=0.02)
    assert rounded != whole
    weights = load_file(folder / "adapter_model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.float32}
    facts = json.loads((folder / "ftkit.json").read_text())
    assert facts["hyperparameters"]["precision"] == "bf16"


def test_the_same_seed_gives_the_same_bits(here: Home) -> None:
    (one, first), (two, second) = (ran(here, key, precision="bf16") for key in ("ftka", "ftkb"))

    assert one == two
    files = [(each / "adapter_model.safetensors").read_bytes() for each in (first, second)]
    assert files[0] == files[1]


def test_preferences_are_learned_in_bf16(here: Home) -> None:
    pairs = [pair(number) for number in range(8)]
    losses, _ = ran(
        here, "ftkpairs", pairs, method=Method.DPO, precision="bf16", learning_rate=1e-3
    )

    assert losses[0] == pytest.approx(0.6931, abs=1e-3)  # log 2: nothing has been gained yet
    assert losses[-1] < losses[0]


# --- what is said of it ------------------------------------------------------------------------------------------


def test_a_processor_rounds_nothing_unless_it_is_told_to(here: Home) -> None:
    assert here.resolve([conversation(0)]).hyperparameters.precision == "fp32"
    asked = here.resolve([conversation(0)], precision="bf16")
    assert asked.hyperparameters.precision == "bf16"


@pytest.mark.parametrize(
    ("method", "said"),
    [(Method.FULL, "weights that are not trained"), (Method.QLORA, "multiplied in fp32")],
)
def test_where_there_is_no_bf16_it_is_refused(here: Home, method: Method, said: str) -> None:
    if method is Method.QLORA:
        pytest.importorskip("bitsandbytes")
    with pytest.raises(CapabilityError, match=f"precision bf16.*{said}"):
        here.resolve([conversation(0)], method, precision="bf16")


def test_another_format_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="precision = 'fp8'"):
        parse_hyperparameters({"precision": "fp8"}, "arguments")


@pytest.mark.parametrize(("times", "noted"), [(20.0, True), (0.5, False)])
def test_a_long_run_is_told_what_bf16_would_gain_where_it_would(
    here: Home, monkeypatch: pytest.MonkeyPatch, times: float, noted: bool
) -> None:
    monkeypatch.setattr(
        sizing, "matrix_rate", lambda _, kind="fp32": 1e6 * (times if kind == "bf16" else 1)
    )
    long = [[Message("user", "x " * 40), Message("assistant", "y " * 9)]] * 12

    notes = here.resolve(long, epochs=9).notes
    assert any(note.startswith("precision bf16 would take about") for note in notes) is noted
    assert not here.resolve(long, epochs=9, precision="fp32").notes
    assert not here.resolve(long, epochs=9, precision="bf16").notes
    monkeypatch.setattr(sizing, "matrix_rate", lambda *_: 1e15)
    assert not here.resolve(long, epochs=9).notes
