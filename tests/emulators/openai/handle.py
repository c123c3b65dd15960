"""`OpenAIEmulator`: the emulator in a process of its own, and the handle that steers and questions it.

It runs apart from the program under test, so that killing that program leaves the witness alive. It ends with the
`with` block, or by itself once the process that started it is gone. The end of the block raises what it saw wrong.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

_REPOSITORY = Path(__file__).resolve().parents[3]
_STARTS_WITHIN_S = 60.0
_LOOKS_EVERY_S = 0.02
_ANSWERS_WITHIN_S = 60.0


class EmulatorError(RuntimeError):
    """The emulator does not run, or was told nonsense."""


class ContractViolation(AssertionError):
    """A request or an answer was not what the provider's contract says."""


class OpenAIEmulator:
    """OpenAI's fine-tuning API on a loopback port; `settings` are those of `records.Settings`, and `now`.

    `accounts` maps keys to "organisation/project". `contract=False` runs it without a judge, as where the contract is
    not at hand. Every create that is accepted makes a job. Use it as a context manager, or call `start` and `stop`.
    """

    def __init__(
        self, *, accounts: Mapping[str, str] | None = None, contract: bool = True, **settings: Any
    ) -> None:
        accounts = dict(accounts or {"sk-emulated": "org-acme/proj-main"})
        self.api_key = next(iter(accounts))
        self.validated = False
        self._options = [
            f"--settings={json.dumps(settings)}",
            *(f"--account={key}={owner}" for key, owner in accounts.items()),
            *([] if contract else ["--no-contract"]),
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
        try:
            found = self.violations() if self._process and self._process.poll() is None else []
        finally:
            self.stop()
        if found and error is None:
            raise _violation(found)
        if found and error is not None:
            error.add_note(str(_violation(found)))

    @property
    def url(self) -> str:
        """Where the server is, without a slash at the end."""
        if not self._url:
            raise EmulatorError("the emulator does not run; use it in a `with` block")
        return self._url

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL would hold."""
        return f"{self.url}/v1"

    def start(self) -> Self:
        """Start the server and wait until it listens; EmulatorError where it does not."""
        with tempfile.TemporaryDirectory(prefix="openai-emulator-") as folder:
            ready = Path(folder) / "ready.json"
            path = [str(_REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
            # In a session of its own a Ctrl-C meant for the program under test does not reach the witness.
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "tests.emulators.openai",
                    f"--ready-file={ready}",
                    f"--parent={os.getpid()}",
                    *self._options,
                ],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            )
            for _ in range(int(_STARTS_WITHIN_S / _LOOKS_EVERY_S)):
                if ready.exists():
                    told = json.loads(ready.read_text(encoding="utf-8"))
                    self._url, self.validated = told["url"], told["validated"]
                    return self
                try:
                    code = self._process.wait(_LOOKS_EVERY_S)
                except subprocess.TimeoutExpired:
                    continue
                raise EmulatorError(f"the emulator ended with code {code} at its start")
            self.stop()
        raise EmulatorError(f"the emulator did not listen within {_STARTS_WITHIN_S:g} s")

    def stop(self) -> None:
        """End the server; harmless where it has ended before."""
        process, self._process, self._url = self._process, None, ""
        if process is None:
            return
        process.kill()  # it has nothing to save, and may be told to hang
        process.wait()

    @property
    def pid(self) -> int | None:
        """The server's process, None where it does not run."""
        return self._process.pid if self._process else None

    def counts(self) -> dict[str, Any]:
        """What happened since the start or the last `reset`, over all accounts.

        `jobs`, `files`, `uploads`, `batches`: how many were created, deleted ones too and planted ones not; `chats`,
        `responses`: how many were answered; `metadata`, `batch_metadata`: how many jobs, batches by key and value; `usd`, `training_usd`: text;
        `requests`: by route, faults included; `active_jobs`; `deviations`: how often each was made.
        """
        counts: dict[str, Any] = self._ask("GET", "counts")
        return counts

    def log(self) -> list[dict[str, Any]]:
        """Every API request in order: seq, time, method, path, route, query, headers, bytes, json (None for forms)."""
        log: list[dict[str, Any]] = self._ask("GET", "log")
        return log

    def about(self) -> dict[str, Any]:
        """`validated`, the lists of `deviations` and of what was `mended` in the contract, `modules`, `routes`."""
        about: dict[str, Any] = self._ask("GET", "about")
        return about

    def violations(self) -> list[dict[str, Any]]:
        """What broke the contract so far: what ("request", "answer", "emulator"), route, path, wrong."""
        found: list[dict[str, Any]] = self._ask("GET", "violations")
        return found

    def take_violations(self) -> list[dict[str, Any]]:
        """The same, and the end of it: for a test that provoked them."""
        found: list[dict[str, Any]] = self._ask("DELETE", "violations")
        return found

    def reset(self) -> None:
        """Forget all but the constructor's settings; raises violations that nobody took, which would be lost."""
        found = self.take_violations()
        self._ask("POST", "reset")
        if found:
            raise _violation(found)

    def set(self, **settings: Any) -> None:
        """Change settings (`records.Settings`, `now`); those of a job hold from its create."""
        self._ask("PATCH", "settings", settings)

    def fault(self, on: str, action: str, **fields: Any) -> None:
        """Order a fault for requests of the route `on` (its name as in `counts`, or "*" for every one).

        Actions and fields are those of `faults.py`: `skip` requests pass first, `times` are hit (default 1, None:
        all), `until` is an ISO time after which none is, `process` says whether the request takes effect before.
        """
        self._ask("POST", "faults", {"faults": [{"on": on, "action": action, **fields}]})

    def refuse(
        self, on: str, code: str, retry_after: float | datetime | None = None, **fields: Any
    ) -> None:
        """Order one of the provider's own errors; a `retry_after` is sent as seconds, or as a date."""
        text = (
            None
            if retry_after is None
            else f"{retry_after:g}"
            if not isinstance(retry_after, datetime)
            else format_datetime(retry_after, usegmt=True)
        )
        self.fault(on, "refuse", code=code, retry_after=text, **fields)

    def clear_faults(self) -> None:
        """Take back every fault ordered so far."""
        self._ask("DELETE", "faults")

    def reply_with(self, *replies: str | Mapping[str, Any]) -> None:
        """Script the next answers of models: text, or content, tool_calls [{name, arguments}], refusal, finish_reason."""
        scripted = [{"content": one} if isinstance(one, str) else dict(one) for one in replies]
        self._ask("POST", "replies", {"replies": scripted})

    def plant(self, jobs: int, **options: Any) -> list[str]:
        """Plant finished jobs of the past with their files; see `history.plant`. Ids, oldest first."""
        ids: list[str] = self._ask("POST", "history", {"jobs": jobs, **options})
        return ids

    def patch_job(self, id: str, **fields: Any) -> dict[str, Any]:
        """Show `fields` of a job from now on (None: the truth again); returns the job.

        A final `status` ends it for good; `frozen=True` stops its progress until `frozen=False`.
        """
        job: dict[str, Any] = self._ask("PATCH", f"jobs/{id}", fields)
        return job

    def lose_job(self, id: str) -> None:
        """Let the provider forget a job and its model; what it cost stays counted."""
        self._ask("DELETE", f"jobs/{id}")

    def lose_file(self, id: str) -> None:
        """Let the provider forget a file."""
        self._ask("DELETE", f"files/{id}")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_control/{path}", content, method=method)
        try:
            with self._opener.open(request, timeout=_ANSWERS_WITHIN_S) as reply:
                return json.load(reply)
        except HTTPError as error:
            with error:
                raise EmulatorError(error.read().decode(errors="replace")) from error
        except (URLError, OSError) as error:
            raise EmulatorError(f"the emulator does not answer: {error}") from error


def _violation(found: list[dict[str, Any]]) -> ContractViolation:
    lines = [f"{one['what']} {one['route']} ({one['path']}): {one['wrong']}" for one in found]
    return ContractViolation("\n".join([f"{len(found)} against the contract:", *lines]))
