"""SHA-256 of large files, computed once: a memo in `home/models/hashes.json`, keyed by path, size and time of change.

The memo is a cache and nothing more: when it is damaged or gone the files are read again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from ftkit.errors import StorageError
from ftkit_local.durable import write_file


def file_sha256(path: Path, home: Path) -> str:
    """Hexadecimal SHA-256 of a file; free the second time while size and modification time stay the same."""
    return file_hashes([path], home)[path]


def file_hashes(paths: Sequence[Path], home: Path) -> dict[Path, str]:
    """The same for many files, with one look into the memo; raises StorageError naming an unreadable file."""
    memo_file = home / "models" / "hashes.json"
    known = _read(memo_file)
    found: dict[Path, str] = {}
    fresh: dict[str, list[Any]] = {}
    for path in paths:
        key = str(path.absolute())
        try:
            stat = path.stat()
            entry = known.get(key)
            if entry is None or entry[:2] != [stat.st_size, stat.st_mtime_ns]:
                with path.open("rb") as stream:
                    digest = hashlib.file_digest(stream, "sha256").hexdigest()
                entry = fresh[key] = [stat.st_size, stat.st_mtime_ns, digest]
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}") from error
        found[path] = entry[2]
    if fresh:
        _add(memo_file, fresh)
    return found


def _read(memo_file: Path) -> dict[str, list[Any]]:
    try:
        entries = json.loads(memo_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    except OSError as error:
        raise StorageError(f"{memo_file} cannot be read: {error.strerror}") from error
    if not isinstance(entries, dict):
        return {}
    return {
        key: entry
        for key, entry in entries.items()
        if isinstance(entry, list) and len(entry) == 3 and isinstance(entry[2], str)
    }


def _add(memo_file: Path, fresh: dict[str, list[Any]]) -> None:
    try:
        memo_file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{memo_file}.lock"):
            # files that are gone leave the memo here, so that it does not grow for ever
            entries = {key: entry for key, entry in _read(memo_file).items() if Path(key).exists()}
            write_file(memo_file, json.dumps({**entries, **fresh}, indent=0).encode())
    except OSError as error:
        raise StorageError(
            f"{memo_file} cannot be written: {error.strerror}; free some space or set FTKIT_HOME to a folder that can"
        ) from error
