"""Write docs/translations.md: what every setting and every kind of row becomes at each provider, as ftkit itself does it.

    python -m tests.translations            writes the page
    python -m tests.translations --check    exits 1 where it is not what this program writes

Nothing is looked up: each setting is given to a dry run twice, with two values, and where the two requests differ is
where it goes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ftkit
import ftkit.types
from ftkit import config
from ftkit.data import Example
from ftkit.errors import CapabilityError, DataError, FtkitError
from ftkit.registry import open_backend
from tests.tiny import tiny_model_folder

PAGE = Path(__file__).resolve().parent.parent / "docs" / "translations.md"
REFUSED = (CapabilityError, DataError)  # anything else is a mistake of this program
TODAY = "2026-09-25T12:00:00+00:00"  # a day on which every base below took jobs

# Two values of each setting, in the range of every provider that takes it.
VALUES: Mapping[str, tuple[Any, Any]] = {
    "epochs": (2, 4),
    "max_steps": (5, 6),
    "max_time_s": (600, 900),
    "learning_rate": (1e-4, 2e-4),
    "learning_rate_multiplier": (0.5, 1.5),
    "schedule": ("linear", "cosine"),
    "warmup_ratio": (0.1, 0.2),
    "batch_size": (2, 4),
    "lora_rank": (4, 8),
    "lora_alpha": (8, 16),
    "target_modules": ("all-linear", ["q_proj"]),
    "train_on": ("assistant", "last"),
    "max_length": (64, 128),
    "beta": (0.2, 0.3),
    "early_stopping_patience": (1, 2),
    "precision": ("fp32", "bf16"),
    "seed": (1, 2),
}
ROWS = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(40)]
HELD = [{"prompt": f"held out {n}", "completion": f"answer {n}"} for n in range(10)]
PAIRS = [
    {"prompt": f"question {n}", "chosen": f"answer {n}", "rejected": f"no answer {n}"}
    for n in range(40)
]
_ASKED = {"role": "user", "content": "Where is K-1?"}
_TOOL = {
    "type": "function",
    "function": {
        "name": "find",
        "description": "Find a parcel.",
        "parameters": {"type": "object", "properties": {"id": {"type": "string"}}},
    },
}
_CALLED = {
    "role": "assistant",
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "find", "arguments": '{"id":"K-1"}'},
        }
    ],
}
_ANSWER = {"role": "assistant", "content": "On its way."}
_PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5E"
    "rkJggg=="
)
KINDS: Mapping[str, Mapping[str, Any]] = {
    "a system prompt": {"messages": [{"role": "system", "content": "Be kind."}, _ASKED, _ANSWER]},
    "several turns": {"messages": [_ASKED, _ANSWER, {"role": "user", "content": "When?"}, _ANSWER]},
    "an answer that is not to be learned": {
        "messages": [
            _ASKED,
            {**_ANSWER, "weight": 0},
            {"role": "user", "content": "When?"},
            _ANSWER,
        ]
    },
    "a tool that is called": {
        "messages": [
            _ASKED,
            _CALLED,
            {"role": "tool", "tool_call_id": "call_1", "content": '{"at":"Bonn"}'},
            _ANSWER,
        ],
        "tools": [_TOOL],
    },
    "a name beside a role": {"messages": [{**_ASKED, "name": "anna"}, _ANSWER]},
    "an image": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": _PIXEL}},
                ],
            },
            _ANSWER,
        ]
    },
}


@dataclass(frozen=True)
class Column:
    """One backend: a base of it, one that takes pairs, and the settings of its section."""

    name: str
    base: str
    of_pairs: str
    section: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """As a user writes it."""
        return f"{self.name}/{self.base}"


def columns(folder: Path) -> list[Column]:
    """Those of the page; `folder` takes a tiny model for the local backend."""
    tiny = str(tiny_model_folder(folder / "tiny"))
    return [
        Column("local", tiny, tiny),
        Column("openai", "gpt-4.1-mini", "gpt-4.1-mini"),
        Column(
            "azure",
            "gpt-4.1-mini",
            "gpt-4.1-mini",
            {"endpoint": "https://acme.openai.azure.com"},
        ),
        Column(
            "google",
            "gemini-3.1-flash-lite",
            "gemini-2.5-flash",
            {"project": "acme", "bucket": "acme-rows"},
        ),
    ]


def sections(found: list[Column]) -> str:
    """The user configuration that the columns need."""
    lines: list[str] = []
    for one in found:
        lines += [f"[providers.{one.name}]", f'backend = "{one.name}"']
        lines += [f"{name} = {json.dumps(value)}" for name, value in one.section.items()]
    return "\n".join(lines)


def page(found: list[Column]) -> str:
    """The whole page."""
    names = [one.name for one in found]
    lines = [
        "# What settings and rows become",
        "",
        "Written by `python -m tests.translations` from dry runs: each setting is given with two values, and where the two",
        "requests differ is where it goes. `-` is refused by name before anything is sent; the reasons are below. The bases are",
        ", ".join(sorted({f"`{base}`" for one in found[1:] for base in (one.base, one.of_pairs)}))
        + f", as of {TODAY[:10]}.",
        "",
        "## Settings",
        "",
        f"| ftkit | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    refused: dict[str, dict[str, str]] = {name: {} for name in names}
    for setting in VALUES:
        cells = []
        for one in found:
            cell, reason = _setting(one, setting)
            cells.append(cell)
            if reason:
                refused[one.name][setting] = reason
        lines.append(f"| `{setting}` | {' | '.join(cells)} |")
    lines += ["", "## Rows", "", f"| a row with | {' | '.join(names)} |"]
    lines.append(f"|---|{'---|' * len(names)}")
    for kind, row in KINDS.items():
        cells = []
        for one in found:
            reason = _row(one, row)
            cells.append("-" if reason else "yes")
            if reason:
                refused[one.name][kind] = reason
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    cells = []
    for one in found:
        reason = _pairs(one)
        cells.append("-" if reason else "yes")
        if reason:
            refused[one.name]["pairs to prefer between"] = reason
    lines.append(f"| pairs to prefer between | {' | '.join(cells)} |")
    for one in found:
        lines += ["", f"## {one.name}", "", "A row with a tool, as it is sent:", "", "```json"]
        lines += [_sent(one, KINDS["a tool that is called"]), "```"]
        lines += _reasons(refused[one.name])
    return "\n".join(lines) + "\n"


def _reasons(refused: Mapping[str, str]) -> list[str]:
    """One line a reason, with all that it holds for."""
    whats: dict[str, list[str]] = {}
    for what, reason in refused.items():
        if what in VALUES:
            reason = re.sub(rf"\b{what}\b", "it", reason, count=1)
        whats.setdefault(reason, []).append(what)
    lines = [f"- {', '.join(f'**{what}**' for what in all_)}: {why}" for why, all_ in whats.items()]
    return ["", *lines] if lines else []


def _setting(one: Column, setting: str) -> tuple[str, str]:
    """Where a setting goes, and why it does not."""
    pairs = setting == "beta"
    try:
        requests = [_request(one, {setting: value}, pairs=pairs) for value in VALUES[setting]]
    except REFUSED as error:
        return "-", _shown(error, one)
    first, second = (dict(_leaves(request)) for request in requests)
    paths = [path for path in first if path in second and first[path] != second[path]]
    given = [path for path in paths if first[path] == json.dumps(VALUES[setting][0])]
    return ", ".join(f"`{path}`" for path in given or paths) or "taken, not sent", ""


def _request(one: Column, settings: Mapping[str, Any], *, pairs: bool) -> Mapping[str, Any]:
    model = f"{one.name}/{one.of_pairs}" if pairs else one.model
    done = ftkit.submit(
        PAIRS if pairs else ROWS,
        model,
        method="dpo" if pairs else None,
        hyperparameters={"seed": 0, **settings} if one.name == "local" else settings,
        validation=None if pairs else HELD,
        dry_run=True,
        allow_retiring=True,
        allow_unpriced=True,
    )
    assert isinstance(done, ftkit.types.DryRun)
    return done.request


def _row(one: Column, row: Mapping[str, Any]) -> str:
    try:
        ftkit.submit(
            [{**row, "messages": _said(row["messages"], number)} for number in range(40)],
            one.model,
            dry_run=True,
            allow_retiring=True,
            allow_unpriced=True,
        )
    except REFUSED as error:
        return _shown(error, one)
    return ""


def _said(messages: list[Any], number: int) -> list[Any]:
    """The same turns with another last answer, so that no two rows are one."""
    return [*messages[:-1], {**messages[-1], "content": f"On its way, number {number}."}]


def _pairs(one: Column) -> str:
    try:
        _request(one, {}, pairs=True)
    except REFUSED as error:
        return _shown(error, one)
    return ""


def _encoded(one: Column, row: Mapping[str, Any]) -> bytes:
    backend = open_backend(one.name, config.settings())
    assert backend.training is not None
    example: Example = ftkit.load([dict(row)])[0]
    return backend.training.encode(example)


def _sent(one: Column, row: Mapping[str, Any]) -> str:
    try:
        return _laid_out(json.loads(_encoded(one, row)))
    except REFUSED as error:
        return _shown(error, one)


def _laid_out(row: Mapping[str, Any]) -> str:
    """JSON with a line for each element of its lists."""
    parts = []
    for name, value in row.items():
        if isinstance(value, list):
            inner = ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in value)
            parts.append(f'"{name}": [\n  {inner}\n]')
        else:
            parts.append(f'"{name}": {json.dumps(value, ensure_ascii=False)}')
    return "{" + ",\n ".join(parts) + "}"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    else:
        yield path.removeprefix("json."), json.dumps(value, default=str)


def _shown(error: FtkitError, one: Column) -> str:
    """The reason in one line that is the same on every machine, without the place of the row."""
    faults = error.faults if isinstance(error, DataError) else ()
    text = faults[0].reason if faults else str(error)
    text = re.sub(r"^the list of rows, row \d+: ", "", text.strip().splitlines()[0])
    return text.replace(one.base, "BASE") if "/" in one.base else text


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    checked: bool = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        found = columns(Path(folder))
        configuration = Path(folder) / "user.toml"
        configuration.write_text(sections(found))
        os.environ.update(FTKIT_HOME=folder, FTKIT_NOW=TODAY, FTKIT_CONFIG=str(configuration))
        text = page(found)
    if not checked:
        PAGE.write_text(text, encoding="utf-8")
    return int(checked and PAGE.read_text(encoding="utf-8") != text)


if __name__ == "__main__":
    sys.exit(main())
