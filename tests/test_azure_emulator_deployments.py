"""Deployments in ARM: what a PUT does once and what twice, what it is refused for, quota, pages, and their end."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from tests.emulators.azure import AzureEmulator, driving
from tests.emulators.azure.driving import PUT, Time, arm, body, deploy, trained

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time

DAY = 86_400.0


def state(emulator: AzureEmulator, name: str) -> str | None:
    """The provisioningState of a deployment, None where it is gone."""
    seen = arm(emulator, "GET", f"/deployments/{name}")
    return None if seen.status == 404 else str(seen.json["properties"]["provisioningState"])


def names(emulator: AzureEmulator) -> list[str]:
    """The names that the first page lists."""
    return [one["name"] for one in arm(emulator, "GET", "/deployments").json["value"]]


def error(seen: Any) -> tuple[int, str]:
    """The status and the code of a refusal."""
    return seen.status, seen.json["error"]["code"]


def test_a_deployment_is_created_and_then_succeeded(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    emulator.set(deploy_s=300)
    model = trained(client)
    made = deploy(emulator, "router", model, capacity=7)
    assert made.status == 201
    assert made.json["properties"]["provisioningState"] == "Creating"
    time.pass_(299)
    assert state(emulator, "router") == "Creating"
    time.pass_(1)
    found = arm(emulator, "GET", "/deployments/router").json
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert found["sku"] == {"name": "GlobalStandard", "capacity": 7}
    assert found["properties"]["model"] == {"format": "OpenAI", "name": model, "version": "1"}
    assert datetime.fromisoformat(found["systemData"]["createdAt"]) == datetime.fromisoformat(
        driving.NOON
    )


def test_the_same_put_twice_starts_one(client: openai.OpenAI, emulator: AzureEmulator) -> None:
    model = trained(client)
    seen = [deploy(emulator, "router", model).status for _ in range(3)]
    assert seen == [201, 200, 200]
    counts = emulator.counts()
    assert (counts["deployments"], counts["deploy_starts"]) == (1, {"router": 1})
    assert counts["requests"][PUT] == 3


def test_tags_are_kept(client: openai.OpenAI, emulator: AzureEmulator) -> None:
    tags = {"key": "k1", "base": "gpt"}
    arm(emulator, "PUT", "/deployments/router", {**body(trained(client)), "tags": tags})
    assert arm(emulator, "GET", "/deployments/router").json["tags"] == tags


@pytest.mark.parametrize("format", ["openai", "OpenAI-OSS", "Meta"])
def test_a_wrong_format_is_answered_with_500(
    client: openai.OpenAI, emulator: AzureEmulator, format: str
) -> None:
    seen = deploy(emulator, "router", trained(client), format=format)
    assert seen.status == 500
    assert emulator.counts()["deployments"] == 0


@pytest.mark.parametrize(
    ("base", "format"), [("gpt-oss-20b", "Microsoft"), ("Ministral-3B", "Mistral AI")]
)
def test_an_open_model_has_a_format_of_its_own_and_no_developer_tier(
    client: openai.OpenAI, emulator: AzureEmulator, base: str, format: str
) -> None:
    model = trained(client, model=base)
    assert deploy(emulator, "router", model, format=format).status == 201
    developer = deploy(emulator, "other", model, format=format, sku="DeveloperTier")
    assert error(developer) == (400, "InvalidResourceProperties")


def test_what_is_not_there_cannot_be_deployed(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    emulator.set(run_s=100)
    job = driving.create(client)
    name = f"{driving.BASE}.ft-{job.id.removeprefix('ftjob-')}"
    missing = (400, "DeploymentModelNotSupported")
    assert error(deploy(emulator, "router", name)) == missing
    time.pass_(100)
    assert error(deploy(emulator, "router", name, version="2")) == missing
    assert deploy(emulator, "router", name).status == 201


def test_a_base_is_deployed_by_its_short_name_and_its_version_and_stands_for_nothing(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    right = deploy(emulator, "plain", "gpt-4.1-mini", version="2025-04-14")
    wrong = deploy(emulator, "plain2", "gpt-4.1-mini", version="2024-04-14")
    developer = deploy(
        emulator, "plain3", "gpt-4.1-mini", version="2025-04-14", sku="DeveloperTier"
    )
    assert right.status == 201
    assert error(wrong) == (400, "DeploymentModelNotSupported")
    assert error(developer) == (400, "InvalidResourceProperties")
    time.pass_(30 * DAY)
    assert emulator.counts()["hosting_usd"] == "0"
    assert names(emulator) == ["plain"]


@pytest.mark.parametrize("name", ["a", "-router", "router.", "x" * 65, "a b".replace(" ", "%20")])
def test_a_name_follows_rules(client: openai.OpenAI, emulator: AzureEmulator, name: str) -> None:
    assert error(deploy(emulator, name, trained(client))) == (400, "InvalidResourceName")
    assert deploy(emulator, "A_b-c.1", trained(client)).status == 201


def test_quota_is_refused_with_429_and_is_free_again_some_seconds_after_a_delete(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    emulator.set(tuned_deployments=1)
    model = trained(client)
    deploy(emulator, "one", model)
    assert error(deploy(emulator, "two", model)) == (429, "InsufficientQuota")
    assert arm(emulator, "DELETE", "/deployments/one").status == 202
    time.pass_(14)
    assert error(deploy(emulator, "two", model)) == (429, "InsufficientQuota")
    time.pass_(1)
    assert deploy(emulator, "two", model).status == 201
    assert emulator.counts()["deploy_starts"] == {"one": 1, "two": 1}


def test_capacity_is_shared_by_all(client: openai.OpenAI, emulator: AzureEmulator) -> None:
    emulator.set(capacity_quota=100)
    model = trained(client)
    assert deploy(emulator, "one", model, capacity=60).status == 201
    assert error(deploy(emulator, "two", model, capacity=41)) == (429, "InsufficientQuota")
    assert deploy(emulator, "two", model, capacity=40).status == 201
    assert error(deploy(emulator, "one", model, capacity=61)) == (429, "InsufficientQuota")
    assert deploy(emulator, "one", model, capacity=10).status == 200


def test_a_delete_takes_its_time_and_a_second_one_finds_nothing(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    emulator.set(deleting_s=20)
    model = trained(client)
    deploy(emulator, "router", model)
    gone = arm(emulator, "DELETE", "/deployments/router")
    assert (gone.status, gone.body) == (202, b"")
    follow = urlsplit(gone.headers["azure-asyncoperation"]).path
    assert arm(emulator, "GET", follow).json["status"] == "InProgress"
    assert (state(emulator, "router"), names(emulator)) == ("Deleting", ["router"])
    assert error(deploy(emulator, "router", model)) == (409, "RequestConflict")
    assert emulator.counts()["running"] == 0
    time.pass_(20)
    assert arm(emulator, "GET", follow).json["status"] == "Succeeded"
    assert state(emulator, "router") is None
    assert arm(emulator, "DELETE", "/deployments/router").status == 204


@pytest.mark.parametrize("size", [1, 2, 50])
def test_pages_hold_every_deployment_once(
    client: openai.OpenAI, emulator: AzureEmulator, size: int
) -> None:
    emulator.set(page_size=size)
    model = trained(client)
    made = sorted(f"d{number}" for number in range(5))
    for name in made:
        deploy(emulator, name, model)
    found: list[str] = []
    link: str | None = (
        f"{emulator.arm_url}{emulator.site.account_id}/deployments?api-version=2024-10-01"
    )
    while link:
        headers = {"Authorization": f"Bearer {emulator.arm_token}"}
        page = driving.ask_plainly("GET", link, headers).json
        found += [one["name"] for one in page["value"]]
        link = page.get("nextLink")
    assert found == made


def test_models_of_a_region_say_when_they_end_and_not_that_open_ones_are_tuned(
    emulator: AzureEmulator,
) -> None:
    place = f"/subscriptions/{emulator.subscription}/providers/Microsoft.CognitiveServices"
    rows = arm(emulator, "GET", f"{place}/locations/{emulator.location}/models").json["value"]
    found = {row["model"]["name"]: row["model"] for row in rows}
    assert found["gpt-4o"]["deprecation"] == {
        "fineTune": "2027-04-01T00:00:00Z",
        "inference": "2027-04-14T00:00:00Z",
    }
    assert found["gpt-4.1"]["lifecycleStatus"] == "Legacy"
    assert found["gpt-oss-20b"]["capabilities"]["fineTune"] == "false"
    emulator.shift("gpt-4o-2024-08-06", closed_from="2026-12-01")
    rows = arm(emulator, "GET", f"{place}/locations/{emulator.location}/models").json["value"]
    assert "2026-12-01" in json.dumps(rows)


def test_a_lost_reply_to_a_put_is_a_deployment_that_stands_there(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    model = trained(client)
    emulator.fault(PUT, "close", process=True)
    with pytest.raises(OSError):
        deploy(emulator, "router", model)
    assert names(emulator) == ["router"]
    assert deploy(emulator, "router", model).status == 200
    assert emulator.counts()["deploy_starts"] == {"router": 1}


def test_every_read_of_both_planes_can_be_told_to_wait(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    emulator.refuse("*", "ServiceUnavailable", retry_after=7, times=2)
    seen = [
        arm(emulator, "GET", "/deployments"),
        driving.ask(emulator, "GET", "/openai/v1/fine_tuning/jobs"),
    ]
    for one in seen:
        assert (one.status, one.headers["Retry-After"]) == (503, "7")
        assert one.json["error"]["code"] == "ServiceUnavailable"
    emulator.refuse(PUT, "InsufficientQuota")
    assert error(deploy(emulator, "router", trained(client))) == (429, "InsufficientQuota")
    assert emulator.counts()["deployments"] == 0
