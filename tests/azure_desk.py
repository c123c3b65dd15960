"""What tests of the Azure backend share: rows, names of routes, the configuration, a submission and a deployed model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import config
from ftkit.backend import Backend, Hosting, Inference
from ftkit.registry import open_backend

BASE = "gpt-4.1-mini-2025-04-14"
MODEL = f"azure/{BASE}"
ROWS = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(12)]
CREATE = "POST /openai/v1/fine_tuning/jobs"
LIST = "GET /openai/v1/fine_tuning/jobs"
READ = "GET /openai/v1/fine_tuning/jobs/ID"
EVENTS = "GET /openai/v1/fine_tuning/jobs/ID/events"
UPLOAD = "POST /openai/v1/files"
FILE = "GET /openai/v1/files/ID"
CHAT = "POST /openai/v1/chat/completions"
PUT = "PUT deployments/NAME"
DELETE = "DELETE deployments/NAME"
DEPLOYMENTS = "GET deployments"
NOON = "2026-11-24T12:00:00+00:00"
OWN_VARIABLES = (
    *("AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_AD_TOKEN", "AZURE_SUBSCRIPTION_ID"),
    *("AZURE_RESOURCE_GROUP", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS"),
    *("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
)


def section(emulator: Any, **settings: Any) -> dict[str, Any]:
    """The settings that lead to the emulator."""
    return {
        "backend": "azure",
        "base_url": emulator.base_url,
        "arm_url": emulator.arm_url,
        "subscription": emulator.subscription,
        "resource_group": emulator.resource_group,
        "account": emulator.account,
        **settings,
    }


def configure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulator: Any, **settings: Any
) -> None:
    """Write a user configuration in which "azure" leads to the emulator, with these settings beside."""
    path = tmp_path / "user.toml"
    values = section(emulator, **settings)
    path.write_text("[providers.azure]\n" + "".join(lines(values)))
    monkeypatch.setenv("FTKIT_CONFIG", str(path))


def lines(values: dict[str, Any]) -> Iterator[str]:
    """Settings as TOML."""
    for name, value in values.items():
        if isinstance(value, dict):
            inner = ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in value.items())
            yield f"{name} = {{ {inner} }}\n"
        elif value is not None:
            yield f"{name} = {json.dumps(value)}\n"


def opened() -> Backend:
    """The backend by the settings of now."""
    return open_backend("azure", config.settings())


def hosting() -> Hosting:
    """Its deployments."""
    found = opened().hosting
    assert found is not None
    return found


def inference() -> Inference:
    """Its answers."""
    found = opened().inference
    assert found is not None
    return found


def submit(rows: Any = ROWS, model: str = MODEL, **options: Any) -> ftkit.types.Job:
    """A submission."""
    return ftkit.submit(rows, model, **options)


def tuned(**options: Any) -> ftkit.types.Job:
    """A job that has succeeded."""
    return submit(**options).wait(3600)


@contextmanager
def served(model: ftkit.types.Model | None = None) -> Iterator[ftkit.types.Model]:
    """A model on a deployment of its own; a tuned one where none is given."""
    with (model or tuned().model()).deployed(max_cost_usd=100) as running:
        yield running


def sent(emulator: Any, route: str = CREATE) -> dict[str, Any]:
    """The body of the last request of this kind."""
    found: dict[str, Any] = [one["json"] for one in emulator.log() if one["route"] == route][-1]
    return found
