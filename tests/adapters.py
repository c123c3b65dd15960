"""LoRA adapters with random weights, as plain PEFT writes them, for the tests that answer with them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from ftkit.backend import ModelRecord


def adapter_folder(base: Path, folder: Path, seed: int = 0) -> Path:
    """An adapter that changes answers, as plain PEFT writes it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = get_peft_model(
            AutoModelForCausalLM.from_pretrained(base),
            LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"),
        )
        for name, value in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(value, std=0.3)
        model.save_pretrained(folder)
    return folder


def with_record(folder: Path, record: ModelRecord) -> Path:
    content = {"format": 1, "record": asdict(replace(record, adapter="."))}
    (folder / "ftkit.json").write_text(json.dumps(content), encoding="utf-8")
    return folder
