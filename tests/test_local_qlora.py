"""QLoRA: the base is held in 4 bits and never changes, the adapter is one like any other and is used with the base as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")
bitsandbytes = pytest.importorskip("bitsandbytes", reason="needs the extra 'qlora'")

import ftkit
from ftkit.backend import Call, JobStatus, Refused
from ftkit.data.example import Message
from ftkit.errors import CapabilityError, NotInstalled
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit_local import pricing, sizing
from ftkit_local.inference import LocalInference
from ftkit_local.precision import Precision
from ftkit_local.sizing import Load, Shape, forecast, memory_needed
from ftkit_local.trainer import loop, quantised
from ftkit_local.trainer.__main__ import main
from ftkit_local.trainer.adapter import add_adapter, load_base
from ftkit_local.trainer.integrity import checksums
from ftkit_local.trainer.quantised import load_quantised
from tests import prepared_runs
from tests.local_runs import Home, conversation
from tests.tiny import tiny_model_folder

here, prepared = prepared_runs.here, prepared_runs.prepared
torch_as_before = prepared_runs.torch_as_before

CPU = torch.device("cpu")
IDS = torch.tensor([[5, 9, 40, 77, 120, 33]])


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough that a row of a matrix fills whole blocks of 64."""
    return tiny_model_folder(tmp_path_factory.mktemp("base") / "tiny-llama", hidden=64)


def logits(model: Any) -> Any:
    with torch.no_grad():
        return model(input_ids=IDS).logits


# --- the base ----------------------------------------------------------------------------------------------------


def test_the_decoders_matrices_are_nf4_and_doubly_quantised_and_nothing_else_is(
    base_folder: Path,
) -> None:
    model = load_base(base_folder, CPU, Method.QLORA)
    layers = {n: m for n, m in model.named_modules() if isinstance(m, bitsandbytes.nn.Linear4bit)}
    assert len(layers) == 2 * 7 and not any("lm_head" in name for name in layers)
    for layer in layers.values():
        state = layer.weight.quant_state
        assert (layer.weight.dtype, state.quant_type, state.nested) == (torch.uint8, "nf4", True)
        assert layer.compute_dtype is torch.float32
    assert model.get_input_embeddings().weight.dtype is torch.float32
    plain = load_base(base_folder, CPU, Method.LORA)
    difference = (logits(model) - logits(plain)).norm() / logits(plain).norm()
    assert 1e-3 < float(difference) < 0.5  # another model, and not quite another


