"""What tests drive the emulator with: rows, the real SDKs, plain requests, virtual time, and a fresh state each test."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.cloud import storage
from google.genai import types
from google.oauth2.credentials import Credentials

from ..serving.driving import Seen, Time, ask_plainly
from .handle import GoogleEmulator

CREATE = "POST tuningJobs"
LIST = "GET tuningJobs"
READ = "GET tuningJobs/ID"
GENERATE = "POST publishers/google/models/ID:generateContent"
BASE = "gemini-3.5-flash"
OPEN_BASE = "google/gemma3@gemma-3-4b-it"
REGION = "us-central1"
NOON = "2026-11-24T12:00:00+00:00"


@pytest.fixture(scope="module")
def server() -> Iterator[GoogleEmulator]:
    """The emulator, started once a file, on a running clock."""
    with GoogleEmulator(run_s=0.0, now=NOON) as emulator:
        yield emulator


@pytest.fixture
def emulator(server: GoogleEmulator) -> Iterator[GoogleEmulator]:
    """The emulator with nothing in it; a test that broke the contract and did not say so fails here."""
    server.reset()
    yield server
    server.reset()


@pytest.fixture
def client(emulator: GoogleEmulator) -> genai.Client:
    """The real SDK in the tuning region, which does not retry."""
    return connect(emulator)


@pytest.fixture
def bucket(emulator: GoogleEmulator) -> Any:
    """The real Cloud Storage SDK on the main bucket."""
    return store(emulator).bucket(emulator.bucket)


def connect(
    emulator: GoogleEmulator, location: str = REGION, project: str | None = None
) -> genai.Client:
    """The real SDK on the emulator, as a client of a location."""
    return genai.Client(
        enterprise=True,
        project=project or emulator.project,
        location=location,
        credentials=Credentials(emulator.token(project)),
        http_options=types.HttpOptions(base_url=emulator.base_url(location), timeout=20_000),
    )


def store(emulator: GoogleEmulator, credentials: Any = None) -> Any:
    """The real Cloud Storage SDK on the emulator."""
    return storage.Client(
        project=emulator.project,
        credentials=credentials or Credentials(emulator.token()),
        client_options={"api_endpoint": emulator.storage_url},
    )


def row(asked: str, taught: str) -> dict[str, Any]:
    """A row of supervised tuning."""
    return {"contents": [turn("user", asked), turn("model", taught)]}


def pair(asked: str, right: str, wrong: str) -> dict[str, Any]:
    """A row of preference tuning."""
    return {
        "contents": [turn("user", asked)],
        "completions": [
            {"score": 1.0, "completion": turn("model", right)},
            {"score": 0.0, "completion": turn("model", wrong)},
        ],
    }


def turn(role: str, text: str) -> dict[str, Any]:
    """One turn."""
    return {"role": role, "parts": [{"text": text}]}


def jsonl(lines: Iterable[Any]) -> str:
    """Lines of JSON."""
    return "".join(json.dumps(line) + "\n" for line in lines)


def rows(count: int = 12) -> str:
    """A training file: "question N" with "answer N"; 6 tokens a row."""
    return jsonl(row(f"question {number}", f"answer {number}") for number in range(count))


def create(
    emulator: GoogleEmulator,
    client: genai.Client,
    text: str | None = None,
    *,
    base: str = BASE,
    uri: str | None = None,
    **config: Any,
) -> types.TuningJob:
    """Make a job on a file of the bucket, by default a new one of 12 rows, of 3 epochs."""
    place = uri or emulator.put_object("train.jsonl", rows() if text is None else text)
    config.setdefault("epoch_count", 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tuning is experimental is said once
        return client.tunings.tune(
            base_model=base,
            training_dataset=types.TuningDataset(gcs_uri=place),
            config=types.CreateTuningJobConfig(**config),
        )


def get(client: genai.Client, job: types.TuningJob) -> types.TuningJob:
    """The job now."""
    assert job.name
    return client.tunings.get(name=job.name)


def tuned(client: genai.Client, job: types.TuningJob) -> types.TunedModel:
    """What it made."""
    found = get(client, job).tuned_model
    assert found is not None
    return found


@pytest.fixture
def time(emulator: GoogleEmulator, tmp_path: Path) -> Time:
    """The emulator lives in virtual time, from noon of 2026-11-24 on."""
    time = Time(tmp_path / "now", NOON)
    emulator.set(now=time.setting)
    return time


def ask(
    emulator: GoogleEmulator,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    **headers: str,
) -> Seen:
    """One plain request; a body that is not bytes goes as JSON. `token=""` sends none. OSError where no answer came."""
    sent = {} if token == "" else {"Authorization": f"Bearer {token or emulator.token()}"}
    if body is not None:
        sent["Content-Type"] = "application/json"
    sent |= {name.replace("_", "-"): text for name, text in headers.items()}
    return ask_plainly(method, f"{emulator.url}{path}", sent, body)


def path(emulator: GoogleEmulator, what: str, location: str = REGION) -> str:
    """The path of something of the main project, as a client of the location asks for it."""
    return f"/at/{location}/v1beta1/projects/{emulator.project}/locations/{location}/{what}"
