"""A whole run of the trainer: what it tells on the way, and a published result that opens without ftkit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.backend import JobStatus
from ftkit.hyperparameters import Method
from ftkit_local.trainer import job
from ftkit_local.trainer.__main__ import main
from ftkit_local.trainer.adapter import save_adapter
from tests import prepared_runs
from tests.local_runs import Home, conversation, rewrite_spec

base_folder, here, prepared = prepared_runs.base_folder, prepared_runs.here, prepared_runs.prepared
torch_as_before = prepared_runs.torch_as_before


def load(folder: Path | str) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def test_a_run_tells_its_plan_its_steps_and_its_end(prepared: Any) -> None:
    run = prepared(epochs=2, learning_rate=0.01, validation=[conversation(n) for n in (20, 21)])

    assert main([str(run.path)]) == 0

    events = list(run.events())
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    kinds = [event.type for event in events]
    assert kinds == [
        "started",
        "plan",
        *["step"] * 3,
        "validation",
        *["step"] * 3,
        "validation",
    ] + ["finished"]
    plan = events[1].data
    assert plan["rows"] == 12 and plan["steps"] == 6
    assert 0 < plan["trained_tokens"] < plan["tokens"]
    assert plan["trainable_parameters"] < plan["parameters"]
    steps = [event.data for event in events if event.type == "step"]
    assert sum(step["tokens"] for step in steps) == 2 * plan["tokens"]
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert steps[2]["epoch"] == 1.0 and steps[-1]["epoch"] == 2.0
    validations = [event.data["loss"] for event in events if event.type == "validation"]
    assert validations[1] < validations[0]
    state = run.state()
    assert (state.status, state.progress, state.model) == (JobStatus.SUCCEEDED, (6, 6), "ftkrun1")


def test_the_published_adapter_names_its_base_and_how_it_was_made(
    prepared: Any, here: Home
) -> None:
    run = prepared()
    assert main([str(run.path)]) == 0

    folder = run.published()
    facts = json.loads((folder / "ftkit.json").read_text())
    config = json.loads((folder / "adapter_config.json").read_text())

    assert config["base_model_name_or_path"] == str(here.base_folder)
    assert facts["format"] == 1
    assert facts["record"]["tuned"] is True and facts["record"]["adapter"] == "."
    assert facts["record"]["snapshot"] == here.training.base(str(here.base_folder)).snapshot
    assert facts["record"]["rows"] == 12
    assert facts["hyperparameters"]["lora_rank"] == 16
    assert facts["losses"]["first"] > 0 and facts["losses"]["validation"] is None
    assert facts["trained_tokens"] > 0 and facts["seed"] == 0
    assert facts["versions"].keys() >= {"python", "torch", "transformers", "peft"}
    assert set(facts["files"]) == {"adapter_config.json", "adapter_model.safetensors"}
    record = here.training.result("ftkrun1")
    assert record.native == "ftkrun1" and record.adapter == str(folder.resolve())


def test_an_adapter_names_its_base_by_id_and_not_by_a_folder_of_this_machine(
    prepared: Any, here: Home
) -> None:
    run = prepared()
    spec = json.loads(run.spec.read_text())
    rewrite_spec(run, base=spec["base"] | {"id": "org/tiny"})
    assert main([str(run.path)]) == 0

    written = [path.read_bytes() for path in run.published().iterdir()]
    config = json.loads((run.published() / "adapter_config.json").read_text())

    assert config["base_model_name_or_path"] == "org/tiny"
    assert not any(str(here.base_folder).encode() in content for content in written)


def test_the_saved_adapter_opens_in_plain_peft_with_the_trained_models_logits(
    prepared: Any, here: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import PeftModel

    ids = torch.tensor([[5, 9, 40, 77, 120, 33]])
    seen = {}

    def keep_logits(model: Any, folder: Path) -> None:
        with torch.no_grad():
            seen["trained"] = model(input_ids=ids).logits
        save_adapter(model, folder)

    monkeypatch.setattr(job, "save_adapter", keep_logits)
    run = prepared(learning_rate=0.01)
    assert main([str(run.path)]) == 0

    base = load(here.base_folder)
    with torch.no_grad():
        plain = base(input_ids=ids).logits
        opened = PeftModel.from_pretrained(base, run.published()).eval()(input_ids=ids).logits

    torch.testing.assert_close(opened, seen["trained"], rtol=1e-5, atol=1e-6)
    assert float((opened - plain).abs().max()) > 1e-3


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(prepared: Any) -> None:
    def weights(key: str, seed: int) -> bytes:
        run = prepared(key, seed=seed)
        assert main([str(run.path)]) == 0
        return bytes((run.published() / "adapter_model.safetensors").read_bytes())

    assert weights("ftka", 0) == weights("ftkb", 0)
    assert weights("ftka1", 0) != weights("ftkc", 1)


def test_full_tuning_publishes_a_model_that_opens_without_ftkit(prepared: Any, here: Home) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run = prepared(method=Method.FULL, learning_rate=1e-3)
    assert main([str(run.path)]) == 0

    folder = run.published()
    tuned, base = AutoModelForCausalLM.from_pretrained(folder), load(here.base_folder)
    assert folder.name == "model"
    assert not torch.equal(
        tuned.model.layers[0].mlp.up_proj.weight, base.model.layers[0].mlp.up_proj.weight
    )
    assert AutoTokenizer.from_pretrained(folder).chat_template
    assert here.training.result("ftkrun1").method == "full"


def test_the_time_that_its_cost_allows_runs_from_before_the_base_is_loaded(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    true_load = job.load_base

    def ticking() -> float:
        now[0] += 0.001
        return now[0]

    def slowly(*given: Any) -> Any:
        now[0] += 100.0
        return true_load(*given)

    monkeypatch.setattr(job.clock, "monotonic", ticking)
    monkeypatch.setattr(job, "load_base", slowly)
    for allowed, steps in ((150.0, 150), (99.0, 1)):
        now[0] = 0.0
        run = prepared(f"ftkallow{allowed:.0f}", epochs=50)
        rewrite_spec(run, stop_after_s=allowed)
        assert main([str(run.path)]) == 0
        outcome = run.outcome()
        assert outcome is not None and outcome["summary"]["steps"] == steps


def test_a_run_stops_at_its_time_limit_and_publishes_what_it_has(prepared: Any) -> None:
    run = prepared(epochs=50, max_time_s=1e-6)

    assert main([str(run.path)]) == 0

    finished = list(run.events())[-1]
    assert finished.data["steps"] == 1
    assert finished.data["stopped_early"] == "max_time_s 1e-06 was reached after step 1 of 150"
    assert (run.published() / "adapter_model.safetensors").is_file()
