"""The whole story at OpenAI by commands alone, and one application for a laptop and for production."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import CREATE
from tests.tiny import tiny_model_folder

pytest_plugins = ("tests.openai_fixtures",)

MODEL = "openai/gpt-4.1-mini"
ROWS = [{"prompt": f"question {n}", "completion": f"label {n % 3}"} for n in range(60)]
APPLICATION = """
import ftkit
model = ftkit.finetune("rows.train.jsonl", name="router", hyperparameters={"epochs": 1})
print(model.id, "|", model.chat("question 7", max_tokens=8).text)
"""


@pytest.fixture
def rows() -> None:
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    ftkit("split", "rows.jsonl", "--test", "12")


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ftkit.cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def ftkit(*arguments: str, code: int = 0) -> str:
    child = started(*arguments)
    out, err = child.communicate(timeout=120)
    assert child.returncode == code, (arguments, child.returncode, out, err)
    assert "Traceback" not in err
    return out + err


def as_json(*arguments: str) -> dict[str, Any]:
    child = started(*arguments, "--json")
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, (arguments, out, err)
    value: dict[str, Any] = json.loads(out)
    return value


def test_a_job_by_commands_alone_through_a_killed_terminal(
    emulator: OpenAIEmulator, rows: None
) -> None:
    chosen = ("rows.train.jsonl", "--model", MODEL)
    quote = as_json("estimate", *chosen)
    assert quote["usd"] is not None
    assert "in 51 days" in ftkit("submit", *chosen, code=3)
    small = ftkit("submit", *chosen, "--allow-retiring", "--max-cost-usd", "0.0001", code=3)
    assert "more than max_cost_usd" in small
    assert emulator.counts()["requests"] == {}, "nothing was asked before it was affordable"

    emulator.set(run_s=5.0)
    terminal = started(
        "finetune", *chosen, "--allow-retiring", "--max-cost-usd", "5", "--name", "router"
    )
    while not emulator.counts()["requests"].get(CREATE):
        time.sleep(0.05)
    terminal.send_signal(signal.SIGKILL)
    terminal.communicate()

    again = as_json("submit", *chosen, "--allow-retiring", "--name", "router")
    assert as_json("job", "wait", "router")["status"] == "succeeded"
    assert (again["names"][-1], emulator.counts()["jobs"]) == ("router", 1)
    assert "label 1" in ftkit("chat", "router", "question 7")
    report = as_json("evaluate", "router", "--data", "rows.held_out.jsonl", "--max-cost-usd", "1")
    assert report["schema_version"] == 1
    explained = ftkit("job", "explain", "router")
    assert "create" in explained


@pytest.mark.torture  # test_story_anywhere runs one on four profiles
def test_one_application_runs_on_a_laptop_and_in_production(
    emulator: OpenAIEmulator, rows: None, tmp_path: Path
) -> None:
    base = tiny_model_folder(tmp_path / "tiny")
    Path("app.py").write_text(APPLICATION)
    Path("ftkit.toml").write_text(
        f'profile = "laptop"\n[profiles.laptop]\nmodel = "local/{base}"\n'
        f'[profiles.production]\nmodel = "{MODEL}"\nallow_retiring = true\nmax_cost_usd = 5\n'
    )
    said = {}
    for profile in ("laptop", "production"):
        done = subprocess.run(
            [sys.executable, "app.py"],
            env=os.environ | {"FTKIT_PROFILE": profile},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said[profile] = done.stdout
    assert said["laptop"].startswith("local/")
    assert said["production"].startswith("openai/ft:gpt-4.1-mini")
    assert "label 1" in said["production"]
    assert emulator.counts()["jobs"] == 1
