"""Who is let in: keys and tokens on the data plane, tokens alone in ARM, and Entra, asked by the real azure-identity.

azure-identity and azure-mgmt-cognitiveservices send nothing to an address that is not https: they come through the door
of TLS, and run here unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.emulators.azure import AzureEmulator, driving
from tests.emulators.azure.driving import Time, arm, ask, connect, deploy, trained

identity = pytest.importorskip("azure.identity")
management = pytest.importorskip("azure.mgmt.cognitiveservices")
doors = pytest.importorskip("tests.emulators.azure.doors")

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time

JOBS = "/openai/v1/fine_tuning/jobs"
ARM_SCOPE = "https://management.azure.com/.default"
DATA_SCOPE = "https://cognitiveservices.azure.com/.default"


@pytest.fixture
def door(emulator: AzureEmulator, tmp_path: Path) -> Iterator[Any]:
    """TLS before the emulator."""
    with doors.Door(emulator.url, tmp_path) as door:
        emulator.set(https_host=door.host)
        yield door


def credential(emulator: AzureEmulator, door: Any, **fields: Any) -> Any:
    """The application's credential, as azure-identity makes it."""
    site = emulator.site
    return identity.ClientSecretCredential(
        fields.pop("tenant", site.tenant),
        fields.pop("client_id", site.client_id),
        fields.pop("client_secret", site.client_secret),
        authority=door.url,
        disable_instance_discovery=True,
        connection_verify=str(door.certificate),
        **fields,
    )


def test_the_key_is_taken_in_either_header(emulator: AzureEmulator) -> None:
    assert ask(emulator, "GET", JOBS).status == 200
    assert ask(emulator, "GET", JOBS, Authorization=f"Bearer {emulator.api_key}").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"api-key": "another"},
        {"Authorization": "Bearer another"},
        {"Authorization": "Basic x"},
        {"X-Nothing": "1"},
    ],
)
def test_whoever_has_no_key_is_turned_away(
    emulator: AzureEmulator, headers: dict[str, str]
) -> None:
    seen = ask(emulator, "GET", JOBS, **headers)
    assert (seen.status, seen.json["error"]["code"]) == (401, "401")


def test_two_credentials_at_once_are_against_the_contract(emulator: AzureEmulator) -> None:
    both = {"api-key": emulator.api_key, "Authorization": f"Bearer {emulator.data_token}"}
    ask(emulator, "GET", JOBS, **both)
    (found,) = emulator.take_violations()
    assert "at once" in found["wrong"]


def test_a_dated_version_is_refused_on_v1(emulator: AzureEmulator) -> None:
    seen = ask(emulator, "GET", f"{JOBS}?api-version=2025-04-01-preview")
    assert (seen.status, "not allowed" in seen.json["error"]["message"]) == (400, True)
    assert ask(emulator, "GET", f"{JOBS}?api-version=preview").status == 200


def test_the_sdks_own_azure_client_is_refused_on_v1(emulator: AzureEmulator) -> None:
    client = openai.AzureOpenAI(
        base_url=emulator.base_url,
        api_key=emulator.api_key,
        api_version="2025-04-01-preview",
        max_retries=0,
    )
    with client, pytest.raises(openai.BadRequestError, match="not allowed"):
        client.fine_tuning.jobs.list()


@pytest.mark.parametrize("token", ["data", "key", "another"])
def test_arm_takes_tokens_for_arm_alone(emulator: AzureEmulator, token: str) -> None:
    text = {"data": emulator.data_token, "key": emulator.api_key}.get(token, token)
    seen = arm(emulator, "GET", "/deployments", token=text)
    assert seen.status == 401
    assert ("wrong audience" in seen.json["error"]["message"]) == (token == "data")


def test_a_token_for_arm_opens_no_data(emulator: AzureEmulator) -> None:
    seen = ask(emulator, "GET", JOBS, Authorization=f"Bearer {emulator.arm_token}")
    assert seen.status == 401
    right = ask(emulator, "GET", JOBS, Authorization=f"Bearer {emulator.data_token}")
    assert right.status == 200


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/subscriptions/other/resourceGroups/{g}", "SubscriptionNotFound"),
        ("/subscriptions/{s}/resourceGroups/other", "ResourceGroupNotFound"),
    ],
)
def test_a_path_of_others_is_not_found(emulator: AzureEmulator, path: str, code: str) -> None:
    whole = path.format(s=emulator.subscription, g=emulator.resource_group)
    rest = f"/providers/Microsoft.CognitiveServices/accounts/{emulator.account}"
    seen = arm(emulator, "GET", whole + rest)
    assert (seen.status, seen.json["error"]["code"]) == (404, code)


