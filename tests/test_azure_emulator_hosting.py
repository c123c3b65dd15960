"""What a deployment costs for standing there, and how it ends without anybody's order."""

from __future__ import annotations

from decimal import Decimal

import openai
import pytest

from tests.emulators.azure import AzureEmulator, driving
from tests.emulators.azure.driving import Time, arm, deploy, trained

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time

DAY = 86_400.0


def state(emulator: AzureEmulator, name: str) -> str | None:
    """The provisioningState of a deployment, None where it is gone."""
    seen = arm(emulator, "GET", f"/deployments/{name}")
    return None if seen.status == 404 else str(seen.json["properties"]["provisioningState"])


def names(emulator: AzureEmulator) -> list[str]:
    """The names that the first page lists."""
    return [one["name"] for one in arm(emulator, "GET", "/deployments").json["value"]]


def test_another_body_changes_what_stands_there(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    first, second = trained(client), trained(client)
    deploy(emulator, "router", first)
    time.pass_(3600)
    changed = deploy(emulator, "router", second, sku="DeveloperTier")
    assert changed.status == 200
    assert changed.json["properties"]["model"]["name"] == second
    time.pass_(3600)
    counts = emulator.counts()
    assert counts["deploy_starts"] == {"router": 1}
    assert Decimal(counts["hosting_usd"]) == Decimal("1.70")  # the second hour is free


def test_a_deployment_that_failed_costs_nothing_and_is_started_anew(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    emulator.set(deploy_s=60, deploy_fails=True)
    model = trained(client)
    deploy(emulator, "router", model)
    time.pass_(3600)
    assert state(emulator, "router") == "Failed"
    assert (emulator.counts()["hosting_usd"], emulator.counts()["running"]) == ("0", 0)
    emulator.set(deploy_fails=False)
    assert deploy(emulator, "router", model).status == 201
    assert emulator.counts()["deploy_starts"] == {"router": 2}


@pytest.mark.parametrize(
    ("sku", "hours", "usd"), [("GlobalStandard", 10, "17"), ("DeveloperTier", 10, "0")]
)
def test_standing_there_costs_by_the_hour_from_the_moment_that_it_is_ready(
    client: openai.OpenAI,
    emulator: AzureEmulator,
    time: Time,
    sku: str,
    hours: int,
    usd: str,
) -> None:
    emulator.set(deploy_s=1800)
    deploy(emulator, "router", trained(client), sku=sku)
    training = Decimal(emulator.counts()["training_usd"])
    time.pass_(1800 + hours * 3600)
    counts = emulator.counts()
    assert counts["hosting_usd"] == usd
    assert Decimal(counts["usd"]) == training + Decimal(usd)
    arm(emulator, "DELETE", "/deployments/router")
    time.pass_(DAY)
    assert emulator.counts()["hosting_usd"] == usd


def test_a_developer_deployment_vanishes_after_a_day(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    deploy(emulator, "trial", trained(client), sku="DeveloperTier")
    time.pass_(DAY - 1)
    assert state(emulator, "trial") == "Succeeded"
    time.pass_(1)
    assert state(emulator, "trial") is None
    assert emulator.counts()["vanished"] == {"trial": "developer"}


def test_a_deployment_that_nobody_calls_vanishes_and_has_cost_until_then(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    model = trained(client)
    for name in ("idle", "asked"):
        deploy(emulator, name, model)
    time.pass_(10 * DAY)
    client.chat.completions.create(model="asked", messages=driving.HELLO)
    time.pass_(10 * DAY)
    assert names(emulator) == ["asked"]
    counts = emulator.counts()
    assert counts["vanished"] == {"idle": "idle"}
    assert Decimal(counts["hosting_usd"]) == Decimal("1.70") * 24 * (15 + 20)


def test_a_deleted_model_goes_on_standing_there(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    model = trained(client)
    deploy(emulator, "router", model)
    client.models.delete(model)
    time.pass_(3600)
    assert client.chat.completions.create(model="router", messages=driving.HELLO).choices
    assert emulator.counts()["hosting_usd"] == "1.7"
