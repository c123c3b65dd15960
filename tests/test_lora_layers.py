"""Layers with a backward of their own give PEFT's gradients, and step aside where they would not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.hyperparameters import Hyperparameters
from ftkit_local import matrix_products
from ftkit_local.trainer.adapter import add_adapter
from ftkit_local.trainer.gradients import Work, accumulate_gradients
from ftkit_local.trainer.lora_layers import GatedProduct, LoraProduct, use_own_layers
from ftkit_local.trainer.recomputing import recompute_activations
from ftkit_local.trainer.rows import TrainingRow
from ftkit_local.trainer.supervised import Supervised
from tests.tiny import tiny_model_folder

CPU = torch.device("cpu")
FAMILIES = {"llama": "chatml", "qwen3": "chatml", "gemma3": "gemma"}
SETTINGS = Hyperparameters(lora_rank=4, lora_alpha=12, target_modules="all-linear")
ROWS = [
    TrainingRow(
        number,
        tuple((7 * number + 3 * place) % 300 + 5 for place in range(length)),
        (-100,) * 3 + tuple((7 * number + 3 * place) % 300 + 5 for place in range(3, length)),
    )
    for number, length in enumerate((9, 21, 14, 30, 12), 1)
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = tmp_path_factory.mktemp("bases")
    return {arch: tiny_model_folder(made / arch, arch, name) for arch, name in FAMILIES.items()}


@pytest.fixture(params=["oneDNN", "torch"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each of the two libraries that this machine has."""
    one = request.param == "oneDNN"
    if one and not matrix_products._onednn_is_right():
        pytest.skip("this torch has no oneDNN product")
    monkeypatch.setattr(matrix_products, "prefers_onednn", lambda: one)
    yield request.param


