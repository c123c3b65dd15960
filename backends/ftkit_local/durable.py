"""Writing files so that a crash leaves the old or the new content, never half of one."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from ftkit.errors import StorageError


def write_file(path: Path, content: bytes) -> None:
    """Replace `path` by `content` at once; on an error the old file stays and no temporary file is left."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def new_folder_beside(final: Path) -> Path:
    """An empty hidden folder on the same disk as `final`, to be filled and then renamed to it."""
    return Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))


def publish_folder(filled: Path, final: Path) -> None:
    """Give a filled folder its final name once all its files are on disk; raises StorageError if the name is taken."""
    for path in sorted(filled.rglob("*")):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    for folder in [filled, *(path for path in filled.rglob("*") if path.is_dir())]:
        sync_folder(folder)
    try:
        filled.rename(final)
    except OSError as error:
        if final.exists():
            raise StorageError(f"{final} is already there; nothing was replaced") from error
        raise
    sync_folder(final.parent)


def discard_folder(folder: Path) -> None:
    """Remove a folder that never got its final name; one that is gone already is fine."""
    if folder.exists():
        shutil.rmtree(folder)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut; Windows has no such call and needs none."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
