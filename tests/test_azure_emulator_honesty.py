"""The emulator is honest: each request and each answer of both planes is judged, and the judges are shown to see.

Where the contract file is not at hand the data plane cannot be judged, and what is tested of it is skipped; ARM always is.
"""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tests.emulators.azure import AzureEmulator, ContractViolation, arm_schema, driving
from tests.emulators.azure.differences import DEVIATIONS, MENDED
from tests.emulators.azure.driving import BASE, CHAT, CREATE, HELLO, LIST, READ, arm, ask, body
from tests.emulators.openai.contract import contract_file

server, emulator, client = driving.server, driving.emulator, driving.client

judged = pytest.mark.skipif(
    contract_file() is None, reason="the provider's contract is not at hand (FTKIT_CONTRACTS)"
)
JOBS = "/openai/v1/fine_tuning/jobs"
DEPLOYMENT = "GET deployments/NAME"
DEPLOYMENTS = "GET deployments"
MODELS = "GET locations/models"

# name: route, what is laid over its answer, what is taken out of it
DATA_ALTERATIONS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "a job has a status that neither API has": (READ, {"status": "thinking"}, []),
    "a job does not say whose it is, not even null": (READ, {}, ["organization_id"]),
    "a job's organisation is a number": (READ, {"organization_id": 7}, []),
    "a job's result files are text": (READ, {"result_files": "file-1"}, []),
    "a job's time is text": (CREATE, {"created_at": "2026-11-24"}, []),
    "a list does not say whether there is more": (LIST, {}, ["has_more"]),
    "an event's data is text": (f"{READ}/events", {"data.0.data": "none"}, []),
    "a checkpoint lacks its step": (f"{READ}/checkpoints", {}, ["data.0.step_number"]),
    "a file has a state of its own": ("GET /openai/v1/files/ID", {"status": "waiting"}, []),
    "a model lacks its time": ("GET /openai/v1/models", {}, ["data.0.created"]),
    "an error has no code": ("GET /openai/v1/models/ID", {}, ["error.code"]),
    "an answer ends for a reason of its own": (CHAT, {"choices.0.finish_reason": "bored"}, []),
    "a response is a number": (
        "POST /openai/v1/responses",
        {"output.0.content.0.text": 7},
        [],
    ),
}
ARM_ALTERATIONS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "a deployment has a field that ARM lacks": (DEPLOYMENT, {"colour": "red"}, []),
    "a deployment's capacity is text": (DEPLOYMENT, {"sku.capacity": "100"}, []),
    "a deployment's capacity is true": (DEPLOYMENT, {"sku.capacity": True}, []),
    "a deployment has a SKU without a name": (DEPLOYMENT, {}, ["sku.name"]),
    "a deployment's model is text": ("PUT deployments/NAME", {"properties.model": "gpt"}, []),
    "a time is none": (DEPLOYMENT, {"systemData.createdAt": "noon"}, []),
    "a tag is a number": (DEPLOYMENT, {"tags": {"key": 7}}, []),
    "a page is spelt in another way": (DEPLOYMENTS, {"next_link": "https://x"}, []),
    "a list is none": (DEPLOYMENTS, {"value": {"name": "router"}}, []),
    "a row of a list has a field too many": (DEPLOYMENTS, {"value.0.state": "Succeeded"}, []),
    "an account is placed by a number": ("GET account", {"location": 7}, []),
    "a model's end is a number": (MODELS, {"value.0.model.deprecation.fineTune": 2027}, []),
    "an error's text is none": ("PUT deployments/NAME", {"error.message": 7}, []),
}


