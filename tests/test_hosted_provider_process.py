"""The in-memory hosted provider as a process: many clients, its options, its clock, its start and its end."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from urllib.parse import urlsplit

import pytest

from ftkit import clock
from ftkit.errors import ProviderError
from ftkit.testing import HostedProvider
from tests import hosted_http
from tests.hosted_http import ask, connect, create, upload

server, provider = hosted_http.server, hosted_http.provider


def test_a_hundred_clients_at_once_make_a_hundred_jobs(provider: HostedProvider) -> None:
    file = upload(provider)
    start = Barrier(100)
    body = json.dumps({"model": "small", "training_file": file, "metadata": {"key": "k"}})

    def one(_: int) -> list[str]:
        client = connect(provider)
        start.wait(10)
        ids = []
        for _ in range(2):  # the connection stays open
            client.request("POST", "/v1/jobs", body, {"Authorization": "Bearer fake-key"})
            ids.append(json.loads(client.getresponse().read())["id"])
        client.close()
        return ids

    with ThreadPoolExecutor(100) as pool:
        ids = [id for made in pool.map(one, range(100)) for id in made]
    assert len(set(ids)) == 200
    assert provider.counts()["keys"] == {"k": 200}


def test_the_constructors_options_reach_the_server() -> None:
    with HostedProvider(
        listing_lag_s=60,
        queue_s=3600,
        idempotent=True,
        accounts={"secret-key": "org-9"},
        echo_credentials=True,
        now="2026-11-24T12:00:00Z",
    ) as odd:
        assert odd.api_key == "secret-key"
        wrong = ask(odd, "POST", "/v1/jobs?token=q", {"a": "secret row"}, key="canary")
        assert wrong.status == 401
        for secret in ("Bearer canary", "token=q", "secret row"):
            assert secret in wrong.json["error"]["message"]
        file = upload(odd, key=odd.api_key)
        body = {"model": "small", "training_file": file}
        first, again = (
            ask(odd, "POST", "/v1/jobs", body, odd.api_key, Idempotency_Key="t") for _ in range(2)
        )
        assert first.json == again.json
        assert first.json["status"] == "queued"
        assert 0 <= first.json["created_at"] - 1_795_521_600 < 60  # noon, and running on
        assert ask(odd, "GET", "/v1/jobs", key=odd.api_key).json["data"] == []


def test_a_shifted_clock_is_the_one_of_ftkit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FTKIT_NOW_ANCHOR", raising=False)
    monkeypatch.setenv("FTKIT_NOW", "2028-01-01T00:00:00Z")
    clock.now()
    anchor = os.environ["FTKIT_NOW_ANCHOR"]
    setting, _, since = anchor.rpartition("|")
    monkeypatch.setenv("FTKIT_NOW_ANCHOR", f"{setting}|{float(since) - 3600}")  # an hour ago
    with HostedProvider(run_s=0.0) as shifted:
        created = create(shifted).json["created_at"]
        assert abs(created - clock.now().timestamp()) < 5


def test_without_a_setting_the_clock_is_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FTKIT_NOW", raising=False)
    with HostedProvider(run_s=0.0) as real:
        created = create(real).json
        assert created["status"] == "succeeded"
        assert abs(created["created_at"] - clock.now().timestamp()) < 5


def test_a_provider_that_cannot_start_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ProviderError, match="ended with code 2"):
        HostedProvider(now="next tuesday").start()
    assert "next tuesday" in capfd.readouterr().err
    with pytest.raises(ProviderError, match="does not run"):
        HostedProvider().counts()


def test_a_proxy_of_the_environment_is_not_asked(
    provider: HostedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with HostedProvider() as started_behind_a_proxy:
        assert started_behind_a_proxy.counts()["jobs"] == 0


def test_the_server_ends_when_the_process_that_started_it_is_gone() -> None:
    code = (
        "import os; from ftkit.testing import HostedProvider\n"
        "print(HostedProvider().start().url, flush=True); os._exit(0)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    address = urlsplit(child.stdout.strip())
    assert address.hostname and address.port
    for _ in range(100):
        try:
            socket.create_connection((address.hostname, address.port)).close()
        except ConnectionRefusedError:
            return
        clock.sleep(0.05)
    pytest.fail("the server outlived its parent by 5 s")


def test_the_server_needs_nothing_but_the_standard_library() -> None:
    import ftkit.testing

    folder = Path(str(ftkit.testing.__file__)).with_name("hosted_server")
    modules = list(folder.glob("*.py"))
    assert len(modules) > 5
    for module in modules:
        for line in module.read_text(encoding="utf-8").splitlines():
            word, _, rest = line.strip().partition(" ")
            if word in ("import", "from") and not rest.startswith("."):
                name = rest.split()[0].split(".")[0]
                assert name in sys.stdlib_module_names | {"__future__"}, (module.name, line)