def adapted(folder: Path, **changes: Any) -> Any:
    """A model with an adapter whose B is not zero, or A would get no gradient."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if changes:
        model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", **changes))
    else:
        model = add_adapter(model, SETTINGS, "base")
    for name, value in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.1)
    return model.train()


def gradients(model: Any, budget: int = 10_000) -> dict[str, Any]:
    work = Work(SETTINGS, 1, budget, 0, CPU, Supervised())
    accumulate_gradients(model, ROWS, work)
    return {name: value.grad for name, value in model.named_parameters() if value.requires_grad}


def farthest(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """The largest relative distance of two sets of gradients."""
    assert ours.keys() == theirs.keys() and ours
    assert all(float(theirs[name].norm()) > 0 for name in theirs)
    return max(float((ours[name] - theirs[name]).norm() / theirs[name].norm()) for name in theirs)


def calls_of(function: Any, model: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often a pass over a few tokens goes through one of our functions."""
    calls = []
    forward = function.forward

    def counted(*arguments: Any) -> Any:
        calls.append(1)
        return forward(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(function, "forward", staticmethod(counted))
        model(input_ids=torch.tensor([[5, 9, 11, 40]]))
    return len(calls)


@pytest.mark.parametrize("budget", [10_000, 45, 1])
@pytest.mark.parametrize("arch", FAMILIES)
def test_the_gradients_of_every_a_and_b_are_those_of_peft(
    folders: dict[str, Path], arch: str, budget: int, library: str
) -> None:
    theirs = gradients(adapted(folders[arch]), budget)
    model = adapted(folders[arch])

    assert use_own_layers(model) == 14  # seven projections in two layers
    ours = gradients(model, budget)

    assert {name.split(".")[-3] for name in ours} == {"lora_A", "lora_B"} and len(ours) == 28
    assert farthest(ours, theirs) < 1e-5


@pytest.mark.parametrize("arch", FAMILIES)
def test_logits_are_those_of_peft_in_training_and_without_gradients(
    folders: dict[str, Path], arch: str, library: str
) -> None:
    ids = torch.tensor([[5, 9, 40, 77, 120, 33], [8, 5, 41, 7, 12, 3]])
    theirs = adapted(folders[arch])(input_ids=ids).logits
    model = adapted(folders[arch])
    use_own_layers(model)

    torch.testing.assert_close(model(input_ids=ids).logits, theirs, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(model(input_ids=ids).logits, theirs, rtol=1e-5, atol=1e-5)


def test_every_layer_goes_through_our_products(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = adapted(folders["llama"])
    use_own_layers(model)

    assert calls_of(LoraProduct, model, monkeypatch) == 12
    assert calls_of(GatedProduct, model, monkeypatch) == 2


def test_a_bias_of_the_base_is_added(library: str) -> None:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    base = torch.nn.Sequential(torch.nn.Linear(6, 10), torch.nn.Linear(10, 3))
    model = get_peft_model(base, LoraConfig(r=2, target_modules=["0", "1"]))
    x = torch.randn(5, 6)
    theirs = model(x)

    assert use_own_layers(model) == 2
    torch.testing.assert_close(model(x), theirs)


def test_the_same_rows_give_the_same_bits(folders: dict[str, Path], library: str) -> None:
    def once() -> dict[str, Any]:
        model = adapted(folders["llama"])
        use_own_layers(model)
        return gradients(model, 45)

    one, two = once(), once()

    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    "changes",
    [{"lora_dropout": 0.1}, {"use_dora": True}, {"lora_bias": True}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_layer_that_is_more_than_a_product_keeps_pefts_forward(
    folders: dict[str, Path], changes: dict[str, Any]
) -> None:
    model = adapted(folders["llama"], **changes)

    assert use_own_layers(model) == 0
    assert not [module for module in model.modules() if "forward" in vars(module)]


def _merge(model: Any) -> None:
    model.merge_adapter()


def _switch_off(model: Any) -> None:
    model.base_model.disable_adapter_layers()


def _switch_over(model: Any) -> None:
    model.add_adapter("other", model.peft_config["default"])
    model.base_model.set_adapter(["default", "other"])


@pytest.mark.parametrize("change", [_merge, _switch_off, _switch_over])
def test_what_happens_to_an_adapter_later_is_heeded(
    folders: dict[str, Path], change: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = torch.tensor([[5, 9, 40, 77, 120, 33]])
    plain, model = adapted(folders["llama"]), adapted(folders["llama"])
    use_own_layers(model)
    for one in (plain, model):
        torch.manual_seed(5)
        change(one)

    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, plain(input_ids=ids).logits)
    assert calls_of(LoraProduct, model, monkeypatch) == 0


def test_what_is_saved_is_what_peft_saves(folders: dict[str, Path], tmp_path: Path) -> None:
    plain, model = adapted(folders["llama"]), adapted(folders["llama"])
    use_own_layers(model)
    for name, one in (("plain", plain), ("own", model)):
        one.save_pretrained(tmp_path / name, save_embedding_layers=False)

    for file in ("adapter_model.safetensors", "adapter_config.json"):
        assert (tmp_path / "own" / file).read_bytes() == (tmp_path / "plain" / file).read_bytes()


@pytest.mark.parametrize("arch", FAMILIES)
def test_activations_computed_again_change_no_gradient_and_are_not_kept(
    folders: dict[str, Path], arch: str
) -> None:
    kept: list[int] = []

    def counted(model: Any) -> dict[str, Any]:
        sizes: dict[int, int] = {}

        def note(value: Any) -> Any:
            sizes[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
            return value

        with torch.autograd.graph.saved_tensors_hooks(note, lambda value: value):
            model(input_ids=torch.tensor([[5, 9, 11, 40] * 16]))
        kept.append(sum(sizes.values()))
        return gradients(model)

    models = adapted(folders[arch]), adapted(folders[arch])
    for model in models:
        use_own_layers(model)
    recompute_activations(models[1])

    assert farthest(*(counted(model) for model in models)) < 1e-6
    assert kept[1] < kept[0]


def test_full_tuning_has_no_layer_of_ours(folders: dict[str, Path]) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folders["llama"])

    assert use_own_layers(model) == 0
    assert not [module for module in model.modules() if "forward" in vars(module)]
