"""Code that is wrong in one place, and the tests that have to see it.

A copy of the code is changed in one place and the named tests are run against it: one that stays green has not seen the mistake.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_CODE = ("ftkit", "backends", "tests", "cookbook", "docs", "README.md", "pyproject.toml")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*", "torture")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake: `old`, which stands once in `file`, becomes `new`; `tests` are files, or names after `::`, that must fail."""

    mistake: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def code_copy(folder: Path) -> Path:
    """The code of this checkout in a folder of its own."""
    for name in _CODE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=_LEFT_OUT)
        else:
            shutil.copy(source, folder / name)
    return folder


def killed_by(mutant: Mutant, copy: Path) -> list[str]:
    """The tests that fail while the mistake is in the copy; the copy is as it was afterwards."""
    path = copy / mutant.file
    sound = path.read_text(encoding="utf-8")
    assert sound.count(mutant.old) == 1, (
        f"{mutant.mistake}: {mutant.old!r} stands {sound.count(mutant.old)} times"
    )
    path.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        return failures(copy, mutant.tests)
    finally:
        path.write_text(sound, encoding="utf-8")


def failures(copy: Path, tests: Sequence[str]) -> list[str]:
    """The names of the tests that fail against the copy, the first ones of them; RuntimeError where none could be run."""
    done = subprocess.run(
        [sys.executable, "-P", "-B", "-m", "pytest", "-q", "-rfE", "--color=no", "--durations=0"]
        + ["-p", "no:cacheprovider", "--maxfail=3", *tests],
        cwd=copy,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(copy), str(copy / "backends")]),
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout[-2_000:] + done.stderr[-2_000:])
    return re.findall(r"^(?:FAILED|ERROR) \S*::(\S+)", done.stdout, re.MULTILINE)


def told(mutants: Sequence[Mutant], folder: Path) -> dict[str, list[str]]:
    """Each mistake with the tests that saw it, printed as it goes; AssertionError where a sound copy fails already."""
    copy = code_copy(folder)
    every = sorted({name for mutant in mutants for name in mutant.tests})
    assert failures(copy, every) == []
    seen = {}
    for mutant in mutants:
        seen[mutant.mistake] = killed_by(mutant, copy)
        who = ", ".join(seen[mutant.mistake]) or "SURVIVED"
        print(f"{mutant.mistake} -> {who}", flush=True)
    return seen
