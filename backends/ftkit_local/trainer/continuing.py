"""Going on from an adapter: the fresh adapter of a run takes over the weights of an earlier one, all of them or none."""

from __future__ import annotations

import hashlib
from typing import Any

from ftkit.errors import StorageError
from ftkit_local.trainer.spec import SpecAdapter


def take_over(model: Any, adapter: SpecAdapter) -> None:
    """Put the adapter's weights into the model's; raises StorageError where they are not those of the plan, or do not fit."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    path = adapter.folder / "adapter_model.safetensors"
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != adapter.sha256:
            raise StorageError(
                f"{path} is not the adapter that the run was planned with; submit again"
            )
        outcome = set_peft_model_state_dict(model, load_file(path))
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
    except RuntimeError as error:  # tensors of another shape
        raise StorageError(
            f"{path} does not fit this run: {' '.join(str(error).split())[:300]}"
        ) from error
    absent = [name for name in outcome.missing_keys if "lora_" in name]
    if absent or outcome.unexpected_keys:
        raise StorageError(
            f"{path} does not fit this run: {len(absent)} tensors are missing, {len(outcome.unexpected_keys)} unknown"
        )
