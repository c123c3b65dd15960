"""What tests of the Google backend share: rows, names of routes, the configuration, the time and a submission."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit import config
from ftkit.backend import Backend
from ftkit.registry import open_backend
from tests.emulators.google import GoogleEmulator

BASE = "gemini-3.1-flash-lite"
MODEL = f"google/{BASE}"
ROWS = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(12)]
CREATE = "POST tuningJobs"
LIST = "GET tuningJobs"
READ = "GET tuningJobs/ID"
UPLOAD = "POST upload"
PART = "PUT upload"
CHAT = "POST endpoints/ID:generateContent"
STREAM = "POST endpoints/ID:streamGenerateContent"
TOKEN = "POST token"
NOON = "2026-11-24T12:00:00+00:00"
OTHERS = (
    *("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_LOCATION", "GOOGLE_VERTEX_BASE_URL"),
    *("GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE", "STORAGE_EMULATOR_HOST"),
)


def reached(server: GoogleEmulator, folder: Path) -> dict[str, str]:
    """The variables that lead to an emulator; its credentials are written into the folder."""
    return {
        "GOOGLE_VERTEX_BASE_URL": server.base_url_template,
        "STORAGE_EMULATOR_HOST": server.storage_url,
        "GOOGLE_CLOUD_PROJECT": server.project,
        "GOOGLE_APPLICATION_CREDENTIALS": str(server.credentials_file(folder)),
        "FTKIT_GOOGLE_BUCKET": server.bucket,
        "NO_GCE_CHECK": "true",  # else a machine is asked whether it is one of Google's
    }


def lead(variables: Mapping[str, str], patch: pytest.MonkeyPatch) -> None:
    """Let Google's own variables be these alone."""
    for name in OTHERS:
        patch.delenv(name, raising=False)
    for name, value in variables.items():
        patch.setenv(name, value)


def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    """Write a user configuration with these settings of the instance "google"."""
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
    path = tmp_path / "user.toml"
    path.write_text(f'[providers.google]\nbackend = "google"\n{lines}\n')
    monkeypatch.setenv("FTKIT_CONFIG", str(path))


def opened() -> Backend:
    """The backend by the settings of now."""
    return open_backend("google", config.settings())


def submit(rows: Any = ROWS, model: str = MODEL, **options: Any) -> ftkit.types.Job:
    """A submission."""
    return ftkit.submit(rows, model, **options)


def tuned(**options: Any) -> ftkit.types.Job:
    """A job that has succeeded."""
    return submit(**options).wait(7200)


def sent(server: GoogleEmulator, route: str = CREATE) -> dict[str, Any]:
    """The body of the last request of a route."""
    found: dict[str, Any] = [one["json"] for one in server.log() if one["route"] == route][-1]
    return found
