"""Tiny local models to ask, a base and an adapter of it, with none left in memory before or after a test.

A test file takes the fixtures over by giving them names of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ftkit.backend import Call, ModelRecord
from ftkit.catalogue.schema import Catalogue
from ftkit.data.example import Message
from ftkit_local.engine import unload_all
from ftkit_local.inference import LocalInference
from tests.adapters import adapter_folder, with_record
from tests.tiny import tiny_model_folder

QUESTIONS = (
    "Where is my parcel?",
    "Please cancel my order number 4512 and refund the money to my card.",
    "Hi",
    "The capital of Peru?",
)


def asked(question: str, **settings: Any) -> Call:
    return Call((Message("user", question),), **{"max_tokens": 12, **settings})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(autouse=True)
def nothing_in_memory() -> Iterator[None]:
    unload_all()
    yield
    unload_all()


@pytest.fixture
def local(home: Path) -> LocalInference:
    return LocalInference(home, Catalogue())


@pytest.fixture
def tuned(local: LocalInference, base: Path, tmp_path: Path) -> ModelRecord:
    folder = adapter_folder(base, tmp_path / "adapter")
    plain = local.record(str(base))
    with_record(folder, replace(plain, native="ftk1", tuned=True, method="lora"))
    return local.record(str(folder))
