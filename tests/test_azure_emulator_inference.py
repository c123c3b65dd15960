"""A deployed model is asked by the name of its deployment: when it answers, how often, until when, and for what price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import openai
import pytest

from tests.emulators.azure import AzureEmulator, driving
from tests.emulators.azure.driving import CHAT, HELLO, Time, deploy, trained

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time


def asked(client: openai.OpenAI, model: str) -> Any:
    """An answer of a model, or the error."""
    try:
        return client.chat.completions.create(model=model, messages=HELLO)
    except openai.APIStatusError as error:
        return error


def test_the_name_of_the_deployment_is_asked_and_not_that_of_the_model(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    model = trained(client)
    deploy(emulator, "router", model)
    for name in (model, driving.BASE, "nobody"):
        error = asked(client, name)
        assert (error.status_code, error.code) == (404, "DeploymentNotFound")
    answer = asked(client, "router")
    assert answer.choices[0].message.content == "answer 3"
    assert answer.model == model
    said = client.responses.create(model="router", input="question 4")
    assert said.output_text == "answer 4"


def test_it_streams(client: openai.OpenAI, emulator: AzureEmulator) -> None:
    deploy(emulator, "router", trained(client))
    chunks = client.chat.completions.create(
        model="router", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    assert text == "answer 3"


def test_a_plain_base_is_deployed_too(client: openai.OpenAI, emulator: AzureEmulator) -> None:
    deploy(emulator, "plain", "gpt-4.1-mini", version="2025-04-14")
    assert asked(client, "plain").choices[0].message.content == "You said: question 3"


@pytest.mark.parametrize("status", [404, 503])
def test_it_is_not_ready_for_some_time_after_it_has_succeeded(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time, status: int
) -> None:
    emulator.set(deploy_s=60, ready_lag_s=30, not_ready_status=status)
    deploy(emulator, "router", trained(client))
    for seconds in (0, 60, 29):
        time.pass_(seconds)
        error = asked(client, "router")
        assert (error.status_code, error.code) == (status, "DeploymentNotReady")
    time.pass_(1)
    assert asked(client, "router").choices


def test_a_capacity_of_one_is_one_request_a_minute(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    deploy(emulator, "small", trained(client), capacity=1)
    assert asked(client, "small").choices
    time.pass_(20)
    error = asked(client, "small")
    assert (error.status_code, error.response.headers["retry-after"]) == (429, "40")
    time.pass_(40)
    assert asked(client, "small").choices
    assert emulator.counts()["chats"] == 2
    emulator.set(rate_limited=False)
    assert asked(client, "small").choices


@pytest.mark.parametrize(
    ("sku", "factor"),
    [("GlobalStandard", "1"), ("DeveloperTier", "1"), ("Standard", "1.1")],
)
def test_a_tuned_model_costs_what_its_base_costs(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time, sku: str, factor: str
) -> None:
    deploy(emulator, "router", trained(client), sku=sku)
    usage = asked(client, "router").usage
    price = usage.prompt_tokens * Decimal("0.40") + usage.completion_tokens * Decimal("1.60")
    counts = emulator.counts()
    call = Decimal(counts["usd"]) - Decimal(counts["training_usd"])
    assert call == price * Decimal(factor) / 1_000_000


def test_a_tuned_model_outlives_its_base_and_ends_with_410(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    emulator.set(idle_days=None)
    model = trained(client)
    deploy(emulator, "tuned", model)
    deploy(emulator, "plain", "gpt-4.1-mini", version="2025-04-14")
    time.set("2027-10-13T12:00:00+00:00")
    assert asked(client, "tuned").choices
    assert asked(client, "plain").status_code == 410
    time.set("2027-10-14T12:00:00+00:00")
    assert asked(client, "tuned").status_code == 410
    seen = deploy(emulator, "again", model)
    assert (seen.status, seen.json["error"]["code"]) == (400, "ServiceModelDeprecated")


def test_a_deployment_that_is_lost_answers_no_more(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    deploy(emulator, "router", trained(client))
    emulator.lose_deployment("router")
    assert asked(client, "router").code == "DeploymentNotFound"
    assert emulator.counts()["vanished"] == {"router": "lost"}


def test_faults_strike_here_as_elsewhere(client: openai.OpenAI, emulator: AzureEmulator) -> None:
    deploy(emulator, "router", trained(client))
    emulator.fault(CHAT, "close", process=True)
    with pytest.raises(openai.APIConnectionError):
        asked(client, "router")
    assert emulator.counts()["chats"] == 1
