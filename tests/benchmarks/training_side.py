"""One part of the training benchmark in a process of its own: `python -m tests.benchmarks.training_side PART FOLDER`.

`prepare` renders rows and prepares a run of ftkit's trainer, `trl` trains the same token ids with TRL, `probe` measures the
matrix rate of the machine. What a part needs stands in FOLDER/task.json; what it found is printed as one line of JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

LEARNING_RATE, RANK = 5e-4, 16
KEY = "ftkbench"


def prepare(folder: Path, task: dict[str, Any]) -> dict[str, Any]:
    """The run folder, token ids with the mask of what is learned, and the operations that these rows need."""
    from ftkit.catalogue.schema import load_catalogue
    from ftkit.data.example import Message
    from ftkit_local import training
    from ftkit_local.bases import find_base
    from tests.local_runs import Home

    catalogue = load_catalogue(Path(training.__file__).with_name("catalogue.toml"))
    base = find_base(task["model"], catalogue=catalogue, home=Path(task["models"])).folder
    here = Home(folder, base)
    training.start_trainer = lambda run: True  # the benchmark starts it itself
    rows = [[Message(role, text) for role, text in row] for row in task["rows"]]
    request = here.request(
        KEY,
        rows,
        batch_size=8,
        epochs=1,
        learning_rate=LEARNING_RATE,
        schedule="constant",
        warmup_ratio=0.0,
        lora_rank=RANK,
        lora_alpha=2 * RANK,
        target_modules="all-linear",
        precision=task.get("precision"),
        seed=0,
    )
    here.training.submit(request)
    renderer = here.training.renderer(request.base)
    assert renderer is not None
    rendered = [renderer.render(row)[0] for row in rows]
    with (folder / "tokens.jsonl").open("w") as file:
        for one in rendered:
            mask = [int(label != -100) for label in one.labels]
            file.write(json.dumps({"input_ids": list(one.ids), "completion_mask": mask}) + "\n")
    lengths = [len(one.ids) for one in rendered]
    trained = sum(one.trained for one in rendered)
    config = json.loads((base / "config.json").read_bytes())
    return {
        "model": str(base),
        "tokens": sum(lengths),
        "trained_tokens": trained,
        "longest": max(lengths),
        "operations": operations(config, lengths, trained),
        "run": str(here.run(KEY).path),
    }


def operations(config: dict[str, Any], lengths: list[int], trained: int) -> float:
    """Floating-point operations of one epoch of LoRA on all projections, padding and unlabelled logits not counted."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    queries, keys = (config[f"num_{name}_heads"] * head for name in ("attention", "key_value"))
    ends = [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden)]
    ends += [(hidden, inner), (hidden, inner), (inner, hidden)]
    layers = config["num_hidden_layers"]
    base = layers * sum(one * other for one, other in ends)
    adapter = layers * RANK * sum(one + other for one, other in ends)
    tokens = sum(lengths)
    # forward, and backward to the inputs; of the adapter to its weights as well; half of attention is masked
    return float(
        (4 * base + 6 * adapter) * tokens
        + 4 * config["vocab_size"] * hidden * trained
        + 6 * layers * queries * sum(length * length for length in lengths)
    )


def trl(folder: Path, task: dict[str, Any]) -> dict[str, Any]:
    """Train the rows with TRL's SFTTrainer; seconds of the whole training and the losses of its steps."""
    import torch
    from datasets import load_dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    options: dict[str, Any] = {
        "per_device_train_batch_size": 8,
        "num_train_epochs": 1,
        "learning_rate": LEARNING_RATE,
        "lr_scheduler_type": "constant",
        "max_grad_norm": 1.0,
        "max_length": None,
        "completion_only_loss": True,
        "bf16": False,
        "use_cpu": not torch.cuda.is_available(),
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "seed": 0,
    }
    data = load_dataset(
        "json", data_files=task["tokens"], split="train", cache_dir=str(folder / "cache")
    )
    if task.get("limit"):
        data = data.select(range(min(task["limit"], len(data))))
    tokens = sum(map(len, data["input_ids"]))
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(task["model"], dtype=torch.float32),
        args=SFTConfig(output_dir=str(folder / "out"), **(options | task["options"])),
        train_dataset=data,
        processing_class=AutoTokenizer.from_pretrained(task["model"]),
        peft_config=LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear"),
    )
    began = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - began
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"seconds": seconds, "tokens": tokens, "losses": losses}


def probe(folder: Path, task: dict[str, Any]) -> dict[str, Any]:
    """GFLOP/s of a 1024-square product: torch's own, that of the library which ftkit takes here in fp32, and bf16."""
    import torch

    from ftkit_local.matrix_products import library_name, linear

    square = torch.randn(1024, 1024)
    rounded = square.to(torch.bfloat16)

    def rate(product: Any) -> float:
        found = []
        for _ in range(9):
            began = time.perf_counter()
            for _ in range(4):
                product()
            found.append(4 * 2 * 1024**3 / (time.perf_counter() - began) / 1e9)
        return statistics.median(found)

    return {
        "torch": rate(lambda: square @ square),
        "ftkit": rate(lambda: linear(square, square)),
        "bf16": rate(lambda: linear(rounded, rounded)),
        "library": library_name(square.device),
    }


if __name__ == "__main__":
    part, place = sys.argv[1], Path(sys.argv[2])
    given = json.loads((place / "task.json").read_text())
    print(json.dumps({"prepare": prepare, "trl": trl, "probe": probe}[part](place, given)))
