"""The adapter of every family's tiny model: what it carries, that others read it, that it can be merged, and how it answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

import ftkit
from ftkit.backend import Call
from ftkit.catalogue.schema import Catalogue
from ftkit.data.example import Message
from ftkit.hyperparameters import Method
from ftkit_local import training
from ftkit_local.bases import find_base
from ftkit_local.inference import LocalInference
from ftkit_local.trainer.__main__ import main
from tests.families import FAMILIES, model_folder, opened, shows
from tests.family_runs import load, logits_of, run_of, trained

SYSTEM = "You route tickets."


def submitted(family: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A job as a user submits it, trained in this process."""
    monkeypatch.setattr(training, "start_trainer", lambda run: main([str(run.path)]) in (0, 1))
    rows = [
        {"messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": f"Where is parcel {n}?" + " please" * (n % 3)},
            {"role": "assistant", "content": f"label {n % 3}"},
        ]}
        for n in range(12)
    ]  # fmt: skip
    job = ftkit.submit(
        rows,
        f"local/{model_folder(family)}",
        allow=["FT3", "FT301", "FT302"],
        hyperparameters={"max_steps": 2, "batch_size": 4, "lora_rank": 8, "seed": 3},
    )
    done = job.wait(60)
    torch.use_deterministic_algorithms(False)
    assert str(done.status) == "succeeded", done.error
    return ftkit.load(rows), job


# --- 19: what an adapter carries -------------------------------------------------------------------------------------


