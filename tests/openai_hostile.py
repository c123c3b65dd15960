"""The emulator as a provider whose answers are junk at one step, and the stories of what OpenAI alone is asked.

An answer goes out byte for byte, past the emulator's own contract. What is said of an account is given to all that asks
about one: the list, the base and its limits. What is said of a job is given to questions about a file and to chat too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import ftkit
from tests.emulators.openai import OpenAIEmulator
from tests.hostile import KEY, Bench, Story, Target, Trial, Where, called, command
from tests.hostile_judging import WORLDS, Worlds
from tests.hostile_stories import STORIES
from tests.openai_desk import BASE, CHAT, CREATE, EVENTS, LIST, READ, UPLOAD

_JOBS = "/v1/fine_tuning/jobs"
_IN_PARTS = '[providers.openai]\nbackend = "openai"\nmax_file_bytes = 100\npart_bytes = 500\n'


class OpenAITarget(Target):
    """The emulator."""

    submit = (
        "submit",
        "rows.jsonl",
        "--model",
        f"openai/{BASE}",
        "--name",
        "router",
        "--allow-retiring",
    )
    steps: Mapping[str, Where] = {
        "create": Where(CREATE, _JOBS),
        "list": Where(LIST, _JOBS, "ftkit_key"),
        "upload": Where(UPLOAD, "/v1/files"),
        "get": Where(READ, f"{_JOBS}/ftjob-1"),
        "events": Where(EVENTS, f"{_JOBS}/ftjob-1/events"),
        "account": Where(LIST, _JOBS, "^limit=1$"),
        "model": Where("GET /v1/models/ID"),
        "limits": Where("GET /v1/fine_tuning/model_limits"),
        "file": Where("GET /v1/files/ID"),
        "parts: begin": Where("POST /v1/uploads"),
        "parts: one": Where("POST /v1/uploads/ID/parts"),
        "parts: complete": Where("POST /v1/uploads/ID/complete"),
        "chat": Where(CHAT),
        "responses": Where("POST /v1/responses"),
    }

    def __init__(self, provider: OpenAIEmulator) -> None:
        self.provider = provider

    def lead_here(self, patch: pytest.MonkeyPatch) -> None:
        patch.setenv("OPENAI_BASE_URL", self.provider.base_url)
        patch.setenv("OPENAI_API_KEY", KEY)

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
        return counts["jobs"], counts["metadata"].get("ftkit_key", {})


def while_submitting(step: str) -> Story:
    """Every request of the step gets the answer while a submission is made."""

    def story(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
        bench.target.fault(step, times=None, **order)
        trial.hostile.append(bench.submit())

    return story


def _in_account(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    """A second machine hears whose account it is: under two names of one account each would start a job."""
    while_submitting("account")(bench, trial, order)
    bench.other_machine()


def in_parts(step: str) -> Story:
    """So too, and the file is sent in parts."""

    def story(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
        bench.configure(_IN_PARTS)
        while_submitting(step)(bench, trial, order)

    return story


def _is_the_file_there(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    """A create was refused and has left its file, which the next one would use."""
    bench.target.provider.refuse(CREATE, "rate_limit_exceeded")
    assert bench.submit().code == 3
    bench.target.fault("file", times=None, **order)
    trial.hostile.append(bench.submit())


def asking(api: str) -> Story:
    """A tuned model is asked in each of the four ways, through one of OpenAI's two addresses for it."""

    def story(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
        bench.configure(f'[providers.openai]\nbackend = "openai"\napi = "{api}"\n')
        assert bench.submit().code == 0
        assert command("job", "wait", "router").code == 0
        bench.target.fault(api, times=None, **order)
        trial.hostile += [
            command("chat", "router", "question 1"),
            command("chat", "router", "question 1", "--json"),
            called(lambda: ftkit.model("router").achat("question 1")),
            called(_streamed),
        ]

    return story


async def _streamed() -> list[str]:
    return [piece async for piece in ftkit.model("router").astream("question 1")]


OPENAI_STORIES: Mapping[str, Story] = STORIES | {
    "account": _in_account,
    "model": while_submitting("model"),
    "limits": while_submitting("limits"),
    "file": _is_the_file_there,
    "parts: begin": in_parts("parts: begin"),
    "parts: one": in_parts("parts: one"),
    "parts: complete": in_parts("parts: complete"),
    "chat": asking("chat"),
    "responses": asking("responses"),
}
OPENAI_WORLDS: Worlds = WORLDS | {
    "account": [("account", None), ("model", None), ("limits", None)],
    "upload": [
        *WORLDS["upload"],
        ("parts: begin", None),
        ("parts: one", None),
        ("parts: complete", True),
        ("parts: complete", False),
    ],
    "get": [("get", None), ("file", None), ("chat", None), ("responses", None)],
}
SAMPLED_WORLDS: Worlds = OPENAI_WORLDS | {"upload": [*WORLDS["upload"], ("parts: complete", True)]}
