"""`HostedProvider`: the in-memory hosted provider in a process of its own, and the handle that steers and questions it.

It runs apart from the program under test, so that killing that program leaves the witness alive. It ends with the
`with` block, or by itself within two seconds once the process that started it is gone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from ftkit.errors import ConfigError, ProviderError

_FOLDER = Path(__file__).with_name("hosted_server")
_STARTS_WITHIN_S = 30.0
_LOOKS_EVERY_S = 0.02
_ANSWERS_WITHIN_S = 30.0
_STOPS_WITHIN_S = 5.0


class HostedProvider:
    """A hosted provider with an HTTP API: files, jobs, deployments, chat; see `ftkit/testing/hosted_server`.

    Models are "small", "medium", "dedicated" (answers only while deployed), "free" (costs nothing) and what is tuned
    from them. Training costs 8 USD per million words of the file and epoch, growing with the job's steps; a deployment
    3 USD an hour; chat 0.50 USD per million words read and 1.50 written, and half of that in a batch. Every accepted
    create makes a job, whatever key it carries, unless `idempotent`. A batch ends after `set(batch_seconds=)`, and
    expires with so many answers as `set(batch_answers=)` allows. A deployment stops by itself after
    `set(deployment_seconds=)` where that is not 0.

    Times are seconds on the server's clock, which `now` sets as FTKIT_NOW would (default: the environment's own).
    `accounts` maps API keys to organisations; `echo_credentials` makes error messages repeat key, query and body.
    Use it as a context manager, or call `start` and `stop`.
    """

    def __init__(
        self,
        *,
        listing_lag_s: float = 0.0,
        queue_s: float = 0.0,
        run_s: float = 2.0,
        idempotent: bool = False,
        accounts: Mapping[str, str] | None = None,
        echo_credentials: bool = False,
        now: str | None = None,
    ) -> None:
        accounts = dict(accounts or {"fake-key": "org-1"})
        self.api_key = next(iter(accounts))
        self._options = [
            f"--listing-lag={listing_lag_s}",
            f"--queue-seconds={queue_s}",
            f"--run-seconds={run_s}",
            *(f"--account={key}={organisation}" for key, organisation in accounts.items()),
            *(["--idempotent"] if idempotent else []),
            *(["--echo-credentials"] if echo_credentials else []),
            *([f"--now={now}"] if now is not None else []),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._url = ""
        # A proxy of the environment would be asked for a loopback address that is not its own.
        self._opener = build_opener(ProxyHandler({}))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the API is, without a slash at the end: its routes are `url` + "/v1/..."."""
        if not self._url:
            raise ProviderError("the hosted provider does not run; use it in a `with` block")
        return self._url

    def start(self) -> Self:
        """Start the server and wait until it listens; ProviderError where it does not."""
        with tempfile.TemporaryDirectory(prefix="ftkit-hosted-") as folder:
            ready = Path(folder) / "ready.json"
            # -I -S: the standard library and nothing else. In a session of its own a Ctrl-C meant
            # for the program under test does not reach the witness.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_FOLDER), f"--ready-file={ready}", *self._options],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            for _ in range(int(_STARTS_WITHIN_S / _LOOKS_EVERY_S)):
                if ready.exists():
                    self._url = json.loads(ready.read_text(encoding="utf-8"))["url"]
                    return self
                try:
                    code = self._process.wait(_LOOKS_EVERY_S)
                except subprocess.TimeoutExpired:
                    continue
                raise ProviderError(f"the hosted provider ended with code {code} at its start")
            self.stop()
        raise ProviderError(f"the hosted provider did not listen within {_STARTS_WITHIN_S:g} s")

    def stop(self) -> None:
        """End the server; harmless where it has ended before."""
        process, self._process = self._process, None
        if process is None:
            return
        if self._url and process.poll() is None:
            try:
                self._ask("POST", "stop")
            except ProviderError:
                process.send_signal(signal.SIGTERM)
        self._url = ""
        try:
            process.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def pid(self) -> int | None:
        """The server's process, None where it does not run."""
        return self._process.pid if self._process else None

    def counts(self) -> dict[str, Any]:
        """What the provider did since its start or the last `reset`, over all organisations.

        `jobs`, `deployments`, `files`: how many were created, deleted ones too and planted ones not; `chats`: how many
        were answered; `usd`: text, all that was charged; `requests`: how often each route was asked, by its name such
        as "POST /v1/jobs" or "GET /v1/jobs/ID", faults included; `keys` and `deployment_keys`: how many were created
        with each `metadata["key"]`; `running_deployments`.
        """
        counts: dict[str, Any] = self._ask("GET", "counts")
        return counts

    def log(self) -> list[dict[str, Any]]:
        """Every API request in order: seq, time, method, path, query, headers (names as in "X-Request-Id")."""
        log: list[dict[str, Any]] = self._ask("GET", "log")
        return log

    def fault(self, on: str, action: str, **fields: Any) -> None:
        """Order a fault for requests of the route `on` (its name as in `counts`, or "*" for every one).

        Actions: "close" (no reply), "reset" (RST), "half" (the right length, half the body), "hang" (`seconds` of real
        time, then close), "reply" (`status`, `headers`, `body` or `body_base64` instead of the real reply), "patch"
        (`fields` laid over the real reply's JSON). `skip` requests pass first, `times` are hit (default 1, None: all),
        `until` is an ISO time after which none is. `process` says whether the request takes effect before; the default
        is True for "patch" and "half", else False. The first live fault wins.
        ConfigError where the order makes no sense.
        """
        self._ask("POST", "faults", {"faults": [{"on": on, "action": action, **fields}]})

    def clear_faults(self) -> None:
        """Take back every fault ordered so far."""
        self._ask("DELETE", "faults")

    def reset(self) -> None:
        """Forget objects, counts, log and faults; settings are again those of the constructor. Ids start anew."""
        self._ask("POST", "reset")

    def set(self, **settings: Any) -> None:
        """Change settings: listing_lag, queue_seconds, run_seconds (seconds; those of a job hold from its create),
        idempotent, training_closed, max_active_jobs, unlisted (our jobs and deployments are never listed), now (as
        FTKIT_NOW; None: real time). ConfigError where a setting is unknown.
        """
        self._ask("PATCH", "settings", settings)

    def patch_job(self, id: str, **fields: Any) -> dict[str, Any]:
        """Show `fields` of a job verbatim from now on; returns the job.

        A final `status` ("succeeded", "failed", "cancelled") ends it for good; any other one is only shown, while
        progress goes on below, and None shows the true one again. `frozen=True` stops progress until `frozen=False`.
        """
        job: dict[str, Any] = self._ask("PATCH", f"jobs/{id}", fields)
        return job

    def foreign(self, jobs: int, organisation: str | None = None) -> None:
        """Plant finished jobs of somebody else in the (first) organisation: listed at once, newest, never counted."""
        self._ask(
            "POST",
            "foreign",
            {"jobs": jobs, **({"organisation": organisation} if organisation else {})},
        )

    def lose_job(self, id: str) -> None:
        """Let the provider forget a job and its model; what it cost stays counted."""
        self._ask("DELETE", f"jobs/{id}")

    def lose_file(self, id: str) -> None:
        """Let the provider forget an uploaded file."""
        self._ask("DELETE", f"files/{id}")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_control/{path}", content, method=method)
        try:
            with self._opener.open(request, timeout=_ANSWERS_WITHIN_S) as reply:
                return json.load(reply)
        except HTTPError as error:
            with error:
                raise ConfigError(f"hosted provider: {_reason(error.read())}") from error
        except (URLError, OSError) as error:
            raise ProviderError(f"the hosted provider does not answer: {error}") from error


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return os.fsdecode(body)
