"""Packages for tests: a wheel packed by hand from a folder of sources, installed where only a test sees it."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

THIRD_PARTY = Path(__file__).parent / "third_party"


def wheel(
    folder: Path,
    package: str,
    entry_points: Mapping[str, str],
    *,
    sources: bool,
    group: str = "ftkit.backends",
) -> Path:
    """Write `PACKAGE-1.0-py3-none-any.whl`; `entry_points` are of `group`, `sources` takes tests/third_party/PACKAGE in."""
    info = f"{package}-1.0.dist-info"
    points = "".join(f"{name} = {value}\n" for name, value in entry_points.items())
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[{group}]\n{points}",
    }
    content = {name: text.encode() for name, text in files.items()}
    if sources:
        for file in sorted((THIRD_PARTY / package).iterdir()):
            if file.is_file():
                content[f"{package}/{file.name}"] = file.read_bytes()
    record = [f"{name},sha256={_hash(data)},{len(data)}" for name, data in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    path = folder / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def installed(wheel: Path, target: Path) -> Path:
    """`pip install` of a wheel into a folder of its own, without the network."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*command, "--no-deps", "--no-index", "--no-compile", "--target", str(target), str(wheel)],
        check=True,
        capture_output=True,
    )
    return target


def unpacked(wheel: Path, target: Path) -> Path:
    """What an installation of a pure wheel comes to: its files in a folder."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
