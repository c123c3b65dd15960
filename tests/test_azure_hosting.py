"""Deployments at Azure: named by our key, priced by the hour before they start, waited for, listed with their cost, stopped."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import clock
from ftkit.backend import Call, ModelRecord, NotSent, Refused
from ftkit.data.example import Message
from ftkit.errors import BudgetError, ConfigError, NotDeployed, ProviderError
from tests.azure_desk import (
    BASE,
    CHAT,
    DELETE,
    MODEL,
    PUT,
    configure,
    hosting,
    inference,
    sent,
    served,
    tuned,
)
from tests.emulators.azure import AzureEmulator
from tests.emulators.azure.driving import deploy

pytest_plugins = ("tests.azure_fixtures",)

KEY = "ftkabcdefghij2341"
CALL = Call((Message("user", "question 5"),))


def foreign(azure: AzureEmulator, name: str, model: str, **fields: Any) -> None:
    """A deployment that somebody else made."""
    assert deploy(azure, name, model, **fields).status in (200, 201)


# --- a deployed model ---


def test_a_tuned_model_answers_on_a_deployment_that_the_block_starts_and_stops(
    azure: AzureEmulator,
) -> None:
    model = tuned(name="router").model()
    with pytest.raises(NotDeployed, match=r"1\.70 USD an hour.*model\.deployed"):
        model.chat("question 4")
    with model.deployed(max_cost_usd=2) as there:
        assert there.chat("question 4").text == "answer 4"
        (one,) = ftkit.hosting("azure")
        assert (one.usd_per_hour, one.model) == (Decimal("1.7"), model.record.native)
    assert ftkit.hosting("azure") == []
    counts = azure.counts()
    assert (counts["deployments"], counts["running"]) == (1, 0)
    with pytest.raises(NotDeployed):
        model.chat("question 4")


def test_its_name_is_our_key_and_its_body_says_everything(azure: AzureEmulator) -> None:
    job = tuned()
    with served(job.model()):
        (name,) = azure.counts()["deployment_names"]
    assert name.startswith("ftk") and len(name) <= 18
    body = sent(azure, PUT)
    model = body["properties"]["model"]
    assert model == {"format": "OpenAI", "name": job.model().record.native, "version": "1"}
    assert body["sku"] == {"name": "GlobalStandard", "capacity": 100}


def test_the_hour_is_budgeted_before_anything_starts(azure: AzureEmulator) -> None:
    model = tuned().model()
    with pytest.raises(BudgetError, match=r"1\.7"), model.deployed(max_cost_usd=1):
        pass
    assert PUT not in azure.counts()["requests"]


def test_a_base_answers_only_while_deployed_and_costs_nothing_by_the_hour(
    azure: AzureEmulator,
) -> None:
    plain = ftkit.model(MODEL)
    with pytest.raises(NotDeployed, match=r"0\.00 USD an hour"):
        plain.chat("question 1")
    with plain.deployed(max_cost_usd=0) as there:
        assert there.chat("question 1").text
    assert sent(azure, PUT)["properties"]["model"] == {
        "format": "OpenAI",
        "name": "gpt-4.1-mini",
        "version": "2025-04-14",
    }


@pytest.mark.parametrize("how", ["chat", "stream", "achat", "astream", "chat_many"])
def test_every_way_to_ask_waits_for_a_new_deployment(how: str, azure: AzureEmulator) -> None:
    model = tuned().model()
    azure.set(deploy_s=120.0, ready_lag_s=60.0)
    record, part = model.record, inference()

    async def collect() -> str:
        pieces = [piece async for piece in part.astream(record, CALL)]
        return "".join(piece for piece in pieces if isinstance(piece, str))

    async def ask() -> str:
        return (await part.achat(record, CALL)).text

    ways: dict[str, Any] = {
        "chat": lambda: part.chat(record, CALL).text,
        "stream": lambda: "".join(p for p in part.stream(record, CALL) if isinstance(p, str)),
        "achat": lambda: asyncio.run(ask()),
        "astream": lambda: asyncio.run(collect()),
        "chat_many": lambda: next(iter(part.chat_many(record, [CALL])))[1].text,
    }
    before = clock.now()
    with served(model):
        assert ways[how]() == "answer 5"
    assert timedelta(seconds=175) < clock.now() - before < timedelta(seconds=300)
    assert azure.counts()["requests"][CHAT] < 30


def test_a_deployment_that_succeeded_and_never_gets_ready_is_told_with_what_to_do(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, azure, loading_s=600)
    model = tuned().model()
    azure.set(ready_lag_s=36_000.0)
    words = r"succeeded, and yet .* has not answered for 10 minutes: delete the deployment"
    with pytest.raises(ProviderError, match=words), served(model) as there:
        there.chat("question 1")
    assert azure.counts()["running"] == 0


def test_not_ready_is_waited_for_whichever_status_it_comes_with(azure: AzureEmulator) -> None:
    model = tuned().model()
    azure.set(ready_lag_s=40.0, not_ready_status=503)
    with served(model) as there:
        assert there.chat("question 2").text == "answer 2"


def test_a_deployment_that_fails_is_not_waited_for_and_not_left(azure: AzureEmulator) -> None:
    model = tuned().model()
    azure.set(deploy_fails=True)
    with pytest.raises(NotDeployed), served(model) as there:
        there.chat("question 1")
    assert ftkit.hosting("azure") == []


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_either_api_is_asked_under_the_deployments_name(
    api: str, azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, azure, api=api)
    with served(tuned().model()) as there:
        assert there.chat("question 4").text == "answer 4"
        assert "".join(there.stream("question 4")) == "answer 4"
        (name,) = azure.counts()["deployment_names"]
    route = CHAT if api == "chat" else "POST /openai/v1/responses"
    assert {one["json"]["model"] for one in azure.log() if one["route"] == route} == {name}


# --- which deployment is asked ---


def test_a_deployment_that_somebody_made_is_found_by_its_model(azure: AzureEmulator) -> None:
    model = tuned().model()
    foreign(azure, "theirs", model.record.native)
    assert model.chat("question 3").text == "answer 3"
    assert azure.counts()["deployments"] == 1


def test_one_that_is_gone_is_not_asked_for_ever(azure: AzureEmulator) -> None:
    model = tuned().model()
    foreign(azure, "theirs", model.record.native)
    assert model.chat("question 3").text
    azure.lose_deployment("theirs")
    foreign(azure, "another", model.record.native)
    assert model.chat("question 3").text
    azure.lose_deployment("another")
    with pytest.raises(NotDeployed):
        model.chat("question 3")


def test_settings_name_a_deployment_and_then_nothing_is_started(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign(azure, "mini", "gpt-4.1-mini", version="2025-04-14")
    configure(tmp_path, monkeypatch, azure, deployments={"gpt-4.1-mini": "mini"}, subscription=None)
    with ftkit.model(MODEL).deployed(max_cost_usd=0) as plain:
        assert plain.chat("question 1").text
    requests = azure.counts()["requests"]
    assert requests[PUT] == 1 and "GET deployments" not in requests


def test_without_a_control_plane_it_is_said_what_to_set(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = tuned().model().id
    configure(tmp_path, monkeypatch, azure, subscription=None)
    model = ftkit.model(id)
    with pytest.raises(NotDeployed, match="name a deployment.*subscription and resource_group"):
        model.chat("question 1")
    with pytest.raises(ConfigError, match="AZURE_SUBSCRIPTION_ID"), model.deployed():
        pass
    with pytest.raises(NotSent, match="nothing was sent"):
        hosting().start(model.record, KEY)
    assert PUT not in azure.counts()["requests"]


def test_a_named_deployment_that_is_not_there_is_told(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, azure, deployments={BASE: "nowhere"})
    with pytest.raises(NotDeployed, match="settings name the deployment nowhere"):
        ftkit.model(MODEL).chat("question 1")


# --- once ---


def test_a_start_that_is_repeated_makes_the_same_deployment(azure: AzureEmulator) -> None:
    record = tuned().model().record
    first, second = hosting().start(record, KEY), hosting().start(record, KEY)
    assert first.id == second.id == KEY and first.since == second.since
    assert azure.counts()["deploy_starts"] == {KEY: 1}
    hosting().stop(KEY)
    hosting().stop(KEY)
    assert hosting().find(KEY) == []


def test_a_server_error_is_asked_about_and_sent_again_under_the_same_name(
    azure: AzureEmulator,
) -> None:
    model = tuned().model()
    azure.refuse(PUT, "InternalServerError")
    with served(model) as there:
        assert there.chat("question 1").text
    assert sum(azure.counts()["deploy_starts"].values()) == 1


def test_quota_that_is_used_up_is_refused_with_what_to_do(azure: AzureEmulator) -> None:
    model = tuned().model()
    azure.set(capacity_quota=50)
    with pytest.raises(Refused, match="lower `capacity`.*20 seconds"), served(model):
        pass
    assert azure.counts()["deployments"] == 0


# --- what runs ---


def test_each_deployment_is_listed_with_its_price(azure: AzureEmulator) -> None:
    native = tuned().model().record.native
    foreign(azure, "global", native)
    foreign(azure, "regional", native, sku="Standard")
    foreign(azure, "trial", native, sku="DeveloperTier")
    foreign(azure, "plain", "gpt-4.1-mini", version="2025-04-14")
    found = {one.id: one for one in hosting().running()}
    assert {name: one.usd_per_hour for name, one in found.items()} == {
        "global": Decimal("1.7"),
        "regional": Decimal("1.7"),
        "trial": Decimal(0),
        "plain": Decimal(0),
    }
    assert found["plain"].model == BASE and found["global"].key is None
    ends = datetime.fromisoformat(str(found["trial"].until))
    assert ends - datetime.fromisoformat(found["trial"].since) == timedelta(hours=24)
    assert found["global"].until is None


def test_every_page_of_the_list_is_read(azure: AzureEmulator) -> None:
    azure.set(page_size=2)
    for number in range(5):
        foreign(azure, f"plain-{number}", "gpt-4.1-mini", version="2025-04-14", capacity=1)
    assert len(hosting().running()) == 5


def test_a_developer_deployment_is_gone_after_a_day(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, azure, deployment_tier="developer")
    model = tuned().model()
    with model.deployed(max_cost_usd=0) as there:
        assert sent(azure, PUT)["sku"]["name"] == "DeveloperTier"
        assert there.chat("question 1").text
        clock.sleep(25 * 3600)
        with pytest.raises(NotDeployed):
            there.chat("question 1")
    assert azure.counts()["hosting_usd"] in ("0", "0.00")


def test_what_was_forgotten_is_listed_with_its_cost_and_stopped(azure: AzureEmulator) -> None:
    model = tuned().model()
    azure.fault(DELETE, "reply", status=500, body="{}", times=None)
    with pytest.raises(ProviderError, match="goes on costing money"), served(model):
        pass
    azure.clear_faults()
    clock.sleep(10 * 3600)
    (one,) = ftkit.hosting("azure")
    assert one.cost_usd is not None and 17 <= one.cost_usd < Decimal("17.2")
    one.stop()
    assert azure.counts()["running"] == 0
    with served(model) as there:  # a stopped one is not taken for running
        assert there.chat("question 1").text


def test_a_second_block_uses_what_the_first_has_started(azure: AzureEmulator) -> None:
    model = tuned().model()
    with served(model), served(model) as there:
        assert there.chat("question 1").text
    assert sum(azure.counts()["deploy_starts"].values()) == 1
    assert azure.counts()["running"] == 0


def test_an_open_model_has_the_format_of_its_publisher(azure: AzureEmulator) -> None:
    """A wrong one is HTTP 500, which tells nobody what is wrong."""
    record = ModelRecord("azure", "gpt-oss-20b.ft-0a1b", "gpt-oss-20b", tuned=True)
    azure.fault(PUT, "reply", status=400, body='{"error": {"code": "x", "message": "seen"}}')
    with pytest.raises(Refused):
        hosting().start(record, KEY)
    assert sent(azure, PUT)["properties"]["model"]["format"] == "Microsoft"
