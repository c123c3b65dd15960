"""A model says until when it answers, warns in its last 60 days, and is refused once it is gone."""

from __future__ import annotations

import logging
from datetime import date

import pytest

import ftkit
from ftkit.errors import LifecycleError
from ftkit.models import lifecycle
from ftkit.testing import HostedProvider

SHUTDOWN = date(2026, 12, 31)


@pytest.fixture
def retiring(provider: HostedProvider, monkeypatch: pytest.MonkeyPatch) -> ftkit.types.Model:
    monkeypatch.setattr(lifecycle, "_warned", set())
    return ftkit.model("fake/retiring")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


@pytest.mark.parametrize(
    ("now", "warned"), [("2026-10-15", False), ("2026-11-24", True), ("2026-12-30", True)]
)
def test_the_last_sixty_days_are_warned_about_once(
    now: str,
    warned: bool,
    retiring: ftkit.types.Model,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("FTKIT_NOW", f"{now}T12:00:00Z")
    assert retiring.ends_on == SHUTDOWN
    assert retiring.chat("hello").text
    assert retiring.chat("hello again").text
    said = warnings(caplog)
    assert len(said) == warned
    if warned:
        days = (SHUTDOWN - date.fromisoformat(now)).days
        assert f"answers until 2026-12-30, {days} more days" in said[0]


def test_a_model_that_is_gone_says_since_when_and_what_to_take(
    retiring: ftkit.types.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTKIT_NOW", "2026-12-31T00:00:00Z")
    with pytest.raises(LifecycleError, match="is gone.*switched off on 2026-12-31.*take small"):
        retiring.chat("hello")


def test_a_model_without_a_known_end_has_none(provider: HostedProvider) -> None:
    assert ftkit.model("fake/small").ends_on is None
