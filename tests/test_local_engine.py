"""Models in memory: one base for all its adapters, none of which it remembers; what does not fit is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.errors import StorageError
from ftkit_local import engine
from ftkit_local.engine import engine_for, unload_all
from tests.adapters import adapter_folder
from tests.tiny import tiny_model_folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(autouse=True)
def nothing_in_memory() -> Iterator[None]:
    unload_all()
    yield
    unload_all()


def logits(folder: Path, adapter: Path | None = None) -> Any:
    weights = engine_for(folder).weights(adapter)
    ids = torch.arange(5, 25)[None]
    return weights.step(ids, None, torch.arange(20)[None], weights.cache())


def test_the_base_answers_bit_for_bit_as_if_no_adapter_had_ever_been_loaded(
    base: Path, tmp_path: Path
) -> None:
    before = logits(base)
    adapter = adapter_folder(base, tmp_path / "a")
    assert not torch.equal(logits(base, adapter), before)
    assert torch.equal(logits(base), before)


def test_adapters_share_one_base_and_each_answers_as_plain_peft_does(
    base: Path, tmp_path: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folders = [adapter_folder(base, tmp_path / str(seed), seed) for seed in range(3)]
    assert len({id(engine_for(base)) for _ in folders}) == 1
    for folder in [*folders, folders[0]]:
        plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder).eval()
        with torch.inference_mode():
            expected = plain(torch.arange(5, 25)[None]).logits[:, -1]
        torch.testing.assert_close(logits(base, folder), expected, rtol=1e-5, atol=1e-5)


def test_an_adapter_that_was_pushed_out_of_memory_comes_back(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MAX_ADAPTERS", 1)
    first, second = (adapter_folder(base, tmp_path / str(s), s) for s in range(2))
    weights = engine_for(base).weights(first)
    expected = logits(base, first)
    logits(base, second)

    again = weights.step(torch.arange(5, 25)[None], None, torch.arange(20)[None], weights.cache())

    assert torch.equal(again, expected)


def test_an_adapter_of_another_base_is_refused_and_the_base_goes_on_answering(
    base: Path, tmp_path: Path
) -> None:
    other = tiny_model_folder(tmp_path / "other", hidden=64)
    before = logits(base)
    stranger = adapter_folder(other, tmp_path / "stranger")
    with pytest.raises(StorageError, match="trained on another base") as caught:
        logits(base, stranger)
    assert str(stranger) in str(caught.value)
    assert torch.equal(logits(base), before)

    fitting = adapter_folder(base, tmp_path / "fitting")
    expected = logits(base, fitting)
    with pytest.raises(StorageError, match="trained on another base"):
        logits(base, stranger)
    assert torch.equal(logits(base, fitting), expected)


def test_an_adapter_with_a_tensor_missing_is_refused(base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = adapter_folder(base, tmp_path / "a")
    tensors = load_file(folder / "adapter_model.safetensors")
    tensors.pop(next(iter(tensors)))
    save_file(tensors, folder / "adapter_model.safetensors")
    with pytest.raises(StorageError, match="1 tensors are missing"):
        logits(base, folder)


def test_a_replaced_adapter_is_read_again(base: Path, tmp_path: Path) -> None:
    folder = adapter_folder(base, tmp_path / "a", seed=1)
    old = logits(base, folder)
    other = adapter_folder(base, tmp_path / "b", seed=2)
    (other / "adapter_model.safetensors").replace(folder / "adapter_model.safetensors")
    assert not torch.equal(logits(base, folder), old)


def test_only_the_bases_used_last_stay_in_memory(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MAX_ENGINES", 2)
    second, third = (tiny_model_folder(tmp_path / name) for name in ("second", "third"))
    first_engine, second_engine = engine_for(base), engine_for(second)
    assert engine_for(base) is first_engine
    engine_for(third)
    assert engine_for(base) is first_engine
    assert engine_for(second) is not second_engine


def test_incomplete_weights_are_an_error_not_random_numbers(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tiny_model_folder(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    tensors.pop("model.layers.0.mlp.up_proj.weight")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(StorageError, match="up_proj"):
        engine_for(folder)
