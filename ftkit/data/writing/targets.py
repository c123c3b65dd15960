"""A file that is to be written, by its name: the kind of file, and what it is packed in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ftkit.data.reading import tables
from ftkit.data.reading.files import PACKINGS, SUFFIXES
from ftkit.errors import ConfigError

_SEPARATORS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True, slots=True)
class Target:
    """`suffix` is .jsonl, .json, .csv or .tsv; `packing` is .gz, .zst or ""."""

    path: Path
    suffix: str
    packing: str

    @property
    def separator(self) -> str | None:
        """What parts the cells, None where rows are objects."""
        return _SEPARATORS.get(self.suffix)


def target(path: Path) -> Target:
    """What the name asks for; raises ConfigError naming the known endings for any other."""
    _, suffix, packing = _parted(path.name)
    if suffix not in SUFFIXES:
        read = f"; {suffix} is read and not written" if suffix in tables.SUFFIXES else ""
        raise ConfigError(
            f"{path}: a file to write is named {', '.join(SUFFIXES)}, each also with .gz or .zst behind it{read}"
        )
    return Target(path, suffix, packing)


def stem(name: str) -> str:
    """A file's name without the endings that say how it is read: `tickets.v1` of `tickets.v1.jsonl.gz`."""
    return _parted(name)[0] or name


def _parted(name: str) -> tuple[str, str, str]:
    packing = _ending(name, PACKINGS)
    name = name[: len(name) - len(packing)]
    suffix = _ending(name, (*SUFFIXES, *tables.SUFFIXES))
    return name[: len(name) - len(suffix)], suffix, packing


def _ending(name: str, known: Collection[str]) -> str:
    end = Path(f"_{name}").suffix.lower()
    return end if end in known else ""
