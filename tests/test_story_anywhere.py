"""One application file, run as a process on four profiles: only FTKIT_PROFILE differs between the runs."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.azure_desk import section
from tests.emulators.azure import AzureEmulator
from tests.emulators.google import GoogleEmulator
from tests.emulators.openai import OpenAIEmulator
from tests.google_desk import reached
from tests.test_stories import ROOT
from tests.tiny import tiny_model_folder

APPLICATION = ROOT / "cookbook" / "anywhere.py"
PROFILES = ("laptop", "openai", "azure", "google")
NOON = "2026-11-24T12:00:00+00:00"


def test_the_application_has_no_branch_and_names_no_provider() -> None:
    tree = ast.parse(APPLICATION.read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree)
    assert docstring is not None
    branches = [node for node in ast.walk(tree) if isinstance(node, (ast.If, ast.Match))]
    assert [ast.unparse(node.test) for node in branches if isinstance(node, ast.If)] == [
        "__name__ == '__main__'"
    ]
    code = APPLICATION.read_text(encoding="utf-8").partition('"""\n\nfrom')[2].lower()
    for name in ("openai", "azure", "google", "gemini", "gpt", "local/"):
        assert name not in code


def test_only_the_profile_differs(tmp_path: Path) -> None:
    base = f"local/{tiny_model_folder(tmp_path / 'tiny')}"
    shown = re.search(r"\n\n((?:    .*\n|\n)*?    max_cost_usd[^\n]*\n)\n    FTKIT", _docstring())
    assert shown is not None
    profiles = re.sub(r"^    ", "", shown[1], flags=re.MULTILINE)
    work = tmp_path / "application"
    work.mkdir()
    (work / "ftkit.toml").write_text(profiles.replace("local/smollm2-135m", base))
    with (
        OpenAIEmulator(run_s=0.0, now=NOON) as openai,
        AzureEmulator(run_s=0.0, now=NOON, capacity_quota=100_000) as azure,
        GoogleEmulator(run_s=0.0, now=NOON) as google,
    ):
        sections = {
            "openai": {"backend": "openai", "base_url": openai.base_url, "poll_s": 0.05},
            "azure": section(azure, poll_s=0.05),
        }
        (tmp_path / "user.toml").write_text(_toml(sections))
        environment = {
            **os.environ,
            **reached(google, tmp_path),
            "FTKIT_CONFIG": str(tmp_path / "user.toml"),
            "FTKIT_NOW": NOON,
            "OPENAI_API_KEY": openai.api_key,
            "AZURE_OPENAI_API_KEY": azure.api_key,
            "AZURE_MANAGEMENT_TOKEN": azure.arm_token,
        }
        for profile in PROFILES:
            done = subprocess.run(
                [sys.executable, str(APPLICATION), "80", "1", "8"],
                cwd=work,
                env={**environment, "FTKIT_PROFILE": profile},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{profile}: {done.stdout}{done.stderr}"
        head, *lines = done.stdout.splitlines()
        print(done.stdout)
        assert [line.split()[0] for line in lines] == list(PROFILES)
        assert head.split()[0] == "profile"
        rows = [json.loads(line) for line in (work / "anywhere.jsonl").read_text().splitlines()]
        assert [row["left running"] for row in rows] == ["0"] * 4
        assert [emulator.counts()["jobs"] for emulator in (openai, azure, google)] == [1, 1, 1]
        deployed = azure.counts()
        assert deployed["running"] == 0 and sorted(deployed["deploy_starts"].values()) == [1, 1]


def _docstring() -> str:
    found = ast.get_docstring(ast.parse(APPLICATION.read_text(encoding="utf-8")), clean=False)
    assert found is not None
    return found


def _toml(sections: dict[str, dict[str, object]]) -> str:
    lines = []
    for name, values in sections.items():
        lines += [f"[providers.{name}]", *(f"{k} = {json.dumps(v)}" for k, v in values.items())]
    return "\n".join(lines)
