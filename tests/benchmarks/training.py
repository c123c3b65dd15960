"""LoRA training beside TRL: the same model, token ids, rank, rate and batch, each side in processes of its own, alternating.

`python -m tests.benchmarks.training --help` for fewer rows, some shapes, and files for the table and the plot; under
`make bench` FTKIT_BENCH_ROWS bounds the rows. TRL runs in the best of its variants for each shape, found on a few rows; bf16 is one
of them, and ftkit has it as well, where the processor multiplies it faster. What it does to the loss stands beside.
Aim on SmolLM2-135M, e2e: 2.3 times TRL's tokens a second, half its memory, 60% of the machine's fp32 matrix rate.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ftkit_local.launch import trainer_environment
from ftkit_local.threads import spinning_limit
from tests.benchmarks.training_plot import plot
from tests.benchmarks.training_rows import SHAPES, sample

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("FTKIT_BENCH_DATA", ROOT.parent / "shared" / "data"))
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "grouped": {"train_sampling_strategy": "group_by_length"},
    "grouped, activations kept": {
        "train_sampling_strategy": "group_by_length",
        "gradient_checkpointing": False,
    },
    "packing": {"packing": True, "max_length": 1024, "per_device_train_batch_size": 1},
    "bf16": {"bf16": True},
    "batch 4": {"per_device_train_batch_size": 4},
    "batch 16": {"per_device_train_batch_size": 16},
    "batch 32": {"per_device_train_batch_size": 32},
}


PROBES = ("torch", "ftkit", "bf16")
_FASTER = 1.2  # bf16 is worth a side of its own


@dataclass
class Side:
    """What one side showed in each round, the matrix rate before and after it included."""

    variant: str
    tokens_a_second: list[float] = field(default_factory=list)
    peak: list[int] = field(default_factory=list)
    rates: list[dict[str, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


def child(command: Sequence[str], environment: Mapping[str, str]) -> tuple[str, int]:
    """Output and peak memory (bytes) of a process; RuntimeError with its last words where it fails."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as said:
        started = subprocess.Popen(command, stdout=out, stderr=said, env=environment, cwd=ROOT)
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        for file in (out, said):
            file.seek(0)
        if started.returncode:
            lines = said.read().strip().splitlines() or [f"exit {started.returncode}"]
            raise RuntimeError(lines[-1])
        return out.read(), usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def part(name: str, task: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Run a part of training_side.py on a task; what it found and its peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        return _part(name, task, Path(folder))


def _part(name: str, task: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], int]:
    (folder / "task.json").write_text(json.dumps(task))
    environment = {**os.environ, **spinning_limit(os.environ), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "tests.benchmarks.training_side", name, str(folder)]
    output, peak = child(command, environment)
    return json.loads(output.strip().splitlines()[-1]), peak


def ftkit_once(task: Mapping[str, Any]) -> dict[str, Any]:
    """One run of ftkit's trainer, as `ftkit submit` starts it."""
    with tempfile.TemporaryDirectory() as name:
        prepared, _ = _part("prepare", task, Path(name))
        run = Path(prepared["run"])
        command = [sys.executable, "-m", "ftkit_local.trainer", str(run)]
        _, peak = child(command, trainer_environment(os.environ))
        events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    by_type = {event["type"]: event["data"] for event in events}
    losses = [event["data"]["loss"] for event in events if event["type"] == "step"]
    finished = by_type["finished"]
    return {
        "tokens_a_second": finished["tokens"] / finished["seconds"],
        "peak": peak,
        "losses": losses,
        "plan": by_type["plan"],
    }


def trl_once(task: Mapping[str, Any], variant: str, limit: int = 0) -> dict[str, Any]:
    """One run of TRL in one of its variants, over the first `limit` rows or all."""
    found, peak = part("trl", {**task, "options": VARIANTS[variant], "limit": limit})
    return {
        "tokens_a_second": found["tokens"] / found["seconds"],
        "peak": peak,
        "losses": found["losses"],
    }


def best_variant(task: Mapping[str, Any], names: Sequence[str], limit: int) -> tuple[str, int]:
    """TRL's fastest variant on a few rows, and the least memory that any of them took."""
    if len(names) == 1:
        return names[0], 0
    speeds: dict[str, float] = {}
    peaks = []
    for name in names:
        try:
            found = trl_once(task, name, limit)
        except RuntimeError as error:
            print(f"  TRL {name}: left out ({error})", flush=True)
            continue
        speeds[name] = found["tokens_a_second"]
        peaks.append(found["peak"])
        print(
            f"  TRL {name}: {speeds[name]:.0f} tokens/s, {found['peak'] / 2**20:,.0f} MiB",
            flush=True,
        )
    return max(speeds, key=lambda name: speeds[name]), min(peaks)


