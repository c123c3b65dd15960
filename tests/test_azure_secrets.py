"""Azure's key and tokens go to Azure and nowhere else: not into objects, errors, logs or frames, and to no other host."""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ftkit.backend import ModelRecord
from ftkit.catalogue import Catalogue
from ftkit.errors import AuthError, ConfigError, FtkitError, ProviderError
from ftkit_azure import AzureSettings, identity
from ftkit_azure.client import AzureClient
from ftkit_azure.control import Control
from ftkit_azure.hosting import AzureHosting
from ftkit_azure.inference import AzureInference
from tests.azure_desk import BASE, CREATE, OWN_VARIABLES, PUT, opened, section, served, tuned
from tests.emulators.azure import AzureEmulator
from tests.emulators.azure.doors import Door
from tests.key_search import CANARY, places
from tests.loopback import Loopback, answers
from tests.openai_ways import ASKED, jobs, make
from tests.test_openai_secrets import ANSWERS

pytest_plugins = ("tests.azure_fixtures",)

RECORD = ModelRecord("azure", BASE, BASE)
KEYS = {"AZURE_OPENAI_API_KEY": "api-key", "AZURE_OPENAI_AD_TOKEN": "authorization"}


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A server that answers as a test says, with no credential but the one that a test sets."""
    server = Loopback(answers(200, {"data": [], "has_more": False}))
    for name in (*OWN_VARIABLES, "AZURE_OPENAI_API_KEY", "AZURE_MANAGEMENT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    yield server
    server.close()


def settings(loopback: Loopback, **given: Any) -> AzureSettings:
    return AzureSettings(
        base_url=f"{loopback.url}/openai/v1",
        arm_url=loopback.url,
        subscription="sub",
        resource_group="group",
        account="acme",
        deployments={BASE: "mini"},
        **given,
    )


def at(azure: AzureEmulator, **given: Any) -> AzureClient:
    values = section(azure, **given)
    del values["backend"]
    return AzureClient(AzureSettings.model_validate(values))


def asking(client: AzureClient) -> AzureInference:
    given = client._given
    control = Control(given, client)
    hosting = AzureHosting(control, given, Catalogue())
    return AzureInference(client, control, hosting, given, Catalogue())


async def _astream(client: AzureClient) -> None:
    async for _ in asking(client).astream(RECORD, ASKED):
        pass


DATA: dict[str, Callable[[AzureClient], object]] = {
    "read": jobs,
    "create": make,
    "stream": lambda client: list(asking(client).stream(RECORD, ASKED)),
    "async": lambda client: asyncio.run(asking(client).achat(RECORD, ASKED)),
    "async stream": lambda client: asyncio.run(_astream(client)),
}
ARM: dict[str, Callable[[Control], object]] = {
    "list": lambda control: list(control.deployments()),
    "get": lambda control: control.deployment("mini"),
    "put": lambda control: control.deploy("mini", {"sku": {"name": "x", "capacity": 1}}),
    "delete": lambda control: control.remove("mini"),
    "models": lambda control: control.listed_model("gpt-4.1-mini", "2025-04-14"),
}


def is_in_none(error: FtkitError, caplog: pytest.LogCaptureFixture, *roots: object) -> None:
    assert CANARY not in "".join((str(error), repr(error), repr(pickle.dumps(error))))
    assert CANARY not in caplog.text
    assert CANARY not in "".join(traceback.format_exception(error))
    assert places(error, *roots) == []


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("way", DATA)
@pytest.mark.parametrize("kind", KEYS)
def test_a_key_or_token_is_in_no_error_log_frame_or_object(
    kind: str,
    way: str,
    answer: str,
    loopback: Loopback,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(kind, CANARY)
    loopback.answer = ANSWERS[answer]
    client = AzureClient(settings(loopback))
    for name in ("openai", "httpx2", "httpcore2", "ftkit"):
        caplog.set_level(logging.DEBUG, name)
    with pytest.raises(FtkitError) as failed:
        DATA[way](client)
    sent = loopback.requests[0].headers
    assert CANARY in sent[KEYS[kind]]
    assert sum(name in sent for name in KEYS.values()) == 1
    is_in_none(failed.value, caplog, client)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("way", ARM)
def test_the_control_planes_token_is_in_no_error_log_frame_or_object(
    way: str,
    answer: str,
    loopback: Loopback,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_MANAGEMENT_TOKEN", CANARY)
    loopback.answer = ANSWERS[answer]
    control = Control(settings(loopback), AzureClient(settings(loopback)))
    for name in ("httpx", "httpcore", "ftkit"):
        caplog.set_level(logging.DEBUG, name)
    with pytest.raises(FtkitError) as failed:
        ARM[way](control)
    assert loopback.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    is_in_none(failed.value, caplog, control)


def test_the_search_sees_a_key_that_is_kept(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", CANARY)
    client = AzureClient(settings(loopback))
    jobs(client)
    (pooled,) = client._pools.values()
    pooled.api_key = CANARY
    assert places(ProviderError("x"), client) != []


# --- hosts ---


def test_a_next_page_on_another_host_is_not_asked_for(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_MANAGEMENT_TOKEN", CANARY)
    elsewhere = Loopback(answers(200, {"value": []}))
    try:
        for link in (f"{elsewhere.url}/more", f"{loopback.url}.example.com/", f"{loopback.url}@x/"):
            loopback.answer = answers(200, {"value": [], "nextLink": link})
            with pytest.raises(ProviderError, match="another host, where nothing was sent"):
                ARM["list"](Control(settings(loopback), AzureClient(settings(loopback))))
        assert elsewhere.requests == []
    finally:
        elsewhere.close()


def test_openais_own_variables_have_no_business_at_azure(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, f"other-{CANARY}")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "plain-0123456789")
    jobs(AzureClient(settings(loopback)))
    assert CANARY not in str(loopback.requests)
    assert "openai-organization" not in loopback.requests[0].headers


@pytest.mark.parametrize("line", ["endpoint", "base_url", "arm_url", "api_key_env", "token_env"])
def test_a_project_may_not_say_where_a_key_goes(line: str) -> None:
    Path("ftkit.toml").write_text(f'[providers.azure]\n{line} = "https://example.com"\n')
    with pytest.raises(ConfigError, match="may not stand in a project's file"):
        opened()


@pytest.mark.parametrize("name", ["subscription", "resource_group", "account"])
@pytest.mark.parametrize("value", ["a/../../b", "x?y", "", "a b", "%2e%2e"])
def test_a_name_that_would_lead_elsewhere_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="is not a name"):
        AzureSettings.model_validate({name: value})


def test_a_submission_a_deployment_and_a_saved_model_leave_no_key_in_the_home(
    azure: AzureEmulator, home: Path
) -> None:
    azure.fault(CREATE, "close", process=True)
    azure.fault(PUT, "close", process=True)
    model = tuned(name="router").model()
    with served(model) as there:
        there.chat("question 1")
    model.save(home / "router.json")
    held = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    for secret in (azure.api_key, azure.arm_token):
        assert len(held) > 1000 and secret.encode() not in held


# --- Entra ---


@pytest.fixture
def entra(
    azure: AzureEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """azure-identity fetches tokens of a service principal from the emulator, through TLS; names of the threads that did."""
    from azure import identity as sdk

    fetched: list[str] = []
    with Door(azure.url, tmp_path) as door:

        def principal() -> Any:
            site = azure.site
            found = sdk.ClientSecretCredential(
                site.tenant,
                site.client_id,
                site.client_secret,
                authority=door.url,
                disable_instance_discovery=True,
                connection_verify=str(door.certificate),
            )
            own = found.get_token_info

            def get_token_info(*scopes: str, **options: Any) -> Any:
                fetched.append(threading.current_thread().name)
                return own(*scopes, **options)

            found.get_token_info = get_token_info  # type: ignore[method-assign]
            return found

        monkeypatch.setattr(sdk, "DefaultAzureCredential", principal)
        for name in ("AZURE_OPENAI_API_KEY", "AZURE_MANAGEMENT_TOKEN"):
            monkeypatch.delenv(name)
        provider = identity._provider
        provider.cache_clear()
        yield fetched
        provider.cache_clear()


def test_both_planes_take_a_token_that_is_fetched_and_it_is_kept_by_nobody_of_ours(
    azure: AzureEmulator, entra: list[str], home: Path
) -> None:
    with served(tuned().model()) as there:
        assert there.chat("question 4").text == "answer 4"
    requests = azure.counts()["requests"]
    assert requests["POST token"] == 2  # one for each plane, then they are renewed in time
    held = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"eyJ" not in held and b"Bearer" not in held


def test_an_event_loop_does_not_wait_for_a_token(azure: AzureEmulator, entra: list[str]) -> None:
    client = at(azure, deployments={BASE: "x"})
    with pytest.raises(FtkitError):
        asyncio.run(asking(client).achat(RECORD, ASKED))
    assert entra and threading.main_thread().name not in entra


def test_where_nobody_is_logged_in_it_is_said_what_to_set(
    azure: AzureEmulator, entra: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(process: int, scope: str) -> Any:
        def fetch() -> str:
            raise RuntimeError(f"AADSTS7000215: Invalid client secret {CANARY}")

        return fetch

    monkeypatch.setenv("AZURE_CLIENT_SECRET", CANARY)
    monkeypatch.setattr(identity, "_provider", refused)
    client = at(azure)
    with pytest.raises(AuthError, match="AZURE_OPENAI_API_KEY is not set.*AADSTS7000215") as failed:
        jobs(client)
    assert CANARY not in "".join(traceback.format_exception(failed.value))
    with pytest.raises(AuthError, match="nothing was sent"):
        make(client)


def test_a_key_can_be_demanded_and_entra_too(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "token-0123456789")
    with pytest.raises(AuthError, match="AZURE_OPENAI_API_KEY is not set"):
        jobs(AzureClient(settings(loopback, auth="key")))
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "plain-0123456789")
    jobs(AzureClient(settings(loopback, auth="entra")))
    assert loopback.requests[-1].headers["authorization"] == "Bearer token-0123456789"
