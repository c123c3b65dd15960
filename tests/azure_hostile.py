"""Azure's emulator as a provider whose answers are junk at one step, and the stories of what it alone is asked.

What is said of an account is given to all that is read of a resource before a job: its models, its files, a new file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import ftkit
from tests.azure_desk import (
    BASE,
    CHAT,
    CREATE,
    DEPLOYMENTS,
    EVENTS,
    FILE,
    LIST,
    READ,
    UPLOAD,
    lines,
    section,
)
from tests.emulators.azure import AzureEmulator
from tests.emulators.azure.driving import deploy
from tests.hostile import KEY, Bench, Story, Trial, Where, called, command
from tests.hostile_judging import WORLDS, Worlds
from tests.hostile_stories import STORIES
from tests.openai_hostile import OpenAITarget, while_submitting

_JOBS = "/openai/v1/fine_tuning/jobs"


class AzureTarget(OpenAITarget):
    """The emulator."""

    submit = ("submit", "rows.jsonl", "--model", f"azure/{BASE}", "--name", "router")
    steps: Mapping[str, Where] = {
        "create": Where(CREATE, _JOBS),
        "list": Where(LIST, _JOBS),
        "upload": Where(UPLOAD, "/openai/v1/files"),
        "get": Where(READ, f"{_JOBS}/ftjob-1"),
        "events": Where(EVENTS, f"{_JOBS}/ftjob-1/events"),
        "account": Where("GET /openai/v1/models/ID", "/openai/v1/models/x"),
        "files": Where("GET /openai/v1/files"),
        "new file": Where(FILE),
        "chat": Where(CHAT),
        "deployments": Where(DEPLOYMENTS),
    }

    provider: AzureEmulator

    def lead_here(self, patch: pytest.MonkeyPatch) -> None:
        patch.setenv("AZURE_OPENAI_BASE_URL", self.provider.base_url)
        patch.setenv("AZURE_OPENAI_API_KEY", KEY)
        patch.setenv("AZURE_MANAGEMENT_TOKEN", self.provider.arm_token)

    def fault(self, step: str, *, skip: int = 0, times: int | None = 1, **order: Any) -> None:
        """The list is read once more than elsewhere: how many jobs there are is asked before the first look for one."""
        super().fault(step, skip=skip + (step == "list" and skip > 0), times=times, **order)

    def deploys(self, bench: Bench) -> None:
        """From here on the control plane is known."""
        bench.configure("[providers.azure]\n" + "".join(lines(section(self.provider))))


def _asked(bench: Bench, trial: Trial, order: dict[str, Any], step: str) -> None:
    """A tuned model on a deployment of somebody's is asked in each of the four ways, and what runs is listed."""
    bench.target.deploys(bench)  # type: ignore[attr-defined]
    assert bench.submit().code == 0
    assert command("job", "wait", "router").code == 0
    deploy(bench.target.provider, "standing", ftkit.model("router").record.native)
    bench.target.fault(step, times=None, **order)
    trial.hostile += [
        command("chat", "router", "question 1"),
        command("chat", "router", "question 1", "--json"),
        called(lambda: ftkit.model("router").achat("question 1")),
        command("hosting", "azure"),
    ]


def asked(step: str) -> Story:
    return lambda bench, trial, order: _asked(bench, trial, order, step)


AZURE_STORIES: Mapping[str, Story] = STORIES | {
    "account": while_submitting("account"),
    "files": while_submitting("files"),
    "new file": while_submitting("new file"),
    "chat": asked("chat"),
    "deployments": asked("deployments"),
}
AZURE_WORLDS: Worlds = WORLDS | {
    "account": [("account", None), ("files", None), ("new file", None)],
    "get": [("get", None), ("chat", None), ("deployments", None)],
}