def _every_data_route(emulator: AzureEmulator, client: openai.OpenAI) -> None:
    """Ask each route that an alteration concerns once, and do not look at what it says."""
    file = driving.upload(client)
    asked = {"model": BASE, "training_file": file, "trainingType": "Standard"}
    job = ask(emulator, "POST", JOBS, asked).json["id"]
    for path in ("", "/events", "/checkpoints"):
        ask(emulator, "GET", f"{JOBS}/{job}{path}")
    ask(emulator, "GET", JOBS)
    ask(emulator, "GET", f"/openai/v1/files/{file}")
    ask(emulator, "GET", "/openai/v1/models")
    ask(emulator, "GET", "/openai/v1/models/no-such-model")
    driving.deploy(emulator, "router", "gpt-4.1-mini", version="2025-04-14")
    ask(
        emulator,
        "POST",
        "/openai/v1/chat/completions",
        {"model": "router", "messages": HELLO},
    )
    ask(emulator, "POST", "/openai/v1/responses", {"model": "router", "input": "hello"})


def _every_arm_route(emulator: AzureEmulator, wrong: bool = False) -> None:
    place = f"/subscriptions/{emulator.subscription}/providers/Microsoft.CognitiveServices"
    version = "0" if wrong else "2025-04-14"
    driving.deploy(emulator, "router", "gpt-4.1-mini", version=version)
    for path in (
        "/deployments/router",
        "/deployments",
        "",
        f"{place}/locations/swedencentral/models",
    ):
        arm(emulator, "GET", path)
    arm(emulator, "DELETE", "/deployments/router")


@judged
@pytest.mark.parametrize("alteration", DATA_ALTERATIONS)
def test_an_altered_answer_of_the_data_plane_is_caught(
    emulator: AzureEmulator, client: openai.OpenAI, alteration: str
) -> None:
    route, fields, remove = DATA_ALTERATIONS[alteration]
    emulator.fault(route, "patch", fields=fields, remove=remove, judged=True)
    _every_data_route(emulator, client)
    found = [(one["what"], one["route"]) for one in emulator.take_violations()]
    assert found == [("answer", route)]


@pytest.mark.parametrize("alteration", ARM_ALTERATIONS)
def test_an_altered_answer_of_arm_is_caught(emulator: AzureEmulator, alteration: str) -> None:
    route, fields, remove = ARM_ALTERATIONS[alteration]
    emulator.fault(route, "patch", fields=fields, remove=remove, judged=True)
    _every_arm_route(emulator, wrong="error" in alteration)
    found = [(one["what"], one["route"]) for one in emulator.take_violations()]
    assert found == [("answer", route)]


def test_unaltered_answers_are_not(emulator: AzureEmulator, client: openai.OpenAI) -> None:
    _every_data_route(emulator, client)
    _every_arm_route(emulator)
    assert emulator.violations() == []


WRONG_JOBS: dict[str, dict[str, Any]] = {
    "a number for a file": {"training_file": 7},
    "a suffix that Azure does not take": {"suffix": "v1.2"},
    "a long suffix": {"suffix": "x" * 41},
    "a kind of training that nobody has": {"trainingType": "Cheap"},
    "a kind of training by number": {"trainingType": 1},
    "51 epochs": {"method": driving.supervised(n_epochs=51)},
}


@judged
@pytest.mark.parametrize("wrong", WRONG_JOBS)
def test_a_wrong_create_is_caught(emulator: AzureEmulator, wrong: str) -> None:
    fields = {"model": BASE, "training_file": "file-1", "trainingType": "Standard"}
    seen = ask(emulator, "POST", JOBS, {**fields, **WRONG_JOBS[wrong]})
    (found,) = emulator.take_violations()
    assert (seen.status, found["what"]) == (400, "request")


RIGHT = body("gpt-4.1-mini", version="2025-04-14")
WRONG_PUTS: dict[str, Any] = {
    "an unknown field": {**RIGHT, "location": "westus"},
    "a field spelt as in Python": {"sku": RIGHT["sku"], "properties": {"rai_policy_name": "x"}},
    "a field that only the server sets": {
        **RIGHT,
        "properties": {**RIGHT["properties"], "provisioningState": "Succeeded"},
    },
    "a capacity in words": {**RIGHT, "sku": {"name": "Standard", "capacity": "ten"}},
    "no SKU's name": {**RIGHT, "sku": {"capacity": 1}},
    "a number as a tag": {**RIGHT, "tags": {"key": 7}},
    "a version as a number": {"sku": RIGHT["sku"], "properties": {"model": {"version": 1}}},
    "a list": [RIGHT],
}


