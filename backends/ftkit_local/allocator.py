"""The memory allocator of the trainer's process, chosen through its environment before it starts.

A step allocates and frees the same large tensors again and again. By default glibc gives them back to the kernel and
gets fresh pages, which the kernel has to clear: a third of a step's time. Results are the same bits either way.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping

# Keep what was freed, take it from the heap and not from fresh maps, and ask for huge pages.
_GLIBC = (
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=8589934592:"
    "glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=268435456"
)
_TCMALLOC = "tcmalloc_minimal"


def allocator_environment(parent: Mapping[str, str]) -> dict[str, str]:
    """Variables to set for the trainer; none where the user chose an allocator or the system has no glibc."""
    if "LD_PRELOAD" in parent or "GLIBC_TUNABLES" in parent:
        return {name: parent[name] for name in ("LD_PRELOAD", "GLIBC_TUNABLES") if name in parent}
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return {}
    from ctypes.util import find_library

    library = find_library(_TCMALLOC)
    return {"LD_PRELOAD": library} if library else {"GLIBC_TUNABLES": _GLIBC}


def allocator_in_use(environment: Mapping[str, str]) -> str:
    """The allocator of a process with this environment, in words."""
    if preload := environment.get("LD_PRELOAD"):
        return _TCMALLOC if _TCMALLOC in preload else f"preloaded {preload}"
    if tunables := environment.get("GLIBC_TUNABLES"):
        return "glibc tuned to keep its memory" if tunables == _GLIBC else f"glibc, {tunables}"
    return "the system's"
