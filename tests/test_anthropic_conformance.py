"""The Anthropic backend against the definition of a backend, with Anthropic's own SDK and an emulator as witness."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUITE = ("-p", "ftkit.testing.conformance", "--pyargs", "ftkit.testing.conformance")


def test_anthropic_passes_and_its_table_says_what_it_can(tmp_path: Path) -> None:
    table = tmp_path / "table.md"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider", *SUITE]
        + ["--ftkit-backend", "anthropic", "--ftkit-subject", "tests.anthropic_subject:subject"]
        + ["--ftkit-table", str(table)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'backends'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = table.read_text(encoding="utf-8")
    assert "FAILS" not in said
    for name in ("record", "chat", "stream", "achat", "astream", "chat_many", "count_tokens"):
        assert f"| inference | {name} | yes |  |" in said, name
    for part, name in (("training", "training"), ("hosting", "hosting"), ("inference", "batch")):
        assert f"| {part} | {name} | no |" in said, name
