"""The devices of this machine, asked in a process of its own: importing PyTorch takes seconds, and a broken one may crash.

The driver is asked too (`nvidia-smi`): a GPU that PyTorch cannot use is what people wonder about.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from ftkit.backend import Device
from ftkit.errors import FtkitError, NotInstalled
from ftkit_local.device import device_words, free_memory, import_torch
from ftkit_local.launch import trainer_environment

_TORCH_LIMIT_S = 45.0
_DRIVER_LIMIT_S = 10.0
_QUERY = ("--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")


def devices() -> list[Device]:
    """GPUs first, then the processor; raises NotInstalled where PyTorch is there and cannot be imported."""
    driven = _by_driver()
    if find_spec("torch") is None:
        why = "PyTorch is not installed: pip install 'ftkit[local]'"
        return [replace(gpu, trouble=why) for gpu in driven]
    told = _by_torch()
    found = [Device(**one) for one in told["devices"]]
    if not driven or told["gpus"]:
        return found
    why = (
        f"PyTorch {told['torch']} finds no GPU: is CUDA_VISIBLE_DEVICES set, or the driver too old?"
    )
    if told["cuda"] is None:
        why = f"PyTorch {told['torch']} was built without CUDA: install a build with it, see pytorch.org"
    return [*(replace(gpu, trouble=why) for gpu in driven), *found]


def _by_driver() -> list[Device]:
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    try:
        done = subprocess.run(
            [command, *_QUERY],
            check=True,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_DRIVER_LIMIT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return []  # a driver that does not answer has no GPU to offer
    found = []
    for line in done.stdout.splitlines():
        name, total, free = (field.strip() for field in (*line.rsplit(",", 2), "", "")[:3])
        found.append(Device(name, _mib(total), _mib(free)))
    return found


def _mib(text: str) -> int | None:
    return int(text) * 2**20 if text.isdigit() else None  # "[N/A]" where memory is shared


def _by_torch() -> dict[str, Any]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ftkit_local.hardware"],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_TORCH_LIMIT_S,
            env=trainer_environment(os.environ),
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"PyTorch was not imported within {_TORCH_LIMIT_S:g} s") from error
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()
        why = words[-1] if words else f"it ended the process with code {done.returncode}"
        raise NotInstalled(f"PyTorch is installed and does not work: {why}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def tell() -> None:
    """In the process of its own: print what PyTorch sees as JSON."""
    torch = import_torch()
    gpus = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    if not gpus and torch.backends.mps.is_available():
        gpus = [torch.device("mps")]
    sys.stdout.write(
        json.dumps(
            {
                "torch": torch.__version__,
                "cuda": torch.version.cuda or getattr(torch.version, "hip", None),
                "gpus": len(gpus),
                "devices": [_told(torch, device) for device in (*gpus, torch.device("cpu"))],
            }
        )
        + "\n"
    )


def _told(torch: Any, device: Any) -> dict[str, Any]:
    total = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None
    return {"name": device_words(device), "memory": total, "memory_free": free_memory(device)}


if __name__ == "__main__":
    try:
        tell()
    except FtkitError as error:
        sys.exit(str(error.__cause__ or error))
