"""The device that a run uses and how much of its memory is free."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit.errors import NotInstalled

if TYPE_CHECKING:
    import torch

_NO_LIMIT = 1 << 60  # cgroup v1 writes "no limit" as a huge number


def import_torch() -> Any:
    """The module torch; raises NotInstalled with the command that brings it."""
    try:
        import torch
    except ImportError as error:
        raise NotInstalled(
            f"training on this machine needs PyTorch ({error}): pip install 'ftkit[local]'"
        ) from error
    return torch


def choose_device() -> torch.device:
    """The first CUDA GPU, else Apple's GPU, else the processor."""
    torch = import_torch()
    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def device_words(device: torch.device) -> str:
    """A device for people: "cpu, 2 threads" or the name of the GPU."""
    torch = import_torch()
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"cpu, {torch.get_num_threads()} threads" if device.type == "cpu" else device.type


def lock_name(device: torch.device) -> str:
    """The file name of the lock that lets one run at a time use the device."""
    number = "" if device.index is None else f"-{device.index}"
    return f"device-{device.type}{number}.lock"


def free_memory(device: torch.device) -> int:
    """Bytes that a new process can use on the device."""
    if device.type == "cuda":
        return int(import_torch().cuda.mem_get_info(device)[0])
    import psutil

    free = int(psutil.virtual_memory().available)
    for limit, used in _cgroup_files():
        try:
            total, taken = limit.read_text().strip(), used.read_text().strip()
        except OSError:
            continue  # this kind of control group is not mounted here
        if total.isdigit() and int(total) < _NO_LIMIT:
            free = min(free, max(0, int(total) - int(taken)))
    return free


def _cgroup_files() -> tuple[tuple[Path, Path], ...]:
    root = Path("/sys/fs/cgroup")
    if os.name != "posix" or not root.is_dir():
        return ()
    return (
        (root / "memory.max", root / "memory.current"),
        (root / "memory/memory.limit_in_bytes", root / "memory/memory.usage_in_bytes"),
    )
