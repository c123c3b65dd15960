"""Which file system a path lies on, and whether it is one that other machines may write to.

There is no portable call for it. Linux lists its mounts in /proc/self/mountinfo; elsewhere nothing is claimed.
"""

from __future__ import annotations

import re
from pathlib import Path

NETWORK = frozenset(
    {
        "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs",
        "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "pvfs2", "smb2",
        "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
    }
)  # fmt: skip


def type_of(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """The type of the file system that holds a path, such as `ext4` or `nfs4`; None where the system does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place = path.resolve()
    found: tuple[int, str] | None = None
    for line in lines:
        before, dash, after = line.partition(" - ")
        fields = before.split()
        if not dash or len(fields) < 5 or not after.split():
            continue
        point = Path(_decoded(fields[4]))
        # of two mounts on one point the later one lies on top
        if place.is_relative_to(point) and (found is None or len(point.parts) >= found[0]):
            found = (len(point.parts), after.split()[0])
    return None if found is None else found[1]


def is_shared(type: str | None) -> bool:
    """True for network and FUSE file systems, on which SQLite's shared memory cannot be trusted."""
    return type is not None and (type in NETWORK or type == "fuse" or type.startswith("fuse."))


def _decoded(text: str) -> str:
    r"""A mount point without its octal escapes: `\040` is a space."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