def test_answering_without_gradients_changes_no_weight_for_the_steps_behind_it(
    base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bitsandbytes packs the weights anew on a processor that has AVX512-BF16."""
    monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: True)
    model = load_quantised(base_folder, CPU)
    before, first = checksums(model, trainable=False), logits(model.train())
    logits(model.eval())
    assert checksums(model, trainable=False) == before
    assert torch.equal(logits(model.train()), first)


def test_a_changed_scale_of_a_quantised_weight_is_found(base_folder: Path) -> None:
    model = load_quantised(base_folder, CPU)
    before = checksums(model, trainable=False)
    state = model.model.layers[1].mlp.up_proj.weight.quant_state
    for scale in (state.absmax, state.state2.absmax):
        was = scale[0].clone()
        scale[0] += 1
        assert checksums(model, trainable=False) != before
        scale[0] = was
    assert checksums(model, trainable=False) == before


def test_gradients_reach_the_adapter_as_through_the_weights_that_4_bits_stand_for(
    base_folder: Path,
) -> None:
    settings = Hyperparameters(lora_rank=4, lora_alpha=8, target_modules="all-linear")

    def gradients(model: Any) -> dict[str, Any]:
        torch.manual_seed(0)
        model = add_adapter(model, settings, "x")
        model(input_ids=IDS, labels=IDS).loss.backward()
        return {n: p.grad for n, p in model.named_parameters() if p.requires_grad}

    inside = load_quantised(base_folder, CPU)
    outside = load_base(base_folder, CPU, Method.LORA)
    with torch.no_grad():
        for (_, one), (_, other) in zip(
            inside.named_modules(), outside.named_modules(), strict=True
        ):
            if isinstance(one, bitsandbytes.nn.Linear4bit):
                weight = one.weight
                other.weight.copy_(
                    bitsandbytes.functional.dequantize_4bit(weight.data, weight.quant_state)
                )
    ours, plain = gradients(inside), gradients(outside)
    assert ours.keys() == plain.keys()
    for name, value in plain.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-6)


# --- a run -------------------------------------------------------------------------------------------------------


def test_a_run_publishes_an_adapter_that_answers_on_the_whole_base(
    prepared: Any, here: Home, base_folder: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    run = prepared(method=Method.QLORA, epochs=4, learning_rate=0.01, validation=[conversation(20)])
    assert main([str(run.path)]) == 0

    assert run.state().status is JobStatus.SUCCEEDED
    losses = [event.data["loss"] for event in run.events() if event.type == "step"]
    assert losses[-1] < losses[0]
    folder = run.published()
    assert set(json.loads((folder / "ftkit.json").read_text())["files"]) == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    assert "bitsandbytes" in json.loads((folder / "ftkit.json").read_text())["versions"]
    plain = AutoModelForCausalLM.from_pretrained(base_folder, dtype=torch.float32)
    before = logits(plain)
    assert float((logits(PeftModel.from_pretrained(plain, folder)) - before).abs().max()) > 1e-3
    record = here.training.result("ftkrun1")
    assert (record.method, record.base) == ("qlora", str(base_folder))
    answer = LocalInference(here.path, here.catalogue).chat(
        record, Call((Message("user", "Where is my parcel?"),), max_tokens=4)
    )
    assert answer.usage.output_tokens > 0


def test_a_weight_in_4_bits_that_changes_is_found(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit_local.trainer import job

    run = prepared(method=Method.QLORA)

    def meddling(model: Any, *rest: Any, **more: Any) -> Any:
        trained = loop.train(model, *rest, **more)
        frozen = next(p for p in model.parameters() if p.dtype is torch.uint8)
        frozen.data[3] ^= 1
        return trained

    monkeypatch.setattr(job, "train", meddling)
    assert main([str(run.path)]) == 1
    assert "weights of the base were changed" in str(run.state().error)


def test_the_same_seed_gives_the_same_bits(prepared: Any) -> None:
    def weights(key: str) -> bytes:
        run = prepared(key, method=Method.QLORA)
        assert main([str(run.path)]) == 0
        return bytes((run.published() / "adapter_model.safetensors").read_bytes())

    assert weights("ftka") == weights("ftkb")


# --- what it needs -----------------------------------------------------------------------------------------------

# Llama 3.1 8B
LARGE = Shape(32, 4096, 14336, 128256, queries=4096, keys=1024, parameters=8_030_261_248)


def load(method: Method, precision: Precision = "fp32") -> Load:
    settings = Hyperparameters(
        batch_size=8, lora_rank=16, target_modules="all-linear", precision=precision
    )
    return Load(LARGE, method, settings, (128,) * 64, 4096, 8)


def test_a_base_in_4_bits_needs_a_quarter_of_the_memory_of_16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = torch.device("cuda")
    small = 10  # tokens at once, so that weights are what counts
    saved = memory_needed(load(Method.LORA, "bf16"), cuda, small) - memory_needed(
        load(Method.QLORA, "bf16"), cuda, small
    )
    quantised_weights = 6_979_321_856  # of 8.03 billion: all but embeddings, head and norms
    assert saved == pytest.approx(quantised_weights * (2 - 4.127 / 8), rel=0.05)


def test_a_run_that_does_not_fit_is_told_that_4_bits_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing, "free_memory", lambda _: 2**30)
    monkeypatch.setattr(sizing, "matrix_rate", lambda *_: 3e11)
    assert any(
        remedy.startswith("method qlora: ")
        for remedy in forecast(load(Method.LORA), CPU, 128).remedies
    )
    assert not any("qlora" in one for one in forecast(load(Method.QLORA), CPU, 128).remedies)


def test_4_bits_are_told_as_a_remedy_in_the_format_that_they_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sizing, "free_memory", lambda _: 2**30)
    monkeypatch.setattr(sizing, "matrix_rate", lambda *_: 3e11)
    told = [
        [one for one in forecast(load(Method.LORA, kind), CPU, 128).remedies if "qlora" in one]
        for kind in ("fp32", "bf16")
    ]
    assert told[0] and told[0] == told[1]


def test_reading_4_bits_takes_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing, "matrix_rate", lambda *_: 3e11)
    monkeypatch.setattr(sizing, "free_memory", lambda _: 2**40)  # neither recomputes
    lora, qlora = (
        forecast(load(method), CPU, 1024).seconds for method in (Method.LORA, Method.QLORA)
    )
    assert qlora > lora


def test_without_bitsandbytes_it_is_refused_with_the_command_that_installs_it(
    here: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = here.request("ftknone", method=Method.QLORA)
    monkeypatch.setattr(pricing, "installed", lambda: False)
    with pytest.raises(NotInstalled, match=r"pip install 'ftkit\[qlora\]'"):
        here.resolve([conversation(0)], Method.QLORA)
    with pytest.raises(Refused, match="bitsandbytes"):
        here.training.submit(replace(ready, key="ftknone2"))
    assert quantised.INSTALL == pricing.INSTALL

    monkeypatch.setattr("ftkit_local.find_spec", lambda name: None if "bits" in name else True)
    with pytest.raises(CapabilityError, match=r"pip install 'ftkit\[qlora\]'"):
        ftkit.estimate(
            [
                {
                    "messages": [
                        {"role": "user", "content": "x"},
                        {"role": "assistant", "content": "y"},
                    ]
                }
            ],
            model=f"local/{here.base_folder}",
            method="qlora",
        )


def test_that_bitsandbytes_is_installed_is_not_seen_on_the_terminal() -> None:
    code = (
        "from ftkit import config; from ftkit.registry import open_backend\n"
        "open_backend('local', config.settings()); import peft.tuners.lora.bnb"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_an_apple_gpu_is_refused(here: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pricing, "choose_device", lambda: torch.device("mps"))
    with pytest.raises(CapabilityError, match="not on mps; use method lora"):
        here.resolve([conversation(0)], Method.QLORA)
