"""Going on from an adapter: it starts where the other ended, its record says so, and what does not fit is refused by name."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

import ftkit
from ftkit.backend import Base, Call, Refused
from ftkit.data.example import Message
from ftkit.errors import CapabilityError, NotFound, StorageError
from ftkit.hyperparameters import Method
from ftkit_local.inference import LocalInference
from ftkit_local.trainer import job
from ftkit_local.trainer.__main__ import main
from tests import prepared_runs
from tests.local_runs import Home, conversation, pair, rewrite_spec

base_folder, here, prepared = prepared_runs.base_folder, prepared_runs.here, prepared_runs.prepared
torch_as_before = prepared_runs.torch_as_before

IDS = torch.tensor([[5, 9, 40, 77, 120, 33]])


@pytest.fixture
def first(prepared: Any, here: Home) -> Path:
    """An adapter of rank 4, alpha 8."""
    run = prepared("ftkfirst1", learning_rate=0.01, lora_rank=4, lora_alpha=8)
    assert main([str(run.path)]) == 0
    return Path(run.published())


def going_on(here: Home, native: str, key: str = "ftknext1", **options: Any) -> Any:
    """A prepared run that starts from what `native` names."""
    from_there = replace(here, base_folder=native)
    here.training.submit(from_there.request(key, **options))
    return here.run(key)


def test_training_starts_where_the_adapter_ended(
    here: Home, first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    seen = {}
    true_train = job.train

    def watched(model: Any, *rest: Any, **more: Any) -> Any:
        with torch.no_grad():
            seen["start"] = model(input_ids=IDS).logits
        return true_train(model, *rest, **more)

    monkeypatch.setattr(job, "train", watched)
    run = going_on(here, "ftkfirst1")
    assert main([str(run.path)]) == 0

    base = AutoModelForCausalLM.from_pretrained(here.base_folder, dtype=torch.float32)
    with torch.no_grad():
        ended = PeftModel.from_pretrained(base, first)(input_ids=IDS).logits
    torch.testing.assert_close(seen["start"], ended, rtol=1e-5, atol=1e-6)


def test_the_record_names_what_it_goes_on_from_and_the_model_answers_without_it(
    here: Home, first: Path
) -> None:
    run = going_on(here, "ftkfirst1")
    assert main([str(run.path)]) == 0
    shutil.rmtree(first.parent)

    record = here.training.result("ftknext1")
    assert (record.continues, record.base) == ("ftkfirst1", str(here.base_folder))
    facts = json.loads((run.published() / "ftkit.json").read_text())
    assert facts["continues"]["id"] == "ftkfirst1" and len(facts["continues"]["sha256"]) == 64
    assert facts["hyperparameters"]["lora_rank"] == 4
    answer = LocalInference(here.path, here.catalogue).chat(
        record, Call((Message("user", "Where is my parcel?"),), max_tokens=4)
    )
    assert answer.usage.output_tokens > 0


def test_the_folder_of_a_saved_model_is_a_start_as_well(
    here: Home, first: Path, tmp_path: Path
) -> None:
    record = here.training.result("ftkfirst1")
    LocalInference(here.path, here.catalogue).install(record, tmp_path / "router.adapter")
    by_key, by_folder = (
        here.training.base(name) for name in ("ftkfirst1", str(tmp_path / "router.adapter"))
    )
    assert by_folder.continues == str(tmp_path / "router.adapter")
    assert by_folder.continues_sha256 == by_key.continues_sha256
    assert (by_folder.id, by_folder.snapshot) == (by_key.id, by_key.snapshot)


def test_rank_alpha_and_targets_are_those_of_the_adapter(here: Home, first: Path) -> None:
    start = replace(here, base_folder="ftkfirst1")
    resolved = start.resolve([conversation(0)])
    settings = resolved.hyperparameters
    assert (settings.lora_rank, settings.lora_alpha, settings.target_modules) == (
        4,
        8,
        "all-linear",
    )
    assert resolved.notes == ("training goes on from ftkfirst1",)
    again = here.pricing.resolve(resolved.base, Method.LORA, settings, resolved.counts)
    assert again.hyperparameters == settings


@pytest.mark.parametrize(
    ("method", "settings", "told"),
    [
        (Method.LORA, {"lora_rank": 16}, "lora_rank 16 differs from that of ftkfirst1, which is 4"),
        (Method.LORA, {"lora_alpha": 32.0}, "lora_alpha 32.0 differs .* which is 8"),
        (Method.LORA, {"target_modules": ("q_proj",)}, "target_modules .'q_proj'. differs"),
        (Method.FULL, {}, "ftkfirst1 is an adapter, and method full trains the whole base"),
    ],
)
def test_what_does_not_fit_the_adapter_is_refused_by_name(
    here: Home, first: Path, method: Method, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(CapabilityError, match=told):
        replace(here, base_folder="ftkfirst1").resolve([conversation(0)], method, **settings)


def test_preference_tuning_goes_on_from_an_adapter_and_measures_against_it(
    here: Home, first: Path
) -> None:
    run = going_on(
        here, "ftkfirst1", rows=[pair(n) for n in range(8)], method=Method.DPO, learning_rate=0.01
    )
    assert main([str(run.path)]) == 0
    losses = [event.data["loss"] for event in run.events() if event.type == "step"]
    assert losses[0] == pytest.approx(0.6931, abs=1e-3)  # nothing gained on the adapter yet
    assert here.training.result("ftknext1").continues == "ftkfirst1"


def test_a_fully_tuned_run_is_a_base_like_any_other(here: Home, prepared: Any) -> None:
    run = prepared("ftkwhole1", method=Method.FULL)
    assert main([str(run.path)]) == 0
    base = here.training.base("ftkwhole1")
    assert base.continues is None and base.id == str(run.published().resolve())


def test_other_weights_than_planned_are_refused(here: Home, first: Path, prepared: Any) -> None:
    request = replace(here, base_folder="ftkfirst1").request("ftknext1")
    other = replace(request, base=replace(request.base, continues_sha256="0"))
    with pytest.raises(Refused, match="ftkfirst1 here is .* planned for 0"):
        here.training.submit(other)

    run = going_on(here, "ftkfirst1")
    spec = json.loads(run.spec.read_text())
    rewrite_spec(run, continues=spec["continues"] | {"sha256": "0" * 64})
    assert main([str(run.path)]) == 1
    assert "not the adapter that the run was planned with" in str(run.state().error)


def test_a_damaged_adapter_is_found_before_anything_is_planned(here: Home, first: Path) -> None:
    weights = first / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(StorageError, match="is damaged or was changed"):
        here.training.base("ftkfirst1")


def test_an_adapter_whose_base_has_changed_is_refused(
    prepared: Any, here: Home, first: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copied"
    shutil.copytree(first, folder)
    content = json.loads((folder / "ftkit.json").read_text())
    content["record"]["snapshot"] = "sha256:0"
    (folder / "ftkit.json").write_text(json.dumps(content))
    with pytest.raises(CapabilityError, match="was trained on .* sha256:0, but what is found"):
        here.training.base(str(folder))


def test_another_template_than_the_adapters_is_refused(
    here: Home, first: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copied"
    shutil.copytree(first, folder)
    content = json.loads((folder / "ftkit.json").read_text())
    content["record"]["template"] = "0" * 64
    (folder / "ftkit.json").write_text(json.dumps(content))
    with pytest.raises(CapabilityError, match="another chat template"):
        here.training.renderer(here.training.base(str(folder)))


def test_a_run_without_a_model_is_no_start(here: Home, prepared: Any) -> None:
    prepared("ftkidle1")
    with pytest.raises(NotFound, match="run ftkidle1 has no model to go on from"):
        here.training.base("ftkidle1")


def test_the_work_is_another_than_that_from_the_plain_base(here: Home) -> None:
    from ftkit.submission.fingerprints import fingerprint

    resolved = here.resolve([conversation(0)])

    def work(base: Base) -> str:
        return fingerprint("local", replace(resolved, base=base), {"train": "x"}, {})

    plain = resolved.base
    one, two = (replace(plain, continues="ftka", continues_sha256=digit) for digit in "12")
    assert len({work(plain), work(one), work(two)}) == 3
    assert work(one) == work(replace(one, continues="the same by another name"))


def test_one_line_goes_on_from_the_handle_of_another(base_folder: Path) -> None:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"{n}?"},
                {"role": "assistant", "content": "yes"},
            ]
        }
        for n in range(12)
    ]
    settings = {"max_steps": 2}
    one = ftkit.finetune(rows, model=f"local/{base_folder}", hyperparameters=settings)
    two = ftkit.finetune(rows, model=one.id, hyperparameters=settings)
    assert two.record.continues == one.record.native and two.id != one.id
    assert two.base.id == one.base.id == f"local/{base_folder}"
    assert two.chat("3?", max_tokens=2).usage.output_tokens > 0