@pytest.mark.parametrize(
    ("version", "code"),
    [(None, "MissingApiVersionParameter"), ("2021-01-01", "InvalidApiVersionParameter")],
)
def test_arm_wants_a_version(emulator: AzureEmulator, version: str | None, code: str) -> None:
    seen = arm(emulator, "GET", "", version=version)
    assert (seen.status, seen.json["error"]["code"]) == (400, code)
    assert arm(emulator, "GET", "").json["location"] == emulator.location


def test_a_token_of_azure_identity_opens_both_planes(emulator: AzureEmulator, door: Any) -> None:
    own = credential(emulator, door)
    for_arm, for_data = own.get_token(ARM_SCOPE), own.get_token(DATA_SCOPE)
    assert arm(emulator, "GET", "/deployments", token=for_arm.token).status == 200
    assert arm(emulator, "GET", "/deployments", token=for_data.token).status == 401
    with connect(emulator, key=for_data.token) as client:
        assert list(client.fine_tuning.jobs.list()) == []
    assert own.get_token(ARM_SCOPE).token == for_arm.token  # it keeps it
    assert emulator.counts()["requests"]["POST token"] == 2


@pytest.mark.parametrize("wrong", ["tenant", "client_id", "client_secret", "scope"])
def test_entra_knows_one_application(emulator: AzureEmulator, door: Any, wrong: str) -> None:
    fields = {} if wrong == "scope" else {wrong: "00000000-0000-0000-0000-000000000000"}
    scope = "https://storage.azure.com/.default" if wrong == "scope" else ARM_SCOPE
    with pytest.raises(Exception, match=r"AADSTS|tenant"):
        credential(emulator, door, **fields).get_token(scope)


def test_a_token_ends(emulator: AzureEmulator, door: Any, time: Time) -> None:
    emulator.set(token_life_s=600)
    token = credential(emulator, door).get_token(ARM_SCOPE).token
    time.pass_(599)
    assert arm(emulator, "GET", "", token=token).status == 200
    time.pass_(1)
    seen = arm(emulator, "GET", "", token=token)
    assert (seen.status, seen.json["error"]["code"]) == (401, "ExpiredAuthenticationToken")


def test_azure_identity_insists_on_https(emulator: AzureEmulator) -> None:
    with pytest.raises(ValueError, match="https"):
        identity.ClientSecretCredential("t", "c", "s", authority=emulator.url)


def test_the_management_sdk_runs_every_flow_unchanged(
    emulator: AzureEmulator, client: openai.OpenAI, door: Any
) -> None:
    emulator.set(page_size=1, deploy_s=1)
    models, site = management.models, emulator.site
    place = (site.resource_group, site.account)
    arm_client = management.CognitiveServicesManagementClient(
        credential(emulator, door),
        site.subscription,
        base_url=door.url,
        connection_verify=str(door.certificate),
    )
    wanted = models.Deployment(
        sku=models.Sku(name="GlobalStandard", capacity=10),
        tags={"key": "k1"},
        properties=models.DeploymentProperties(
            model=models.DeploymentModel(format="OpenAI", name=trained(client), version="1")
        ),
    )
    made = [
        arm_client.deployments.begin_create_or_update(*place, name, wanted, polling_interval=0)
        for name in ("one", "two")
    ]
    states = [one.result().properties.provisioning_state for one in made]
    assert states == ["Succeeded", "Succeeded"]
    assert [one.name for one in arm_client.deployments.list(*place)] == ["one", "two"]
    found = arm_client.deployments.get(*place, "one")
    assert (found.tags, found.sku.capacity) == ({"key": "k1"}, 10)
    assert found.system_data.created_at.year == 2026
    arm_client.deployments.begin_delete(*place, "one", polling_interval=0).result()
    assert [one.name for one in arm_client.deployments.list(*place)] == ["two"]
    assert arm_client.accounts.get(*place).location == site.location
    ends = {one.model.name: one.model.deprecation for one in arm_client.models.list(site.location)}
    assert ends["gpt-4.1"].fine_tune == "2027-04-14T00:00:00Z"
    with pytest.raises(Exception, match="DeploymentModelNotSupported"):
        wanted.properties.model.name = "nothing"
        arm_client.deployments.begin_create_or_update(*place, "three", wanted).result()


def test_the_door_changes_nothing_for_plain_requests(
    emulator: AzureEmulator, client: openai.OpenAI
) -> None:
    emulator.set(page_size=1)
    model = trained(client)
    for name in ("one", "two"):
        deploy(emulator, name, model)
    link = arm(emulator, "GET", "/deployments").json["nextLink"]
    assert link.startswith(f"{emulator.arm_url}/subscriptions/")
