"""A GGUF file becomes an ordinary model folder, once: dequantised, in safetensors, with tokenizer and template.

The conversion runs in a child process (`python -m ftkit_local.gguf_import`), so that the caller stays free of torch and
of what transformers prints. A folder counts only with a manifest that verifies; the manifest is written last.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from ftkit.errors import CapabilityError, StorageError
from ftkit_local.durable import discard_folder, new_folder_beside, publish_folder, write_file
from ftkit_local.hashes import file_hashes
from ftkit_local.launch import kept_environment

# fp32 keeps the dequantised values exactly; bf16 rounds four of five of them. Above this size bf16 is the lesser evil.
_EXACT_UP_TO_BYTES = 4 * 2**30
_MANIFEST = "manifest.json"
_UNSUPPORTED = 3

# How text is split before byte-pair merging is named, not stored, in a GGUF file, and transformers does not look at the
# name. Wrong splits give wrong ids without an error, so a name that is not here is refused.
_DIGITS_THEN_GPT2 = "smollm"
_SPLITS = {
    "llama-bpe": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}


def imported_folder(name: str, home: Path, sha256: str) -> Path | None:
    """The folder made earlier from the GGUF file with this hash, if it is whole."""
    folder = _folder(name, home, sha256)
    return folder if _verifies(folder, home, sha256) else None


def import_gguf(
    file: Path, home: Path, sha256: str, progress: Callable[[str], None] | None = None
) -> Path:
    """The model folder of a GGUF file with this SHA-256, made on first use under `home/models`.

    Two processes import once. Raises StorageError for a damaged file or too little space (needed and free bytes),
    CapabilityError for an architecture or tokenizer that cannot be converted.
    """
    folder = _folder(file.stem, home, sha256)
    if _verifies(folder, home, sha256):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            # another process may have made it while this one waited for the lock
            if not _verifies(folder, home, sha256):
                _make(file, folder, home, sha256, progress or (lambda line: None))
    except OSError as error:
        raise StorageError(
            f"{file.name} cannot be imported into {folder}: {error.strerror or error}"
        ) from error
    return folder


def _folder(name: str, home: Path, sha256: str) -> Path:
    return home / "models" / f"{name}-{sha256[:12]}"


def _verifies(folder: Path, home: Path, sha256: str) -> bool:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        listed = {folder / entry["name"]: entry for entry in manifest["files"]}
        if manifest["source_sha256"] != sha256 or any(
            path.stat().st_size != entry["size"] for path, entry in listed.items()
        ):
            return False
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return False
    hashes = file_hashes(list(listed), home)
    return bool(listed) and all(hashes[path] == entry["sha256"] for path, entry in listed.items())


def _make(
    file: Path, folder: Path, home: Path, sha256: str, progress: Callable[[str], None]
) -> None:
    for leftover in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(leftover)
    if folder.exists():
        progress(f"{folder.name} is not whole and is made again")
        shutil.rmtree(folder)
    parameters = _parameters(file)
    dtype = "float32" if 4 * parameters <= _EXACT_UP_TO_BYTES else "bfloat16"
    needed = parameters * (4 if dtype == "float32" else 2) + 64 * 2**20  # tokenizer, JSON, slack
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise StorageError(
            f"importing {file.name} needs {needed} bytes in {folder.parent}, {free} are free; "
            "free some space or set FTKIT_HOME to another disk"
        )
    progress(f"importing {file.name} once: {parameters:,} parameters as {dtype}")
    fresh = new_folder_beside(folder)
    try:
        _convert_in_child(file, fresh, dtype)
        paths = sorted(path for path in fresh.iterdir() if path.is_file())
        hashes = file_hashes(paths, home)
        files = [
            {"name": path.name, "size": path.stat().st_size, "sha256": hashes[path]}
            for path in paths
        ]
        manifest = {"format": 1, "source_sha256": sha256, "dtype": dtype, "files": files}
        write_file(fresh / _MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
        publish_folder(fresh, folder)
    finally:
        discard_folder(fresh)
    progress(f"{file.name} is imported")


def _parameters(file: Path) -> int:
    """Reads header and tensor table, which a damaged or foreign file does not survive."""
    with file.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise StorageError(f"{file} is not a GGUF file")
    from gguf import GGUFReader

    try:
        return sum(int(tensor.n_elements) for tensor in GGUFReader(file).tensors)
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError) as error:
        raise StorageError(f"{file} is damaged or cut short ({error}); fetch it again") from error


def _convert_in_child(file: Path, folder: Path, dtype: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ftkit_local.gguf_import", str(file), str(folder), dtype],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env={
            **kept_environment(os.environ),  # it reads a stranger's file
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
        },
        check=False,
    )
    if done.returncode == 0:
        return
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    reason = lines[-1].strip() if lines else f"the converter ended with {done.returncode}"
    if done.returncode == _UNSUPPORTED:
        raise CapabilityError(f"{file.name}: {reason}; use the model's safetensors folder instead")
    raise StorageError(f"{file.name} cannot be imported: {reason}")


def _convert(file: Path, folder: Path, dtype: str) -> None:
    """Runs in the child: everything that needs torch."""
    import gguf
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    # transformers parses the same file and builds the same table of names again and again: two thirds of the time
    gguf.GGUFReader = cache(gguf.GGUFReader)
    gguf.get_tensor_name_map = cache(gguf.get_tensor_name_map)
    (architecture,) = _facts(file, "general.architecture")
    if architecture not in GGUF_SUPPORTED_ARCHITECTURES:
        raise CapabilityError(f"transformers cannot convert the architecture {architecture!r}")
    save_tokenizer(file, folder)
    loaded = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32
    )
    # the loaded model counts as quantised, which save_pretrained refuses: the same class without that mark
    config = loaded.config
    del config.quantization_config
    with torch.device("meta"):
        model = type(loaded)(config)
    model.load_state_dict(loaded.state_dict(), assign=True)
    model.tie_weights()
    model.generation_config = loaded.generation_config
    model.to(getattr(torch, dtype)).save_pretrained(folder)


def save_tokenizer(file: Path, folder: Path) -> None:
    """Write the tokenizer and chat template of a GGUF file; CapabilityError where its splitting rule is unknown."""
    from transformers import AutoTokenizer

    model, splits = _facts(file, "tokenizer.ggml.model", "tokenizer.ggml.pre")
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    if model == "gpt2":
        _set_splits(tokenizer.backend_tokenizer, str(splits))
    tokenizer.save_pretrained(folder)


def _facts(file: Path, *names: str) -> list[Any]:
    from gguf import GGUFReader

    fields = GGUFReader(file).fields
    return [fields[name].contents() if name in fields else None for name in names]


def _set_splits(tokenizer: Any, name: str) -> None:
    from tokenizers import Regex, pre_tokenizers

    if name == _DIGITS_THEN_GPT2:
        steps = [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    elif name in _SPLITS:
        steps = [
            pre_tokenizers.Split(Regex(_SPLITS[name]), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    else:
        raise CapabilityError(
            f"its tokenizer splits text by the rule {name!r}, which ftkit does not know"
        )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)


def _main(file: str, folder: str, dtype: str) -> int:
    try:
        _convert(Path(file), Path(folder), dtype)
    except CapabilityError as error:
        print(error, file=sys.stderr)  # the parent raises it again
        return _UNSUPPORTED
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
