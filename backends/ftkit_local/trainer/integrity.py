"""What must be true of the weights after training, checked before anything is published."""

from __future__ import annotations

from typing import Any

from ftkit.errors import TrainingError
from ftkit_local.trainer.quantised import scales

_SHOWN = 5


def checksums(model: Any, *, trainable: bool) -> dict[str, int]:
    """A number for each frozen (or each trainable) parameter that changes with any single bit pattern in it."""
    found = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad is trainable:
            found[name] = _checksum(parameter)
            for beside, tensor in scales(parameter).items():
                found[f"{name}.{beside}"] = _checksum(tensor)
    return found


def require_frozen(model: Any, before: dict[str, int]) -> None:
    """Raise TrainingError where a frozen weight of the base has changed."""
    after = checksums(model, trainable=False)
    changed = [name for name in before if after.get(name) != before[name]]
    if changed or len(after) != len(before):
        raise TrainingError(
            f"weights of the base were changed: {_names(changed)}; nothing was saved"
        )


def require_moved(model: Any, before: dict[str, int]) -> None:
    """Raise TrainingError where a trained weight is not finite or never moved; of an adapter, B is looked at.

    B starts at zero, so a B that never moved is a target that got no gradient: the adapter would do nothing there.
    """
    trained = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    broken = [name for name, value in trained if not bool(value.isfinite().all())]
    if broken:
        raise TrainingError(f"trained weights are not finite: {_names(broken)}; nothing was saved")
    after = checksums(model, trainable=True)
    must_move = [name for name in before if "lora_A" not in name]
    still = [name for name in must_move if after[name] == before[name]]
    if still and (len(still) == len(must_move) or any("lora_B" in name for name in still)):
        raise TrainingError(
            f"{len(still)} of {len(must_move)} weights never moved: {_names(still)}. They get no gradient "
            "from this data; leave them out of target_modules, or raise learning_rate if it is all of them"
        )


def _checksum(parameter: Any) -> int:
    import torch

    kinds = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    data = parameter.detach().contiguous()
    return int(data.view(kinds[data.element_size()]).sum(dtype=torch.int64))


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
