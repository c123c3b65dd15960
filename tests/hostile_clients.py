"""Clients that are wrong in one way, on whichever backend: what the judge of hostile answers must see."""

from __future__ import annotations

from typing import Any

import pytest

from ftkit.backend import JobStatus, OutcomeUnknown, Refused, Remote, TrainRequest
from ftkit.errors import FtkitError, ProviderError

JUNK = ("create: HTML with 200", "create: HTML with 502", "create: JSON cut in the middle")


def reads_junk(monkeypatch: pytest.MonkeyPatch, training: Any, *, as_a_no: bool) -> None:
    """Takes an answer to a create which it cannot read for a yes, or for a no."""
    whole = training.submit

    def submit(self: Any, request: TrainRequest) -> Remote:
        try:
            made: Remote = whole(self, request)
        except (OutcomeUnknown, ProviderError):
            if as_a_no:
                raise Refused("junk", "the answer was no job") from None
            return Remote(id="unknown", status=JobStatus.RUNNING, raw_status="running")
        return made

    monkeypatch.setattr(training, "submit", submit)


def reads_no_list_as_an_empty_one(monkeypatch: pytest.MonkeyPatch, training: Any) -> None:
    """Takes a list which it cannot read for one that has nothing."""
    whole = training.find

    def find(self: Any, key: str) -> list[Remote]:
        try:
            found: list[Remote] = whole(self, key)
        except FtkitError:
            return []
        return found

    monkeypatch.setattr(training, "find", find)
