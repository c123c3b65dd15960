"""The Azure backend against the definition of a backend, with OpenAI's own SDK and an emulator of both planes as witness."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUITE = ("-p", "ftkit.testing.conformance", "--pyargs", "ftkit.testing.conformance")


def test_azure_passes_and_its_table_says_what_it_can(tmp_path: Path) -> None:
    table = tmp_path / "table.md"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider", *SUITE]
        + ["--ftkit-backend", "azure", "--ftkit-subject", "tests.azure_subject:subject"]
        + ["--ftkit-table", str(table)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = table.read_text(encoding="utf-8")
    assert "FAILS" not in said
    judged = (
        *("submit", "find", "upload", "delete_upload", "preflight", "listing", "checkpoints"),
        *("pause", "history", "lora", "tool_rows", "named_rows", "preference_rows"),
    )
    for name in judged:
        assert f"| training | {name} | yes |  |" in said, name
    for name in ("start", "hosting.find", "stop", "running"):
        assert f"| hosting | {name} | yes |  |" in said, name
    for name in ("record", "chat", "stream", "achat", "astream", "chat_many"):
        assert f"| inference | {name} | yes |  |" in said, name
    assert "| training | download | no | Azure gives no weights away |" in said
