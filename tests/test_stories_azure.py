"""The story of the cookbook that speaks of Azure, run as it stands against the emulator; and what its page says."""

from __future__ import annotations

import re

import pytest

from ftkit import catalogue
from ftkit_azure import AzureSettings
from tests.emulators.azure import AzureEmulator
from tests.test_stories import ROOT, story

pytest_plugins = ("tests.azure_fixtures",)


def test_a_model_is_deployed_for_as_long_as_it_is_used(
    azure: AzureEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    said = story("azure_deployment").main()
    shown = capsys.readouterr().out
    assert said in ("shipping", "billing")
    assert "answers only while it is deployed, for 1.70 USD an hour" in shown
    assert "1.7 USD an hour" in shown and "left running: []" in shown
    counts = azure.counts()
    assert (counts["jobs"], counts["deployments"], counts["running"]) == (1, 1, 0)


def test_the_page_names_settings_and_prices_that_there_are() -> None:
    page = (ROOT / "docs" / "azure.md").read_text()
    named = set(re.findall(r"^(\w+) = ", page, re.MULTILINE)) - {"backend", "model"}
    assert named and named <= set(AzureSettings.model_fields)
    facts = catalogue.load_catalogue(ROOT / "backends" / "ftkit_azure" / "catalogue.toml")
    usd = facts.rates["gpt-4.1-mini.global.hosting"].usd
    assert usd is not None and f"{usd:.2f} USD" in page and f"{usd * 730:,.0f} USD a month" in page
    for tier in facts.models["gpt-4.1-mini-2025-04-14"].tiers:
        assert f"`{tier}`" in page
