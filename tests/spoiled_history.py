"""The OpenAI backend on its emulator with its history spoiled in one way, which FTKIT_BROKEN names."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ftkit.backend import FileRole, Refused, RemoteFile
from ftkit.errors import NotFound
from ftkit.testing.conformance import Subject
from ftkit_openai.training import OpenAITraining
from tests import openai_subject

_told, _fetch = OpenAITraining.told, OpenAITraining.fetch


def cut_rows(self: Any, file: RemoteFile, to: Path) -> str | None:
    """The last line end is lost."""
    name = _fetch(self, file, to)
    to.write_bytes(to.read_bytes().rstrip(b"\n"))
    return name


def packed_metrics(self: Any, file: RemoteFile, to: Path) -> str | None:
    """Metrics stay packed as they came."""
    name = _fetch(self, file, to)
    if file.role is FileRole.METRICS:
        to.write_bytes(base64.b64encode(to.read_bytes()))
    return name


def refusing(self: Any, file: RemoteFile, to: Path) -> str | None:
    """What is gone is refused, as if it were there."""
    try:
        return _fetch(self, file, to)
    except NotFound as error:
        raise Refused("404", str(error)) from error


def forgetful(self: Any, id: str) -> Any:
    """The rows are not named."""
    return replace(_told(self, id), files=())


WAYS: dict[str, tuple[str, Callable[..., Any]]] = {
    "cut rows": ("fetch", cut_rows),
    "packed metrics": ("fetch", packed_metrics),
    "refusing": ("fetch", refusing),
    "forgetful": ("told", forgetful),
}


@contextmanager
def subject() -> Iterator[Subject]:
    """The sound subject, for a spoiled backend."""
    with pytest.MonkeyPatch.context() as patch, openai_subject.subject() as sound:
        if way := os.environ.get("FTKIT_BROKEN"):
            patch.setattr(OpenAITraining, *WAYS[way])
        yield sound
