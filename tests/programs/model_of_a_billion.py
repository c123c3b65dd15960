"""Random weights in the sizes of TinyLlama (arXiv 2401.02385, table 1) with the tokenizer of another folder, stored in bf16.

`python -m tests.programs.model_of_a_billion SOURCE MADE`: a process of its own, because a child's peak memory counts from what
its parent took when it was started.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers


def main(source: Path, made: Path) -> None:
    made.mkdir()
    for file in source.iterdir():
        if file.suffix != ".safetensors" and file.name != "config.json":
            shutil.copy(file, made)
    small = json.loads((source / "config.json").read_text())
    config = transformers.LlamaConfig(
        vocab_size=small["vocab_size"],
        hidden_size=2048,
        intermediate_size=5632,
        num_hidden_layers=22,
        num_attention_heads=32,
        num_key_value_heads=4,
        tie_word_embeddings=True,
        **{name: small[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")},
    )
    transformers.utils.logging.disable_progress_bar()
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(made)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