def measured(
    shape: str, count: int, options: argparse.Namespace, models: Path
) -> tuple[dict[str, Any], dict[str, Side]]:
    """Facts of the rows, and both sides after all rounds."""
    rows = sample(DATA, shape, count)
    task = {"model": options.model, "models": str(models), "rows": rows}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        facts, _ = _part("prepare", task, folder)
        given = {"model": facts["model"], "tokens": str(folder / "tokens.jsonl")}
        print(f"{shape}: {count} rows, {facts['tokens'] / count:.0f} tokens each", flush=True)
        variant, least = best_variant(given, options.variants, options.scout)
        facts["least_peak"] = least
        sides = {"ftkit": Side(""), "TRL": Side(variant)}
        rates = part("probe", {})[0]
        if rates["bf16"] > _FASTER * rates["ftkit"]:
            sides = {"ftkit": Side(""), "ftkit, bf16": Side(""), "TRL": Side(variant)}
        for _ in range(options.rounds):
            for label, side in sides.items():
                rates = [part("probe", {})[0]]
                if label == "TRL":
                    found = trl_once(given, variant)
                else:
                    precision = "bf16" if "bf16" in label else "fp32"
                    found = ftkit_once({**task, "precision": precision})
                rates.append(part("probe", {})[0])
                side.tokens_a_second.append(found["tokens_a_second"])
                side.peak.append(found["peak"])
                side.rates += rates
                half = found["losses"][len(found["losses"]) // 2 :]
                side.losses.append(statistics.mean(half))
                if label == "ftkit":
                    facts["plan"] = found["plan"]
    return facts, sides


def line(shape: str, label: str, facts: Mapping[str, Any], side: Side) -> str:
    """A row of the table: medians, the range of what varies, shares of the matrix rates."""
    speed = statistics.median(side.tokens_a_second)
    work = speed * facts["operations"] / facts["tokens"] / 1e9
    rates = {name: statistics.median(r[name] for r in side.rates) for name in PROBES}
    spread = f"{min(side.tokens_a_second):.0f}-{max(side.tokens_a_second):.0f}"
    return (
        f"| {shape} | {label}{f' ({side.variant})' if side.variant else ''} | {speed:.0f} ({spread}) "
        f"| {statistics.median(side.peak) / 2**20:,.0f} | {work / rates['torch']:.0%} of {rates['torch']:.0f} "
        f"| {work / rates['ftkit']:.0%} of {rates['ftkit']:.0f} "
        f"| {work / rates['bf16']:.0%} of {rates['bf16']:.0f} | {statistics.median(side.losses):.4f} |"
    )


def _compared(facts: Mapping[str, Any], bars: Sequence[tuple[str, str, float, float]]) -> list[str]:
    """Each of our sides against TRL, which is the last, and the forecast of the first against what it took."""
    *ours, (_, _, their_speed, their_peak) = bars
    least, planned = facts["least_peak"], facts["plan"]["memory_needed"]
    said = [
        f"  {label} {speed / their_speed:.2f} times as fast, {peak / their_peak:.2f} of the memory"
        + (f", {peak / least:.2f} of the least that any variant took" if least else "")
        for _, label, speed, peak in ours
    ]
    peak = ours[0][3]
    return [*said, f"  forecast {planned / 2**20:,.0f} MiB, {planned / peak:.2f} of what it took"]


def missing() -> str | None:
    """Why nothing can be measured here, if so."""
    for package in ("torch", "peft", "trl", "datasets"):
        if find_spec(package) is None:
            return f"the package {package} is not installed"
    if not DATA.is_dir():
        return f"{DATA} is not there: name the folder of the data sets in FTKIT_BENCH_DATA"
    return None


def run(arguments: Sequence[str] = ()) -> None:
    """Print the table; write it and the plot where asked."""
    options = _options(arguments)
    if reason := missing():
        print(f"skipped: {reason}")
        return
    lines = [
        (
            "| rows | side | tokens/s (range) | peak MiB | share of torch's matrix rate, GFLOP/s "
            "| share of the faster library's | share of the rate in bf16 | loss, second half |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    bars = []
    with tempfile.TemporaryDirectory() as models:
        for shape in options.shapes:
            count = min(SHAPES[shape][1], options.rows or SHAPES[shape][1])
            try:
                facts, sides = measured(shape, count, options, Path(models))
            except RuntimeError as error:
                print(f"{shape}: skipped ({error})")
                continue
            for label, side in sides.items():
                lines.append(line(shape, label, facts, side))
                print(lines[-1], flush=True)
                speed = statistics.median(side.tokens_a_second)
                bars.append((shape, label, speed, statistics.median(side.peak)))
            print("\n".join(_compared(facts, bars[-len(sides) :])), flush=True)
    print("\n".join(lines))
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if options.svg and bars:
        caption = "LoRA r16 in fp32, median of alternating runs"
        options.svg.write_text(plot(bars, caption), encoding="utf-8")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.training")
    parser.add_argument("--rows", type=int, default=int(os.environ.get("FTKIT_BENCH_ROWS", "0")))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scout", type=int, default=32, help="rows on which variants are tried")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--model", default="smollm2-135m", help="an alias or a folder")
    parser.add_argument("--out", type=Path, help="file for the table, in Markdown")
    parser.add_argument("--svg", type=Path, help="file for the plot")
    return parser.parse_args(list(arguments))


if __name__ == "__main__":
    run(sys.argv[1:])
