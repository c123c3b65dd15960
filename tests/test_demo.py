"""`ftkit demo`: on a tiny model at every change, on the real one (and with shuffled answers) in `make torture`."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import ftkit
from ftkit.cli.demo import EPOCHS, HELD_OUT
from ftkit.data import Example, Message
from ftkit.samples import TICKETS_SYSTEM, tickets_path
from tests.tiny import tiny_model_folder

BASE = "local/smollm2-135m"
KEYS = {
    "base_exact", "tuned_exact", "difference", "low", "high", "verdict", "train_s", "total_s",
}  # fmt: skip


@pytest.fixture
def all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs on the real model have the machine to themselves."""
    monkeypatch.delenv("OMP_NUM_THREADS")


def demo(*arguments: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "ftkit.cli", "demo", "--json", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_demo_runs_from_end_to_end_and_again_without_training(tmp_path: Path) -> None:
    base = f"local/{tiny_model_folder(tmp_path / 'tiny')}"
    first = demo("--model", base)
    assert first.keys() >= KEYS
    assert first["rows"] == HELD_OUT
    assert Path("ftkit-demo/report.html").exists()
    assert ftkit.model("ftkit-demo/router.json").id == f"local/{first['job']}"
    again = demo("--model", base)
    assert {**first, "total_s": 0} == {**again, "total_s": 0}
    assert len(ftkit.jobs()) == 1


@pytest.mark.torture
@pytest.mark.real
def test_the_tuned_model_beats_its_base_and_both_baselines_by_far(all_cores: None) -> None:
    found = demo()
    print(json.dumps(found))
    assert found["verdict"] == "better"
    assert float(str(found["difference"])) >= 0.5
    assert isinstance(found["baselines"], dict)
    assert float(str(found["tuned_exact"])) > max(found["baselines"].values())


@pytest.mark.torture
@pytest.mark.real
def test_with_shuffled_answers_it_stays_at_the_majority_baseline(all_cores: None) -> None:
    tickets = ftkit.load(tickets_path(), system=TICKETS_SYSTEM)
    train, held_out = tickets.split(test=HELD_OUT, seed=0, group_by="template")
    answers = [example.answer for example in train]
    random.Random(0).shuffle(answers)
    given = iter(answers)

    def shuffled(example: Example) -> Example:
        return replace(example, messages=(*example.prompt, Message("assistant", next(given))))

    wrong = train.map(shuffled)
    assert sorted(e.answer for e in wrong) == sorted(e.answer for e in train)
    model = ftkit.finetune(wrong, BASE, hyperparameters={"epochs": EPOCHS})
    report = ftkit.evaluate(model, data=held_out, train=wrong)
    print(report)
    majority = next(match for match in report.baselines if "majority" in match.opponent)
    assert majority.comparison.verdict != "better"
    assert report.contender(report.candidate).estimates["exact_match"].mean < 0.2