@pytest.mark.parametrize("wrong", WRONG_PUTS)
def test_a_wrong_put_is_caught_and_makes_nothing(emulator: AzureEmulator, wrong: str) -> None:
    seen = arm(emulator, "PUT", "/deployments/router", WRONG_PUTS[wrong])
    (found,) = emulator.take_violations()
    assert (seen.status, found["what"]) == (400, "request")
    assert emulator.counts()["deployments"] == 0


def test_a_body_where_none_belongs_is_caught(emulator: AzureEmulator) -> None:
    arm(emulator, "DELETE", "/deployments/router", {"force": True})
    (found,) = emulator.take_violations()
    assert found["wrong"] == "the request has a body"


def test_a_violation_that_nobody_took_fails_the_test() -> None:
    with pytest.raises(ContractViolation, match="location"), AzureEmulator() as emulator:
        arm(emulator, "PUT", "/deployments/router", {**RIGHT, "location": "westus"})


def test_without_the_contract_it_runs_and_says_that_nothing_is_judged() -> None:
    with AzureEmulator(contract=False) as emulator:
        assert not emulator.validated
        arm(emulator, "PUT", "/deployments/router", {**RIGHT, "location": "westus"})
        ask(emulator, "POST", JOBS, {"model": BASE, "training_file": 7})
        assert emulator.violations() == []


def test_the_table_of_arms_objects_is_that_of_the_management_sdk() -> None:
    models: Any = pytest.importorskip("azure.mgmt.cognitiveservices").models
    for kind, fields in arm_schema.OBJECTS.items():
        known = getattr(models, kind)
        shown = {one["key"]: one["type"] for one in known._attribute_map.values()}
        assert shown == dict(fields), kind
        marks = known._validation
        keys = {name: one["key"] for name, one in known._attribute_map.items()}
        closed = {keys[name] for name, one in marks.items() if one.get("readonly")}
        needed = {keys[name] for name, one in marks.items() if one.get("required")}
        if kind in arm_schema.SERVER_ONLY or kind == "Sku":
            assert closed == arm_schema.SERVER_ONLY.get(kind, set()), kind
            assert needed == arm_schema.REQUIRED.get(kind, set()), kind
    for kind, fields in arm_schema.PARTS.items():
        all_of_it = getattr(models, kind)._attribute_map.values()
        assert dict(fields).items() <= {one["key"]: one["type"] for one in all_of_it}.items()


def test_every_deviation_is_in_one_list(emulator: AzureEmulator) -> None:
    about = emulator.about()
    assert (about["deviations"], about["mended"]) == (DEVIATIONS, MENDED)
    print("where the Azure emulator is not held to the contract (pytest -rP shows this):")
    for name, why in DEVIATIONS.items():
        print(f"  {name}: {why}")
    print("what is read differently in the contract:")
    for name, why in MENDED.items():
        print(f"  {name}: {why}")


def test_it_imports_nothing_that_it_judges(emulator: AzureEmulator, client: openai.OpenAI) -> None:
    _every_data_route(emulator, client)
    _every_arm_route(emulator)
    modules = emulator.about()["modules"]
    assert "starlette.routing" in modules
    assert not [name for name in modules if name.partition(".")[0].startswith("ftkit")]


def test_nonsense_is_refused_by_the_handle(emulator: AzureEmulator) -> None:
    for wrong in ({"deploy": 1}, {"deploy_s": "long"}, {"statuses": "v2"}, {"idle_days": "never"}):
        with pytest.raises(driving.EmulatorError):
            emulator.set(**wrong)
    for route in ("PUT deployments/ID", "POST /v1/files"):
        with pytest.raises(driving.EmulatorError):
            emulator.fault(route, "close")
    with pytest.raises(driving.EmulatorError):
        emulator.shift("no-such-base", shutdown="2027-01-01")
