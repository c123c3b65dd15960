"""Prism, a second judge of requests that knows nothing of openapi-core: a mock server which answers 422 to wrong ones.

It is a Node program: the command `prism` where there is one, else npx fetches it. Its own made-up answers are of no
use; `refused` sends it what an emulator has logged.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from .contract import contract_file

PACKAGE = "@stoplight/prism-cli@5.14.2"
STARTS_WITHIN_S = 180.0


def command() -> list[str] | None:
    """How it is started, None where there is no way."""
    if found := shutil.which("prism"):
        return [found]
    return ["npx", "--yes", PACKAGE] if shutil.which("npx") else None


at_hand = [
    pytest.mark.torture,
    pytest.mark.skipif(contract_file() is None, reason="the contract is not at hand"),
    pytest.mark.skipif(command() is None, reason="neither prism nor npx is installed"),
]


@pytest.fixture(scope="module")
def prism() -> Iterator[Prism]:
    """Prism on the contract; npx may have to fetch it first, and where it cannot the test is skipped."""
    path = contract_file()
    assert path is not None
    try:
        running = Prism(path).__enter__()
    except OSError as error:
        pytest.skip(str(error))
    yield running
    running.__exit__(None, None, None)


class Prism:
    """A Prism on one contract; OSError where it does not start. Use it as a context manager."""

    def __init__(self, contract: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"  # it serves no base path
        self._command = [*(command() or ["prism"]), "mock", "--errors", "-h", "127.0.0.1"]
        self._command += ["-p", str(port), str(contract)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "NO_COLOR": "1"},
            start_new_session=True,  # npx starts it as a child of its own
        )
        self._listens = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        if not self._listens.wait(STARTS_WITHIN_S) or self._process.poll() is not None:
            self.__exit__(None, None, None)
            raise OSError(f"prism did not start: {' '.join(self._command)}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()

    def refused(self, log: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of an emulator's logged requests that it calls wrong, with what it says; forms are not in a log."""
        found = []
        for entry in log:
            if entry["headers"].get("Content-Type", "").startswith("multipart/"):
                continue
            body = None if entry["json"] is None else json.dumps(entry["json"]).encode()
            path = entry["path"].removeprefix("/v1")
            request = Request(f"{self.url}{path}?{_quoted(entry)}", body, method=entry["method"])
            request.add_header("Authorization", "Bearer prism")
            if body is not None:
                request.add_header("Content-Type", "application/json")
            try:
                with build_opener(ProxyHandler({})).open(request, timeout=60):
                    continue
            except HTTPError as error:
                with error:
                    if error.code == 422:
                        said = json.loads(error.read())
                        found.append({"route": entry["route"], "said": said["validation"]})
        return found

    def _read(self) -> None:
        """Keep its output flowing, or it stands still."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if b"is listening" in line:
                self._listens.set()
        self._listens.set()


def _quoted(entry: dict[str, Any]) -> str:
    return str(entry["query"]).replace("[", "%5B").replace("]", "%5D")
