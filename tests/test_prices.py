"""Every price with its source and date, and a second opinion that never wins in silence."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import ftkit
from ftkit import config
from ftkit.cost import second_opinions
from ftkit.errors import NotFound, NotInstalled


@pytest.fixture(autouse=True)
def a_day(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FTKIT_NOW", "2026-11-24T12:00:00Z")
    monkeypatch.setenv("FTKIT_HOME", str(tmp_path / "home"))


def overridden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "ftkit.toml"
    file.write_text('[catalogue.google.rates."gemini-3.5-flash.base.input"]\nusd = "1.20"\n')
    monkeypatch.setenv("FTKIT_CONFIG", str(file))


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "ftkit.cli", "prices", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_every_price_has_a_source_and_a_date() -> None:
    found = ftkit.prices()
    assert len(found) > 200 and len({one.provider for one in found}) >= 8
    assert all(one.source and one.as_of for one in found)


def test_of_one_provider_alone_and_an_unknown_one_is_answered_with_the_nearest() -> None:
    assert {one.provider for one in ftkit.prices("together")} == {"together"}
    with pytest.raises(NotFound, match="did you mean 'together'"):
        ftkit.prices("togehter")


def test_an_old_price_is_marked_and_a_young_one_is_not() -> None:
    stale = {one.model: one.stale for one in ftkit.prices("google")}
    assert stale["gemini-3.5-flash"] is False and stale["gemma-4-31b-it"] is True


def test_a_configured_price_is_in_force_and_says_where_it_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    overridden(monkeypatch, tmp_path)
    (price,) = [
        one
        for one in ftkit.prices("google")
        if (one.model, one.use) == ("gemini-3.5-flash", "base_input")
    ]
    assert price.usd == Decimal("1.20") and str(tmp_path) in price.note


def test_the_prices_of_bases_are_those_of_another_list() -> None:
    pytest.importorskip("genai_prices")
    found = second_opinions(config.settings())
    assert len(found) >= 20
    assert [one.price.model for one in found if not one.agrees] == []


def test_a_difference_shows_both_and_is_a_gate_that_is_not_met(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("genai_prices")
    overridden(monkeypatch, tmp_path)
    done = command("verify", "--provider", "google")
    assert done.returncode == 5
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("DIFFER")]
    assert "gemini-3.5-flash base_input: 1.20 here" in line and "1.5 in genai-prices" in line


def test_a_provider_that_the_other_list_lacks_is_told() -> None:
    pytest.importorskip("genai_prices")
    with pytest.raises(NotFound, match="knows none of the models of tinker"):
        second_opinions(config.settings(), "tinker")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(NotInstalled, match=r"pip install 'ftkit\[prices\]'"):
        second_opinions(config.settings())


def test_the_command_lists_them_as_text_and_as_json() -> None:
    text = command("--provider", "bedrock")
    assert text.returncode == 0 and "train: 3.78 USD per million tokens" in text.stdout
    value = json.loads(command("--provider", "bedrock", "--json").stdout)
    assert value["schema_version"] == 1 and value["prices"][0]["provider"] == "bedrock"
