"""Between Azure's words and ours: states, keys, suffixes, names of tiers and of models at the control plane."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ftkit.backend import JobStatus
from ftkit.catalogue import load_catalogue
from ftkit.errors import CapabilityError
from ftkit_azure import tiers, wire
from tests.azure_desk import BASE

KEY = "ftkabcdefghij2341"
TUNED = f"{BASE}.ft-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", JobStatus.QUEUED),
        ("notRunning", JobStatus.QUEUED),
        ("validating_files", JobStatus.QUEUED),
        ("running", JobStatus.RUNNING),
        ("pausing", JobStatus.RUNNING),
        ("canceling", JobStatus.RUNNING),
        ("paused", JobStatus.PAUSED),
        ("succeeded", JobStatus.SUCCEEDED),
        ("failed", JobStatus.FAILED),
        ("canceled", JobStatus.CANCELLED),
        ("cancelled", JobStatus.CANCELLED),
        ("deleted_by_policy", JobStatus.OTHER),
    ],
)
def test_each_word_of_both_apis_is_a_status(word: str, status: JobStatus) -> None:
    assert wire.status_of({"status": word}) is status


@pytest.mark.parametrize(
    "name", [None, "", "router", "a.b.c", "x" * 64, "Über \N{SNOWMAN}", "---", "_"]
)
def test_a_suffix_is_short_without_dots_and_ends_in_the_key(name: str | None) -> None:
    made = wire.suffix(name, KEY)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", made) and made.endswith(KEY)
    assert wire.key_of({"suffix": made}) == KEY


@pytest.mark.parametrize(
    "job",
    [
        {"metadata": {"ftkit_key": KEY}},
        {"metadata": None, "user_provided_suffix": f"router-{KEY}"},
        {"metadata": {}, "suffix": KEY},
        {"metadata": None, "fine_tuned_model": f"{TUNED}-router-{KEY}"},
    ],
)
def test_the_key_is_found_wherever_azure_has_kept_it(job: dict[str, Any]) -> None:
    assert wire.key_of(job) == KEY


@pytest.mark.parametrize("said", ["router", f"x{KEY}", f"{KEY}-more", "ftkshort1", None, 7])
def test_what_only_looks_like_a_key_is_none(said: Any) -> None:
    assert wire.key_of({"suffix": said, "metadata": None}) is None


@pytest.mark.parametrize(
    ("model", "base", "tuned"),
    [
        (BASE, BASE, False),
        (TUNED, BASE, True),
        (f"{TUNED}-router-{KEY}", BASE, True),
        (f"{TUNED}:ckpt-step-40", BASE, True),
        ("gpt-oss-20b", "gpt-oss-20b", False),
    ],
)
def test_the_base_of_a_tuned_model_stands_in_its_name(model: str, base: str, tuned: bool) -> None:
    assert (wire.base_name(model), wire.is_tuned(model)) == (base, tuned)


@pytest.mark.parametrize(
    ("native", "base", "said"),
    [
        (BASE, BASE, {"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"}),
        (TUNED, BASE, {"format": "OpenAI", "name": TUNED, "version": "1"}),
        (
            "gpt-oss-20b",
            "gpt-oss-20b",
            {"format": "Microsoft", "name": "gpt-oss-20b", "version": "1"},
        ),
        (
            "Ministral-3B.ft-1",
            "Ministral-3B",
            {"format": "Mistral AI", "name": "Ministral-3B.ft-1", "version": "1"},
        ),
    ],
)
def test_a_model_has_the_control_planes_format_name_and_version(
    native: str, base: str, said: dict[str, str]
) -> None:
    model = tiers.model_of(native, base)
    assert model == said
    assert tiers.native_of(model) == native


def test_every_tunable_model_has_a_format_or_is_refused_by_name() -> None:
    facts = load_catalogue(Path(tiers.__file__).parent / "catalogue.toml")
    known = {"OpenAI", "Microsoft", "Mistral AI", "Meta", "Alibaba"}
    unknown = []
    for name in facts.models:
        try:
            assert tiers.model_of(name, name)["format"] in known
        except CapabilityError as error:
            assert name in str(error)
            unknown.append(name)
    assert unknown == ["Muse-Glimmer-30B"]


@pytest.mark.parametrize(
    ("tier", "training", "sku"),
    [
        (None, "GlobalStandard", "GlobalStandard"),
        ("global", "GlobalStandard", "GlobalStandard"),
        ("standard", "Standard", "Standard"),
        ("standard-swedencentral", "Standard", "Standard"),
        ("developer", "Developer", "DeveloperTier"),
        ("datazone", "DataZoneStandard", "DataZoneStandard"),
    ],
)
def test_a_tier_has_a_word_of_its_own_at_each_plane(
    tier: str | None, training: str, sku: str
) -> None:
    assert (tiers.training_type(tier), tiers.sku(tier)) == (training, sku)


def test_capacity_that_is_reserved_is_of_no_tier() -> None:
    assert tiers.tier_of("ProvisionedManaged") is None
    assert tiers.tier_of("globalstandard") == "global"
