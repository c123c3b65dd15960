"""The Anthropic backend on the emulator, as the conformance suite takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ftkit.testing.conformance import Subject
from tests.anthropic_desk import HAIKU, NOON
from tests.anthropic_fixtures import OWN_VARIABLES
from tests.emulators.anthropic import AnthropicEmulator
from tests.emulators.serving.driving import with_objects


@contextmanager
def subject() -> Iterator[Subject]:
    """A subject with its emulator running."""
    with pytest.MonkeyPatch.context() as patch, AnthropicEmulator(now=NOON) as emulator:
        for name in ("ANTHROPIC_BASE_URL", *OWN_VARIABLES):
            patch.delenv(name, raising=False)
        patch.setenv("FTKIT_NOW", NOON)
        patch.delenv("FTKIT_NOW_ANCHOR", raising=False)
        section = {"backend": "anthropic", "base_url": emulator.base_url}
        yield Subject(
            "under-test",
            section,
            HAIKU,
            environment={"ANTHROPIC_API_KEY": emulator.api_key},
            reply_with=lambda answer: emulator.reply_with(with_objects(answer)),
            heard=emulator.heard,
            unreachable={**section, "base_url": "http://127.0.0.1:9"},
        )
