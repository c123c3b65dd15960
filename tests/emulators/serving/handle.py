"""`Emulator`: an emulator in a process of its own, and the handle that steers and questions it.

It runs apart from the program under test, so that killing that program leaves the witness alive. It ends with the
`with` block, or by itself once the process that started it is gone. The end of the block raises what it saw wrong.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self
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


class Emulator:
    """An emulator on a loopback port; use it as a context manager, or call `start` and `stop`.

    `module` is its package, run with `options`; a handle of its own adds what its provider can be asked.
    """

    module: ClassVar[str]

    def __init__(self, options: Sequence[str], settings: Mapping[str, Any]) -> None:
        self.told: dict[str, Any] = {}
        self._options = [f"--settings={json.dumps(settings)}", *options]
        self._process: subprocess.Popen[bytes] | None = None
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
        if not self.told:
            raise EmulatorError("the emulator does not run; use it in a `with` block")
        return str(self.told["url"])

    @property
    def validated(self) -> bool:
        """True where a contract judges its requests and answers; False before it runs."""
        return bool(self.told.get("validated"))

    def start(self) -> Self:
        """Start the server and wait until it listens; EmulatorError where it does not."""
        with tempfile.TemporaryDirectory(prefix="emulator-") as folder:
            ready = Path(folder) / "ready.json"
            path = [str(_REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
            # In a session of its own a Ctrl-C meant for the program under test does not reach the witness.
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    self.module,
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
                    self.told = json.loads(ready.read_text(encoding="utf-8"))
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
        process, self._process, self.told = self._process, None, {}
        if process is None:
            return
        process.kill()  # it has nothing to save, and may be told to hang
        process.wait()

    @property
    def pid(self) -> int | None:
        """The server's process, None where it does not run."""
        return self._process.pid if self._process else None

    def counts(self) -> dict[str, Any]:
        """What was made, asked and spent since the start or the last `reset`; `requests` by route, faults included."""
        counts: dict[str, Any] = self.ask("GET", "counts")
        return counts

    def log(self) -> list[dict[str, Any]]:
        """Every API request in order: seq, time, method, path, route, query, headers, bytes, json (None for forms)."""
        log: list[dict[str, Any]] = self.ask("GET", "log")
        return log

    def heard(self) -> str:
        """The JSON of the last request that had some, as text."""
        bodies = [one["json"] for one in self.log() if one["json"] is not None]
        return json.dumps(bodies[-1], ensure_ascii=False)

    def about(self) -> dict[str, Any]:
        """`modules`, `routes`, and what the emulator tells of itself."""
        about: dict[str, Any] = self.ask("GET", "about")
        return about

    def violations(self) -> list[dict[str, Any]]:
        """What broke the contract so far: what ("request", "answer", "emulator"), route, path, wrong."""
        found: list[dict[str, Any]] = self.ask("GET", "violations")
        return found

    def take_violations(self) -> list[dict[str, Any]]:
        """The same, and the end of it: for a test that provoked them."""
        found: list[dict[str, Any]] = self.ask("DELETE", "violations")
        return found

    def reset(self) -> None:
        """Forget all but the constructor's settings; raises violations that nobody took, which would be lost."""
        found = self.take_violations()
        self.ask("POST", "reset")
        if found:
            raise _violation(found)

    def set(self, **settings: Any) -> None:
        """Change settings (`records.Settings`, `now`); those of a job hold from its create."""
        self.ask("PATCH", "settings", settings)

    def fault(self, on: str, action: str, **fields: Any) -> None:
        """Order a fault for requests of the route `on` (its name as in `counts`, or "*" for every one).

        Actions and fields are those of `faults.py`: `skip` requests pass first, `times` are hit (default 1, None:
        all), `until` is an ISO time after which none is, `process` says whether the request takes effect before.
        """
        self.ask("POST", "faults", {"faults": [{"on": on, "action": action, **fields}]})

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
        self.ask("DELETE", "faults")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One of the control routes; EmulatorError where it is refused."""
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
