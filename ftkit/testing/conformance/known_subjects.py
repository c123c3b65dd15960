"""Subjects of the backends that come with ftkit, and of any other one that needs no provider to be started."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from ftkit import config
from ftkit.backend import Backend
from ftkit.config import Settings
from ftkit.errors import ConfigError
from ftkit.registry import open_backend
from ftkit.testing.conformance.subject import PaidCall, Subject
from ftkit.testing.hosted import HostedProvider

INSTANCE = "under-test"
_LONG_S = 3.0  # long against a poll, short enough to wait for its first step
_POST = {"submit": "POST /v1/jobs", "start": "POST /v1/deployments", "batch": "POST /v1/batches"}


def known_subject(backend: str) -> AbstractContextManager[Subject]:
    """The subject of a backend by its name; ConfigError where one has to be given."""
    match backend:
        case "fake":
            return hosted_subject()
        case "fake-runs":
            return nullcontext(_fake_runs())
        case "local":
            return nullcontext(_local())
    return nullcontext(_plain(backend))


def _plain(backend: str) -> Subject:
    """A backend that needs no settings: asked and trained is the first model of its catalogue."""
    section = {"backend": backend}
    settings = Settings(
        home=config.home(), profile=config.DEFAULT_PROFILE, providers={INSTANCE: section}
    )
    opened: Backend = open_backend(INSTANCE, settings)
    if not opened.catalogue.models:
        raise ConfigError(
            f"the catalogue of {backend} names no model; give --ftkit-subject module:factory"
        )
    return Subject(INSTANCE, section, next(iter(opened.catalogue.models)))


def _fake_runs() -> Subject:
    from ftkit.testing.runs_backend import FOLDER

    return Subject(
        INSTANCE,
        {"backend": "fake-runs", "step_s": 0.02},
        "tiny",
        hyperparameters={"max_steps": 3, "epochs": 4},
        long_run={"max_steps": 500, "epochs": 500, "batch_size": 1},
        kill=_kills_run(FOLDER),
    )


def _kills_run(folder: str) -> Callable[[str], None]:
    """Ends a run's trainer as a crash would; its own journal, one JSON event a line, names the process."""

    def kill(id: str) -> None:
        journal = (config.home() / folder / id / "events.jsonl").read_text(encoding="utf-8")
        events = [json.loads(line) for line in journal.splitlines()]
        pid = [event["data"]["pid"] for event in events if event["type"] == "started"][-1]
        os.kill(int(pid), signal.SIGKILL)

    return kill


def _local() -> Subject:
    base = os.environ.get("FTKIT_CONFORMANCE_BASE")
    if not base:
        raise ConfigError(
            "the local backend is judged on a model of yours: set FTKIT_CONFORMANCE_BASE to its folder"
        )
    return Subject(
        INSTANCE,
        {"backend": "local"},
        str(Path(base).absolute()),
        hyperparameters={"max_steps": 1},
        long_run={"max_steps": 600, "epochs": 600},
        kill=_kills_run("runs"),
        timeout_s=180,
    )


@contextmanager
def hosted_subject(
    backend: str = "fake", *, run_s: float = 0.3, listing_lag_s: float = 0.2
) -> Iterator[Subject]:
    """A subject on a `HostedProvider`: for the backend "fake", and for another one that takes its settings."""
    with HostedProvider(run_s=run_s, listing_lag_s=listing_lag_s) as provider:
        steered = _Steered(provider, run_s)
        section = {
            "backend": backend,
            "url": provider.url,
            "listing_lag_s": listing_lag_s,
            "poll_s": 0.05,
        }
        yield Subject(
            INSTANCE,
            section,
            "small",
            dedicated="dedicated",
            environment={"FTKIT_FAKE_API_KEY": provider.api_key},
            witness=steered,
            faults=steered,
            unreachable={**section, "url": "http://127.0.0.1:9", "organisation": "org-1"},
            long_run={"batch_size": 1},  # more steps in the same time: the first comes soon
            slowly=steered.slowly,
            crowd=provider.foreign,
            say_status=steered.say_status,
        )


class _Steered:
    """The hosted provider as witness and as source of faults."""

    def __init__(self, provider: HostedProvider, run_s: float) -> None:
        self._provider = provider
        self._run_s = run_s

    def jobs(self) -> Mapping[str, int]:
        """Jobs by key."""
        keys: Mapping[str, int] = self._provider.counts()["keys"]
        return keys

    def deployments(self) -> Mapping[str, int]:
        """Deployments by key."""
        keys: Mapping[str, int] = self._provider.counts()["deployment_keys"]
        return keys

    def batches(self) -> Mapping[str, int]:
        """Batches by key."""
        keys: Mapping[str, int] = self._provider.counts()["batch_keys"]
        return keys

    def lose_reply(self, call: PaidCall) -> None:
        """The request takes effect, and the connection is closed."""
        self._provider.fault(_POST[call], "close", process=True)

    def refuse(self, call: PaidCall) -> None:
        """A 400 as the provider words it."""
        body = '{"error": {"code": "bad_request", "message": "not today"}}'
        self._provider.fault(_POST[call], "reply", status=400, body=body)

    def unavailable(self, times: int, retry_after_s: float) -> None:
        """A 503 with Retry-After."""
        body = '{"error": {"code": "busy", "message": "come back later"}}'
        headers = {"Retry-After": f"{retry_after_s:g}"}
        self._provider.fault(
            "*", "reply", status=503, headers=headers, body=body, times=times, process=False
        )

    @contextmanager
    def slowly(self) -> Iterator[None]:
        """A job takes its time; one that exists already goes on as it was."""
        self._provider.set(run_seconds=_LONG_S, batch_seconds=_LONG_S)
        try:
            yield
        finally:
            self._provider.set(run_seconds=self._run_s, batch_seconds=0.0)

    def say_status(self, id: str, word: str) -> None:
        """The job shows the word from now on."""
        self._provider.patch_job(id, status=word)

    def clear(self) -> None:
        """No faults."""
        self._provider.clear_faults()