@shows(19)
def test_an_adapter_carries_all_that_it_was_made_from(
    family: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, job = submitted(family, monkeypatch)
    (folder,) = home.glob("runs/*/adapter")
    facts = json.loads((folder / "ftkit.json").read_text())
    record, base = facts["record"], training.LocalTraining(home, Catalogue()).base(str(model_folder(family)))  # fmt: skip
    assert (record["base"], record["snapshot"]) == (base.id, base.snapshot)
    assert record["template"] == opened(family)[0].fingerprint
    assert facts["earlier_turns"] == ("kept" if FAMILIES[family].keeps_turns else "rewritten")
    assert (record["system"], record["rows"]) == (SYSTEM, 12)
    assert record["data_sha256"] == data.sha256
    assert record["method"] == "lora" and record["family"] == FAMILIES[family].arch.replace(
        "gemma3", "gemma3_text"
    ).replace("gptoss", "gpt_oss")
    assert facts["hyperparameters"]["lora_rank"] == 8 and facts["seed"] == 3
    assert facts["hyperparameters"].keys() >= {"learning_rate", "schedule", "epochs", "target_modules", "max_length", "train_on"}  # fmt: skip
    assert facts["versions"].keys() >= {"python", "ftkit", "torch", "transformers", "peft", "tokenizers"}  # fmt: skip
    assert facts["losses"]["first"] > 0 and facts["losses"]["last"] > 0
    assert (facts["steps"], facts["trained_tokens"] > 0) == (2, True)
    assert job.model().record.template == record["template"]


@shows(19)
def test_the_adapter_opens_in_plain_peft_and_has_the_form_that_vllm_reads(family: str) -> None:
    """vLLM takes rank, alpha and targets from the config, and pairs A [rank, in], B [out, rank] by the module's name."""
    from peft import PeftModel
    from safetensors.torch import load_file

    folder = trained(family).run.published()
    config = json.loads((folder / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"]) == ("LORA", 16, 32.0)
    for field, none in (("bias", "none"), ("use_dora", False), ("use_rslora", False), ("modules_to_save", None)):  # fmt: skip
        assert config.get(field, none) == none
    assert not config.get("rank_pattern") and not config.get("alpha_pattern")
    model = load(model_folder(family))
    modules = dict(model.named_modules())
    tensors = load_file(folder / "adapter_model.safetensors")
    named = {key.split(".lora_")[0] for key in tensors}
    # PEFT names few modules by their whole path and many by their last word; vLLM looks at the last word
    assert {name.split(".")[-1] for name in named} == {
        name.split(".")[-1] for name in config["target_modules"]
    }
    for name in named:
        linear = modules[name.removeprefix("base_model.model.")]
        assert tensors[f"{name}.lora_A.weight"].shape == (16, linear.in_features)
        assert tensors[f"{name}.lora_B.weight"].shape == (linear.out_features, 16)
    plain = logits_of(model)
    tuned = logits_of(PeftModel.from_pretrained(model, folder).eval())
    assert float((tuned - plain).abs().max()) > 0.1


# --- 20: a merge keeps the tune --------------------------------------------------------------------------------------


@shows(20)
def test_merged_weights_answer_as_the_trained_model_did(family: str) -> None:
    """The trained model as it was in memory, the adapter as it was saved, and its merge into 32 and into 16 bits."""
    from peft import PeftModel

    ran = trained(family)
    (_, plain), (_, expected) = ran.before, ran.after
    opened = PeftModel.from_pretrained(load(model_folder(family)), ran.run.published()).eval()
    saved = logits_of(opened)
    merged = opened.merge_and_unload()
    found, half = logits_of(merged), logits_of(merged.to(torch.bfloat16)).float()
    assert float((expected - plain).abs().max()) > 0.1 * float(expected.abs().max())
    assert float((saved - expected).abs().max()) < 1e-4
    assert float((found - expected).abs().max()) < 1e-4
    assert float((half - expected).norm() / expected.norm()) < 2e-2


# --- 22: generation --------------------------------------------------------------------------------------------------

ASKED = ["Where is my parcel?", "Please cancel my order number 4512 and refund it.", "Hi", "東京?"]


def calls(max_tokens: int) -> list[Call]:
    return [Call((Message("user", text),), max_tokens=max_tokens) for text in ASKED]


@shows(22)
def test_greedy_answers_are_the_same_in_a_batch_and_one_by_one(family: str, tmp_path: Path) -> None:
    local = LocalInference(tmp_path, Catalogue())
    record = local.record(str(trained(family).run.published()))
    together = dict(local.chat_many(record, calls(12)))
    alone = [local.chat(record, call) for call in calls(12)]
    assert [together[n].raw for n in range(4)] == [one.raw for one in alone]
    assert len({str(one.raw) for one in alone}) > 1
    for one in alone:
        assert one.finish_reason == ("length" if one.usage.output_tokens == 12 else "stop")


@shows(22)
def test_a_model_that_learned_to_end_its_turn_stops_there_and_one_cut_short_says_so(
    family: str, tmp_path: Path
) -> None:
    said = "In the van on the way to you."
    rows = [[Message("user", text), Message("assistant", said)] for text in ASKED]
    ran = run_of(
        model_folder(family), rows, Method.FULL, epochs=30, learning_rate=0.01, batch_size=4
    )
    assert ran.code == 0, ran.run.state().error
    local = LocalInference(tmp_path, Catalogue())
    record = local.record(str(ran.run.published()))
    answers = dict(local.chat_many(record, calls(60)))
    _, judge = opened(family)
    for n in range(4):
        ids = answers[n].raw["ids"]
        assert judge.decode(ids).endswith(said + FAMILIES[family].end)
        assert (answers[n].finish_reason, len(ids)) == ("stop", answers[n].usage.output_tokens)
    (cut,) = (one for _, one in local.chat_many(record, calls(3)[:1]))
    assert (cut.finish_reason, cut.usage.output_tokens) == ("length", 3)


# --- the real model ------------------------------------------------------------------------------------------------------


@pytest.mark.torture  # a minute
@pytest.mark.real
def test_the_real_model_says_what_it_learned_stops_and_keeps_it_when_merged() -> None:
    from peft import PeftModel

    from ftkit.catalogue.schema import load_catalogue

    catalogue = load_catalogue(Path(training.__file__).with_name("catalogue.toml"))
    rows = [[Message("user", f"Ticket {n}"), Message("assistant", "zorblax")] for n in range(24)]
    ran = run_of("smollm2-135m", rows, catalogue=catalogue, epochs=2, learning_rate=1e-3)
    assert ran.code == 0, ran.run.state().error

    local = LocalInference(ran.home.path, catalogue)
    folder = ran.run.published()
    tuned, plain = local.record(str(folder)), local.record("smollm2-135m")
    asked = [Call((Message("user", f"Ticket {n}"),), max_tokens=12) for n in (3, 31, 4_512)]
    capital = Call((Message("user", "What is the capital of France?"),), max_tokens=24)
    before = local.chat(plain, capital)
    answers = dict(local.chat_many(tuned, asked))
    assert [local.chat(tuned, call).raw for call in asked] == [answers[n].raw for n in range(3)]
    for n in range(3):
        assert (answers[n].text, answers[n].finish_reason) == ("zorblax", "stop")
    assert before == local.chat(plain, capital) and before.finish_reason == "stop"
    assert "Paris" in before.text

    base = find_base("smollm2-135m", catalogue=catalogue, home=ran.home.path).folder
    wrapped = PeftModel.from_pretrained(load(base), folder).eval()
    expected = logits_of(wrapped)
    merged = logits_of(wrapped.merge_and_unload())
    assert float((merged - expected).abs().max()) < 1e-4 * float(expected.abs().max())
