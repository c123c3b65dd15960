"""The weights that a run changes: loading the base, putting a LoRA adapter into it, and writing the result.

An adapter is written in PEFT's own format with safetensors; it names its base by id, never by a folder of one machine.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftkit.data.tokens import Renderer
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit_local.chatml import TEMPLATE_FILE
from ftkit_local.precision import Precision
from ftkit_local.trainer.quantised import load_quantised

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "generation_config.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "tekken.json",
    "tokenizer.model.v2",
    "tokenizer.model.v3",
    "tokenizer.model.v7",
)
FACTS_FILE = "ftkit.json"


def load_base(folder: Path, device: Any, method: Method, precision: Precision = "fp32") -> Any:
    """The base, in 4 bits for qlora: in `precision` on a GPU, in fp32 on a processor, which rounds single layers later."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    if method is Method.QLORA:
        return load_quantised(folder, device, precision)
    half = precision == "bf16" and device.type != "cpu"
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.bfloat16 if half else torch.float32,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    return model.to(device)


def add_adapter(model: Any, settings: Hyperparameters, base_id: str) -> Any:
    """The model with a fresh fp32 LoRA adapter, everything else frozen; raises CapabilityError for wrong targets."""
    from peft import LoraConfig, get_peft_model

    targets = settings.target_modules
    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules=targets if isinstance(targets, str) else list(targets or ()),
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
    )
    try:
        wrapped = get_peft_model(model, config)
    except ValueError as error:
        raise CapabilityError(
            f"target_modules {targets!r} do not fit this model: {error}"
        ) from error
    wrapped.peft_config["default"].base_model_name_or_path = base_id
    return wrapped


def save_adapter(model: Any, folder: Path) -> None:
    """Write adapter_config.json and adapter_model.safetensors."""
    # "auto" would ask a model hub whether the vocabulary grew
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # a form with nothing filled in


def save_model(model: Any, folder: Path, base_folder: Path) -> None:
    """Write the whole model in fp32, with the base's tokenizer and chat template beside it."""
    model.save_pretrained(folder)
    for name in _TOKENIZER_FILES:
        if (base_folder / name).is_file():
            shutil.copyfile(base_folder / name, folder / name)


def save_attached_template(renderer: Renderer, folder: Path) -> bool:
    """Write the chat template that was attached to a base without one; False where the base has its own."""
    attached: str | None = getattr(renderer, "attached", None)
    if attached is not None:
        (folder / TEMPLATE_FILE).write_text(attached, encoding="utf-8")
    return attached is not None


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write ftkit.json: the facts and the SHA-256 of every file, by which the folder can be used anywhere."""
    files = {}
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            files[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    text = json.dumps({"format": 1, **facts, "files": files}, indent=2, ensure_ascii=False)
    (folder / FACTS_FILE).write_text(text + "\n", encoding="utf-8")
