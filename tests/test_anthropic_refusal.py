"""`--model anthropic/claude-...` is refused before anything is sent, with what works instead; a row of data decides it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

import ftkit
import ftkit.types
from ftkit.errors import CapabilityError
from tests import hostile
from tests.anthropic_desk import MODEL
from tests.at_terminal import ftkit as in_a_process
from tests.emulators.anthropic import AnthropicEmulator

pytest_plugins = ("tests.anthropic_fixtures",)

ROWS = [
    {
        "prompt": f"Where is my parcel number {n}? " + "It was to come. " * 20,
        "completion": "shipping",
    }
    for n in range(40)
]
FUTURE = """
[catalogue.anthropic.models.claude-haiku-7]
methods = ["lora"]
training_until = 2029-01-01
rates = { train = "haiku-7.train" }
source = "made up"
as_of = 2026-11-27

[catalogue.anthropic.rates."haiku-7.train"]
usd = "3"
unit = "million tokens"
source = "made up"
as_of = 2026-11-27

[catalogue.anthropic.models.claude-sonnet-5-5]
untunable = ""
methods = ["lora"]
"""


@pytest.fixture
def rows() -> str:
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    return "rows.jsonl"


def command(*arguments: str) -> str:
    """What `ftkit ...` says, run here; it must be refused."""
    with hostile.undisturbed():
        said = hostile.command(*arguments)
    assert (said.code, said.foreign) == (3, ""), said
    return said.text


def refusal(model: str = MODEL) -> str:
    with pytest.raises(CapabilityError) as refused:
        ftkit.finetune(ROWS, model=model)
    return str(refused.value)


@pytest.mark.parametrize("verb", ["finetune", "submit", "estimate"])
def test_the_command_ends_with_3_and_sends_nothing(
    verb: str, rows: str, claude: AnthropicEmulator
) -> None:
    assert "cannot be fine-tuned" in command(verb, rows, "--model", MODEL)
    assert claude.counts()["requests"] == {}


def test_a_script_can_tell_it_by_its_exit_code(rows: str, claude: AnthropicEmulator) -> None:
    said = in_a_process("finetune", rows, "--model", MODEL, "--json", code=3)
    assert '"CapabilityError"' in said


def test_it_says_since_when_who_says_so_and_what_works(claude: AnthropicEmulator) -> None:
    said = " ".join(refusal().split())
    for part in (
        "no new jobs since 2026-03-10, switched off on 2026-09-10",
        "AWS's own table of tuning still lists it",
        "2026-11-24: AWS user guide, model lifecycle",
        "ask your Anthropic contact",
        "bedrock/nova-2-lite or local/smollm2-135m",
        f"--against {MODEL}",
        "Claude as judge",
        "forbid to train competing models",
    ):
        assert part in said, part


def test_it_can_be_read_in_a_terminal_of_80_columns(claude: AnthropicEmulator) -> None:
    lines = refusal().splitlines()
    assert max(map(len, lines)) <= 80
    assert len(f"ftkit: {lines[0]}") <= 80
    assert len(lines) < 50


def test_examples_are_quoted_from_the_users_rows_at_dated_prices(
    claude: AnthropicEmulator,
) -> None:
    said = " ".join(refusal().split())
    found = re.search(
        r"(\d+) of your rows as examples: about ([\d,]+) tokens in front of each question\. 1,000 calls of "
        r"anthropic/claude-haiku-5-5 cost ([\d.]+) USD with the examples in its cache, ([\d.]+) USD uncached, and "
        r"([\d.]+) USD without examples; filling the cache costs ([\d.]+) USD each time \[2026-10-14",
        said,
    )
    assert found, said
    examples, prefix = int(found[1]), int(found[2].replace(",", ""))
    cached, uncached, without, filling = (Decimal(found[n]) for n in range(3, 7))
    assert examples == 8 and prefix >= 512
    assert uncached - without == pytest.approx(
        Decimal(prefix) * Decimal("0.1") / 1000, abs=Decimal("0.006")
    )
    assert cached - without == pytest.approx(
        Decimal(prefix) * Decimal("0.01") / 1000, abs=Decimal("0.006")
    )
    assert filling == pytest.approx(
        Decimal(prefix) * Decimal("0.125") / 1_000_000, abs=Decimal("0.0001")
    )


def test_rows_that_are_too_short_for_the_cache_are_said_to_be(claude: AnthropicEmulator) -> None:
    few = [{"prompt": f"a {n}", "completion": "b"} for n in range(12)]
    with pytest.raises(CapabilityError) as refused:
        ftkit.estimate(few, MODEL)
    assert "too short for its cache, which begins at 512 tokens" in " ".join(
        str(refused.value).split()
    )


def test_a_comparison_names_them_in_a_line(claude: AnthropicEmulator) -> None:
    table = ftkit.compare(ROWS, models=[MODEL, "together/Qwen/Qwen3-8B"], calls_per_month=100)
    (passed,) = table.passed_over
    assert "since 2026-03-10" in passed.reason and "\n" not in passed.reason


@pytest.mark.parametrize("name", ["claude-haiku-7", "claude-sonnet-5-5"])
def test_a_future_row_passes_and_only_the_training_part_is_missing(
    name: str,
    rows: str,
    claude: AnthropicEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "user.toml"
    path.write_text(FUTURE)
    monkeypatch.setenv("FTKIT_CONFIG", str(path))
    quote = ftkit.estimate(ROWS, f"anthropic/{name}")
    assert quote.model == f"anthropic/{name}"
    said = command("finetune", rows, "--model", f"anthropic/{name}", "--allow-unpriced")
    assert "anthropic cannot do 'training': ftkit has no training for Anthropic" in said
    assert "cannot be fine-tuned" not in said
    assert claude.counts()["requests"] == {}
