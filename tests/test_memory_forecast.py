"""What `estimate` says a run will take is what it takes: peaks of whole trainers, on the real model and on one of a billion weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.catalogue.schema import load_catalogue
from ftkit.data.example import Message
from ftkit.hyperparameters import Method
from ftkit_local import training
from ftkit_local.bases import find_base
from ftkit_local.launch import trainer_environment
from tests.local_runs import Home

ROOT = Path(__file__).parents[1]
GIB = 2**30
STEPS = 4
SIZES, METHODS = ("SmolLM2-135M", "1B"), (Method.LORA, Method.QLORA, Method.FULL)
WORDS = "blue spice cheap italian riverside family friendly coffee near the burger king average rating five"

pytestmark = [
    pytest.mark.torture,
    pytest.mark.real,
    pytest.mark.skipif(not hasattr(os, "wait4"), reason="peak memory of a child needs wait4"),
]


def rows() -> list[list[Message]]:
    """Rows of some 100 tokens, half of them learned, of which no two are alike."""
    words = WORDS.split()
    spoken = [
        " ".join(words[(n * 7 + k * k) % len(words)] for k in range(36 + n % 9)) for n in range(64)
    ]
    return [[Message("user", text), Message("assistant", text.title())] for text in spoken]


def smollm2(folder: Path) -> Path:
    catalogue = load_catalogue(Path(training.__file__).with_name("catalogue.toml"))
    return find_base("smollm2-135m", catalogue=catalogue, home=folder).folder


def of_a_billion(folder: Path) -> Path:
    made = folder / "billion"
    program = "tests.programs.model_of_a_billion"
    subprocess.run(
        [sys.executable, "-m", program, str(smollm2(folder)), str(made)], cwd=ROOT, check=True
    )
    return made


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bases")
    return {"SmolLM2-135M": smollm2(folder), "1B": of_a_billion(folder)}


@pytest.mark.parametrize(
    ("size", "method", "precision"),
    [
        *((size, method, "fp32") for size in SIZES for method in METHODS),
        # of a file in bf16 what is mapped while it is read would count as well
        ("SmolLM2-135M", Method.LORA, "bf16"),
    ],
)
def test_the_peak_of_a_run_is_the_forecast_within_a_tenth(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    folders: dict[str, Path],
    size: str,
    method: Method,
    precision: str,
) -> None:
    monkeypatch.setattr(training, "start_trainer", lambda run: True)  # the test starts it itself
    here = Home(tmp_path, folders[size])
    settings = {"batch_size": 8, "max_steps": STEPS, "precision": precision}
    expected = here.resolve(rows(), method, **settings).forecast
    assert expected is not None
    if not expected.fits:
        pytest.skip(f"{expected.memory_needed / GIB:.1f} GiB are not free here")
    here.training.submit(here.request("ftkpeak", rows(), method=method, **settings))
    run = here.run("ftkpeak")
    started = subprocess.Popen(
        [sys.executable, "-m", "ftkit_local.trainer", str(run.path)],
        env=trainer_environment(os.environ),
    )
    _, status, usage = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    assert started.returncode == 0, run.state().error
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(
        f"{size} {method} {precision}: forecast {expected.memory_needed / GIB:.2f} GiB, peak {peak / GIB:.2f} GiB, "
        f"{expected.memory_needed / peak:.2f} times"
    )
    assert expected.memory_needed == pytest.approx(peak, rel=0.1)
