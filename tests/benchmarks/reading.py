"""Loading JSON Lines with every strictness beside plain orjson and `datasets`, each in processes of its own, alternating.

`python -m tests.benchmarks.reading MEGABYTES` for another size than the usual one. Aim: half of plain orjson's throughput,
and less than 300 MB of memory for 1 GB.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

_PEAK = """
import pathlib, time
{prepare}
path = {path!r}
began = time.process_time()
{work}
seconds = time.process_time() - began
# not getrusage: its peak is inherited from the process that started this one
status = pathlib.Path("/proc/self/status").read_text()
print(seconds, int(status.split("VmHWM:")[1].split()[0]) * 1024)
"""
_READERS = {
    "ftkit.load": ("import ftkit.data", "data = ftkit.data.load(path)"),
    "plain orjson": (
        "import orjson",
        "for line in open(path, 'rb'): orjson.loads(line)",
    ),
    "plain json": ("import json", "for line in open(path, 'rb'): json.loads(line)"),
    "datasets": (
        "import datasets, tempfile; cache = tempfile.TemporaryDirectory()",
        "datasets.load_dataset('json', data_files=path, split='train', cache_dir=cache.name)",
    ),
}
_WORDS = (
    "the",
    "order",
    "was",
    "shipped",
    "late",
    "and",
    "my",
    "parcel",
    "is",
    "not",
    "here",
    "please",
)
_OTHER = [
    "Größe",
    "naïve",
    "日本語",
    "😀",
    "Москва",
    "https://example.com/a:b",
    '"quoted"',
    "if x:\n  y",
]


def write_rows(path: Path, size: int, seed: int = 0) -> int:
    """Chat rows of 300 to 3,000 bytes, some of them not ASCII, until the file has `size` bytes; how many."""
    rng = random.Random(seed)
    texts = [_text(rng, rng.randrange(100, 1400)) for _ in range(4_000)]
    rows = written = 0
    with path.open("wb") as file:
        while written < size:
            turns = [
                {"role": role, "content": f"{rows} {rng.choice(texts)}"}
                for role in ("user", "assistant") * rng.choice((1, 1, 2))
            ]
            line = json.dumps({"messages": turns, "id": rows}, ensure_ascii=rng.random() < 0.1)
            written += file.write(line.encode() + b"\n")
            rows += 1
    return rows


def measured(reader: str, path: Path) -> tuple[float, float] | str:
    """(CPU seconds, peak bytes) of one pass in a new process, or why there is none."""
    prepare, work = _READERS[reader]
    done = subprocess.run(
        [sys.executable, "-c", _PEAK.format(prepare=prepare, work=work, path=str(path))],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return done.stderr.strip().split("\n")[-1]
    seconds, peak = done.stdout.split()[-2:]
    return float(seconds), float(peak)


def run(megabytes: int = 100, rounds: int = 3) -> None:
    """Print a line a reader: medians of the alternating rounds, in CPU seconds, which other programs disturb least."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        rows = write_rows(path, megabytes * 10**6)
        print(f"{megabytes} MB, {rows:,} rows")
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in _READERS}
        for _ in range(rounds):
            for name in list(found):
                one = measured(name, path)
                if isinstance(one, str):
                    print(f"{name}: skipped ({one})")
                    del found[name]
                else:
                    found[name].append(one)
        plain = found.get("plain orjson")
        for name, times in found.items():
            seconds = statistics.median(time for time, _ in times)
            ratio = ""
            if plain:
                share = statistics.median(time for time, _ in plain) / seconds
                ratio = f", {share:.2f} of plain orjson"
            peak = max(peak for _, peak in times) / 1e6
            print(
                f"{name:13s} {seconds:6.2f} s, {megabytes / seconds:5.0f} MB/s{ratio}, peak {peak:,.0f} MB"
            )


def _text(rng: random.Random, size: int) -> str:
    words: list[str] = []
    while size > 0:
        words.append(rng.choice(_OTHER if rng.random() < 0.01 else _WORDS))
        size -= len(words[-1]) + 1
    return " ".join(words)


if __name__ == "__main__":
    run(*(int(argument) for argument in sys.argv[1:]))
