"""What a model folder holds and whether it can be used: read from its JSON files and safetensors headers alone.

Nothing here loads a weight or imports torch; a 100 GB model is checked as fast as a small one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ftkit.errors import CapabilityError, NotFound, StorageError

# what decides how a model answers, beside its weights; a file that is absent does not count
CONTENT_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "tekken.json",
    "tokenizer.model.v2",
    "tokenizer.model.v3",
    "tokenizer.model.v7",
)
_MISTRAL = ("tekken.json", "tokenizer.model.v[237]")
_INDEX = "model.safetensors.index.json"


def checked_config(folder: Path, native: str) -> dict[str, Any]:
    """The model's config.json, after everything that would make training fail later has been looked at.

    Raises NotFound for a missing file, CapabilityError for a model that cannot be used, StorageError for a damaged one;
    each names `native` and says what to do.
    """
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise NotFound(
                f"{native}: this folder holds an adapter, not a base model, and not one that ftkit wrote; give the base it was "
                "trained on"
            )
        raise NotFound(f"{native}: {folder} has no config.json, so it is not a model folder")
    config = read_json(folder / "config.json")
    _refuse_unusable(config, native)
    weight_files(folder, native)
    if has_mistral_tokenizer(folder):
        return config
    if not (folder / "tokenizer.json").is_file():
        raise NotFound(
            f"{native}: {folder} has no tokenizer.json; save the tokenizer there once with "
            "AutoTokenizer.from_pretrained(...).save_pretrained(folder)"
        )
    return config


def weight_files(folder: Path, native: str) -> list[Path]:
    """The safetensors files that make up the model; pickled weights are refused."""
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    if (folder / _INDEX).is_file():
        names = sorted(set(read_json(folder / _INDEX).get("weight_map", {}).values()))
        if not names or any(Path(name).name != name for name in names):
            raise StorageError(f"{folder / _INDEX} does not name weight files of its own folder")
        for name in names:
            if not (folder / name).is_file():
                raise NotFound(f"{native}: {folder} lacks the weight file {name}; fetch it again")
        return [folder / name for name in names]
    pickles = sorted(path.name for path in folder.glob("*.bin")) or sorted(
        path.name for path in folder.glob("*.pt*")
    )
    if pickles:
        raise CapabilityError(
            f"{native}: {pickles[0]} is a pickle, which can run code when it is loaded; convert it once with "
            "AutoModelForCausalLM.from_pretrained(...).save_pretrained(folder), which writes safetensors"
        )
    raise NotFound(f"{native}: {folder} has no model.safetensors")


def count_parameters(files: list[Path]) -> int:
    """Numbers stored in the files; tied weights are stored and counted once. A file cut short raises StorageError."""
    return sum(math.prod(entry["shape"]) for path in files for entry in _tensors(path))


def max_length_of(config: dict[str, Any]) -> int | None:
    """Tokens the model was made for, or None where its config does not say."""
    length = config.get("max_position_embeddings")
    return length if isinstance(length, int) and length > 0 else None


def has_chat_template(folder: Path) -> bool:
    """True where the folder says how a conversation becomes text."""
    if (folder / "chat_template.jinja").is_file():
        return True
    path = folder / "tokenizer_config.json"
    return path.is_file() and bool(read_json(path).get("chat_template"))


def has_mistral_tokenizer(folder: Path) -> bool:
    """True where Mistral's own tokenizer says how a conversation becomes ids, and no chat template does."""
    whole = (folder / "tokenizer.json").is_file() and has_chat_template(folder)
    return not whole and any(True for pattern in _MISTRAL for _ in folder.glob(pattern))


def mistral_file(folder: Path) -> Path:
    """Mistral's own tokenizer of the folder, the newest where there are several; raises NotFound."""
    for pattern in _MISTRAL:
        if found := sorted(folder.glob(pattern)):
            return found[-1]
    raise NotFound(f"{folder} has neither tekken.json nor tokenizer.model.v2, v3 or v7")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; anything else raises StorageError naming the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise StorageError(f"{path} is not JSON ({error}); fetch the model again") from error
    if not isinstance(value, dict):
        raise StorageError(f"{path} does not hold a JSON object; fetch the model again")
    return value


def _refuse_unusable(config: dict[str, Any], native: str) -> None:
    if config.get("auto_map"):
        raise CapabilityError(
            f"{native}: this model brings Python code of its own (auto_map in config.json), which ftkit never runs; "
            "choose a model whose architecture transformers has built in"
        )
    architectures = config.get("architectures") or []
    family = config.get("model_type")
    if not any("ForCausalLM" in str(name) for name in architectures):
        raise CapabilityError(
            f"{native}: {', '.join(map(str, architectures)) or 'it names no architecture and'} is not a causal "
            "language model; choose one whose config.json names a ...ForCausalLM architecture"
        )
    if family not in _known_families():
        raise CapabilityError(
            f"{native}: the installed transformers does not know the model type {family!r}; update transformers, "
            "or choose another model"
        )
    quantisation = config.get("quantization_config")
    if quantisation:
        kind = quantisation.get("quant_method") if isinstance(quantisation, dict) else quantisation
        raise CapabilityError(
            f"{native}: its weights are stored quantised ({kind}); tune the 16-bit version of this model"
        )


def _known_families() -> Collection[str]:
    try:
        from transformers.models.auto.auto_mappings import CONFIG_MAPPING_NAMES
    except ImportError:  # earlier transformers 5 keeps the table where importing it brings torch
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
    families: Collection[str] = CONFIG_MAPPING_NAMES
    return families


def _tensors(path: Path) -> list[dict[str, Any]]:
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > size - 8:
            raise StorageError(
                f"{path} is not a safetensors file or is cut short; fetch the model again"
            )
        try:
            header = json.loads(stream.read(length))
            tensors = [entry for name, entry in header.items() if name != "__metadata__"]
            end = max((entry["data_offsets"][1] for entry in tensors), default=0)
        except (ValueError, AttributeError, KeyError, TypeError, IndexError) as error:
            raise StorageError(
                f"{path} has a damaged safetensors header; fetch the model again"
            ) from error
    if 8 + length + end != size:
        raise StorageError(
            f"{path} holds {size} bytes but its header speaks of {8 + length + end}; fetch the model again"
        )
    return tensors
