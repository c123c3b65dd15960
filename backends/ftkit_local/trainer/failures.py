"""Any error that ends a run, as one plain message with the knob to turn; the traceback belongs in the log."""

from __future__ import annotations

import errno
from pathlib import Path

from ftkit.errors import FtkitError
from ftkit_local.trainer.out_of_memory import is_out_of_memory

_DISK_WORDS = ("no space left", "disk quota exceeded", "file too large", "os error 28")
_BROKEN_WORDS = ("input/output error", "read-only file system", "os error 5", "os error 30")
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def plain_message(error: BaseException, folder: Path) -> str:
    """What happened and what to do; `folder` is where the run writes."""
    if isinstance(error, FtkitError):
        return str(error)
    text = str(error).strip()
    if is_out_of_memory(error):
        return (
            f"out of memory: use shorter rows, a lower lora_rank, method lora instead of full, or a smaller base "
            f"({_first_line(text) or type(error).__name__})"
        )
    if (isinstance(error, OSError) and error.errno in _DISK_FULL) or _says(text, _DISK_WORDS):
        return (
            f"the disk is full: free space for {folder} and submit again ({_first_line(text)}); "
            "no half-written result was left"
        )
    if is_the_disks(error):
        return f"the disk of {folder} does not take what is written ({_first_line(text)})"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def is_the_disks(error: BaseException) -> bool:
    """True where the disk was at fault: full, read-only or broken. The run itself is in order."""
    if isinstance(error, OSError):
        return error.errno in (*_DISK_FULL, errno.EIO, errno.EROFS)
    from safetensors import SafetensorError

    return isinstance(error, SafetensorError) and _says(str(error), (*_DISK_WORDS, *_BROKEN_WORDS))


def _says(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text.lower() for word in words)


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:300]
