"""The emulator as a provider whose answers are junk at one step, and the stories of what Google alone is asked.

An answer goes out byte for byte, past the emulator's own contract. What is said of a job is given to questions about a
file, an endpoint and to chat too; events follow from the job, and an account is known by its credentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import ftkit
from tests.emulators.google import GoogleEmulator
from tests.google_desk import (
    BASE,
    CHAT,
    CREATE,
    LIST,
    PART,
    READ,
    STREAM,
    TOKEN,
    UPLOAD,
    lead,
    reached,
)
from tests.hostile import Bench, Story, Target, Trial, Where, called, command
from tests.hostile_judging import WORLDS, Worlds
from tests.hostile_stories import STORIES

_AT = "/at/us-central1/v1beta1/projects/acme-project/locations/us-central1"


class GoogleTarget(Target):
    """The emulator."""

    submit = ("submit", "rows.jsonl", "--model", f"google/{BASE}", "--name", "router")
    steps: Mapping[str, Where] = {
        "create": Where(CREATE, f"{_AT}/tuningJobs"),
        "list": Where(LIST, f"{_AT}/tuningJobs", "ftkit_key"),
        "upload": Where(UPLOAD, "/upload/storage/v1/b/acme-bucket/o"),
        "part": Where(PART, "/upload/storage/v1/b/acme-bucket/o"),
        "get": Where(READ, f"{_AT}/tuningJobs/1"),
        "events": Where(READ, f"{_AT}/tuningJobs/1"),
        "bucket": Where("GET objects", "/storage/v1/b/acme-bucket/o"),
        "account": Where("GET objects", "/storage/v1/b/acme-bucket/o"),
        "object": Where("GET objects/ID", "/storage/v1/b/acme-bucket/o/1"),
        "token": Where(TOKEN, "/token"),
        "chat": Where(CHAT),
        "stream": Where(STREAM),
        "endpoint": Where("GET endpoints/ID"),
    }

    def __init__(self, provider: GoogleEmulator, folder: Path) -> None:
        self.provider = provider
        self._variables = reached(provider, folder)

    def lead_here(self, patch: pytest.MonkeyPatch) -> None:
        lead(self._variables, patch)

    def fault(self, step: str, *, skip: int = 0, times: int | None = 1, **order: Any) -> None:
        where = self.steps[step]
        if "body_base64" in order:  # a whole answer
            order["part"] = 0.5 if order["action"] == "half" else 1.0
            order["action"] = "raw"
        self.provider.fault(where.route, skip=skip, times=times, query=where.query, **order)

    def slow(self) -> None:
        self.provider.set(run_s=3600)

    def jobs(self) -> tuple[int, Mapping[str, int]]:
        counts = self.provider.counts()
        return counts["jobs"], counts["labels"].get("ftkit_key", {})


def while_submitting(step: str) -> Story:
    """Every request of the step gets the answer while a submission is made."""

    def story(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
        bench.target.fault(step, times=None, **order)
        trial.hostile.append(bench.submit())

    return story


def _asked(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    """A tuned model is asked for a whole answer, and for one in pieces without blocking."""
    assert bench.submit().code == 0
    assert command("job", "wait", "router").code == 0
    for step in ("chat", "stream"):
        bench.target.fault(step, times=None, **order)
    trial.hostile += [
        command("chat", "router", "question 1", "--json"),
        called(_streamed),
    ]


def _by_its_endpoint(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    """A model that no ledger knows is looked up before it is asked."""
    assert bench.submit().code == 0
    assert command("job", "wait", "router").code == 0
    native = ftkit.job("router").model().id
    bench.target.fault("endpoint", times=None, **order)
    trial.hostile.append(command("chat", native, "question 1"))


async def _streamed() -> list[str]:
    return [piece async for piece in ftkit.model("router").astream("question 1")]


GOOGLE_STORIES: Mapping[str, Story] = STORIES | {
    "account": while_submitting("bucket"),
    "part": while_submitting("part"),
    "object": while_submitting("object"),
    "token": while_submitting("token"),
    "chat": _asked,
    "endpoint": _by_its_endpoint,
}
GOOGLE_WORLDS: Worlds = WORLDS | {
    "account": [("account", None), ("token", None)],
    "upload": [*WORLDS["upload"], ("part", True), ("part", False)],
    "get": [("get", None), ("object", None), ("chat", None), ("endpoint", None)],
}
SAMPLED_WORLDS: Worlds = GOOGLE_WORLDS | {
    "account": [("account", None)],
    "upload": [("upload", False), ("part", True)],
    "get": [("get", None), ("chat", None)],
}
