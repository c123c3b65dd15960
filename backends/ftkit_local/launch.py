"""Starting the trainer so that it outlives whoever started it: a session of its own, no terminal, no keys.

A shell in between starts it and ends, so the trainer is nobody's child here and leaves no zombie. The environment is
an allow-list: what is not needed to find Python, libraries and caches stays behind.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from ftkit_local import locks
from ftkit_local.allocator import allocator_environment
from ftkit_local.matrix_products import kernel_cache_limit
from ftkit_local.runs import RunFolder
from ftkit_local.threads import spinning_limit

_KEPT = frozenset(
    {
        "PATH", "HOME", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "TMPDIR", "TEMP", "TMP",
        "FTKIT_HOME", "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "XDG_DATA_HOME",
        "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "OMP_NUM_THREADS", "OMP_WAIT_POLICY",
        "GOMP_SPINCOUNT", "MKL_NUM_THREADS",
        "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME",
        "SYSTEMROOT", "APPDATA", "LOCALAPPDATA", "USERPROFILE", "PATHEXT",
    }
)  # fmt: skip
_KEPT_PREFIXES = ("LC_", "FTKIT_NOW")


def kept_environment(parent: Mapping[str, str]) -> dict[str, str]:
    """What a child sees of the environment."""
    return {
        name: value
        for name, value in parent.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }


def trainer_environment(parent: Mapping[str, str]) -> dict[str, str]:
    """What the trainer sees of the environment, and the settings of its allocator and threads; it never goes to the network."""
    kept = kept_environment(parent)
    ours = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    more = spinning_limit(parent) | allocator_environment(parent) | kernel_cache_limit(parent)
    return kept | ours | more


def start_trainer(run: RunFolder) -> bool:
    """Start a trainer for a prepared or dead run; False where one has it already, or has ended it."""
    lock = locks.take(run.lock)
    if lock is None:
        return False
    if run.outcome() is not None:
        lock.release()
        return False
    command = [sys.executable, "-m", "ftkit_local.trainer", str(run.path)]
    try:
        if locks.CAN_HAND_OVER:
            command += ["--lock", str(lock.descriptor)]
            _start(["/bin/sh", "-c", '"$@" &', "sh", *command], run, lock.descriptor)
            return True
    finally:
        lock.release()
    _start_on_windows(command, run)
    return True


def _start(command: Sequence[str], run: RunFolder, lock: int) -> None:
    with run.log.open("ab") as log:
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=trainer_environment(os.environ),
            start_new_session=True,
            pass_fds=(lock,),
        )


def _start_on_windows(command: Sequence[str], run: RunFolder) -> None:
    detached = 0x00000008 | 0x00000200  # DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP
    with run.log.open("ab") as log:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=trainer_environment(os.environ),
            creationflags=detached,
        )
